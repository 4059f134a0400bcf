# Questions put to the profiles, pictures of them, the account of what was lost, and the page that tells it all.


rule measure:
    input:
        lambda wildcards: profile(wildcards, "tasks", wildcards.task),
    output:
        "results/{dataset}/tasks/{task}/{model}_{correction}.parquet",
    log:
        "results/logs/measure/{dataset}/{task}/{model}_{correction}.log",
    benchmark:
        "results/benchmarks/measure/{dataset}/{task}/{model}_{correction}.tsv"
    conda:
        "../../envs/profiles.yaml"
    resources:
        mem_mb=grow(4000),
    params:
        section=setting("task", "measure"),
        seed=config["seed"],
        code=fingerprint("measure"),
    script:
        "../scripts/measure.py"


rule draw:
    input:
        lambda wildcards: profile(wildcards, "figures", wildcards.figure),
    output:
        picture=report(
            "results/{dataset}/figures/{figure}/{model}_{correction}.png",
            caption="../report/draw.rst",
            category="{dataset}",
            subcategory="{figure}",
            labels={"model": "{model}", "correction": "{correction}"},
        ),
        numbers="results/{dataset}/figures/{figure}/{model}_{correction}.csv",
    log:
        "results/logs/draw/{dataset}/{figure}/{model}_{correction}.log",
    benchmark:
        "results/benchmarks/draw/{dataset}/{figure}/{model}_{correction}.tsv"
    conda:
        "../../envs/profiles.yaml"
    resources:
        mem_mb=grow(4000),
    params:
        section=setting("figure", "draw"),
        seed=config["seed"],
        code=fingerprint("draw"),
    script:
        "../scripts/draw.py"


rule ledger:
    input:
        wells=lambda wildcards: PLAN.config["datasets"][wildcards.dataset]["wells"],
        fields=plates("results/{dataset}/{plate}/fields.parquet"),
        cells=plates("results/{dataset}/{plate}/cells.parquet"),
        lost=plates("results/{dataset}/{plate}/lost.parquet"),
        embeddings=per_model("results/{dataset}/{plate}/embeddings/{model}.npy"),
        profiles=per_model("results/{dataset}/profiles/{model}/none/well.parquet"),
    output:
        "results/{dataset}/ledger.parquet",
    log:
        "results/logs/ledger/{dataset}.log",
    benchmark:
        "results/benchmarks/ledger/{dataset}.tsv"
    conda:
        "../../envs/profiles.yaml"
    params:
        code=fingerprint("ledger"),
    script:
        "../scripts/ledger.py"


rule report:
    input:
        wells=lambda wildcards: PLAN.config["datasets"][wildcards.dataset]["wells"],
        ledger="results/{dataset}/ledger.parquet",
        calibration=plates("results/{dataset}/{plate}/calibration.npz"),
        fields=plates("results/{dataset}/{plate}/fields.parquet"),
        masks=lambda wildcards: (
            plates("results/{dataset}/{plate}/masks.tif")(wildcards) if PLAN.has_masks(wildcards.dataset) else []
        ),
        crops=plates("results/{dataset}/{plate}/crops.npy"),
        cells=plates("results/{dataset}/{plate}/cells.parquet"),
        lost=plates("results/{dataset}/{plate}/lost.parquet"),
        model=per_model("results/models/{model}/model.json", PLAN.is_trained),
        training=per_model("results/models/{model}/training.parquet", PLAN.is_trained),
        profiles=per_model("results/{dataset}/profiles/{model}/{correction}/well.parquet"),
        tasks=answers("tasks", "measure", "results/{dataset}/tasks/{name}/{model}_{correction}.parquet"),
        figures=answers("figures", "draw", "results/{dataset}/figures/{name}/{model}_{correction}.png"),
    output:
        report("results/reports/{dataset}.html", caption="../report/report.rst", category="{dataset}"),
    log:
        "results/logs/report/{dataset}.log",
    benchmark:
        "results/benchmarks/report/{dataset}.tsv"
    conda:
        "../../envs/profiles.yaml"
    resources:
        mem_mb=grow(2000),
    params:
        config=PLAN.config,
        code=fingerprint("report"),
    script:
        "../scripts/report.py"
