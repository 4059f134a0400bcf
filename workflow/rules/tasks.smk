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


rule score:
    input:
        fields=plates("results/{dataset}/{plate}/fields.parquet"),
        calibration=plates("results/{dataset}/{plate}/calibration.npz"),
        masks=plates("results/{dataset}/{plate}/masks.tif"),
    output:
        "results/{dataset}/tasks/{task}/masks.parquet",
    log:
        "results/logs/score/{dataset}/{task}.log",
    benchmark:
        "results/benchmarks/score/{dataset}/{task}.tsv"
    conda:
        "../../envs/profiles.yaml"
    resources:
        mem_mb=grow(2000),
    params:
        section=setting("task", "measure"),
        code=fingerprint("measure.segmentation"),
    script:
        "../scripts/score.py"


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
        code=fingerprint("pictures.draw"),
    script:
        "../scripts/draw.py"


rule look:
    input:
        of_plates("results/{dataset}/painted/{plate}", PLAN.is_painted),
        fields=plates("results/{dataset}/{plate}/fields.parquet"),
        calibration=plates("results/{dataset}/{plate}/calibration.npz"),
        masks=of_plates("results/{dataset}/{plate}/masks.tif", PLAN.has_masks),
        objects=of_plates("results/{dataset}/{plate}/objects.parquet", PLAN.has_masks),
        cells=plates("results/{dataset}/{plate}/cells.parquet"),
        lost=plates("results/{dataset}/{plate}/lost.parquet"),
    output:
        picture=report(
            "results/{dataset}/figures/{figure}/look.png",
            caption="../report/look.rst",
            category="{dataset}",
            subcategory="{figure}",
        ),
        numbers="results/{dataset}/figures/{figure}/look.csv",
    log:
        "results/logs/look/{dataset}/{figure}.log",
    benchmark:
        "results/benchmarks/look/{dataset}/{figure}.tsv"
    conda:
        "../../envs/profiles.yaml"
    resources:
        mem_mb=grow(2000),
    params:
        section=setting("figure", "look"),
        seed=config["seed"],
        code=fingerprint("look"),
    script:
        "../scripts/look.py"


rule ledger:
    input:
        wells=lambda wildcards: PLAN.config["datasets"][wildcards.dataset]["wells"],
        fields=plates("results/{dataset}/{plate}/fields.parquet"),
        cells=plates("results/{dataset}/{plate}/cells.parquet"),
        lost=plates("results/{dataset}/{plate}/lost.parquet"),
        objects=of_plates("results/{dataset}/{plate}/objects.parquet", PLAN.has_masks),
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
        code=fingerprint("profiles.ledger"),
    script:
        "../scripts/ledger.py"


rule report:
    input:
        wells=lambda wildcards: PLAN.config["datasets"][wildcards.dataset]["wells"],
        ledger="results/{dataset}/ledger.parquet",
        calibration=plates("results/{dataset}/{plate}/calibration.npz"),
        fields=plates("results/{dataset}/{plate}/fields.parquet"),
        masks=of_plates("results/{dataset}/{plate}/masks.tif", PLAN.has_masks),
        crops=of_plates("results/{dataset}/{plate}/crops.npy", PLAN.keeps_crops),
        cells=plates("results/{dataset}/{plate}/cells.parquet"),
        lost=plates("results/{dataset}/{plate}/lost.parquet"),
        model=per_model("results/models/{model}/model.json", PLAN.is_trained),
        training=per_model("results/models/{model}/training.parquet", PLAN.is_trained),
        profiles=per_model("results/{dataset}/profiles/{model}/{correction}/well.parquet"),
        tasks=answers("tasks", "measure", "results/{dataset}/tasks/{name}/{model}_{correction}.parquet"),
        scores=lambda wildcards: [
            f"results/{wildcards.dataset}/tasks/{t}/masks.parquet" for t in PLAN.scores(wildcards.dataset)
        ],
        looks=lambda wildcards: [
            f"results/{wildcards.dataset}/figures/{f}/look.png" for f in PLAN.looks(wildcards.dataset)
        ],
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
