# What the patch tokens of some cells show, where the config asks for it.


rule tokens:
    input:
        unpack(encoder_inputs),
        wells="results/{dataset}/profiles/{model}/none/well.parquet",
        cells=every_plate("results/{dataset}/{plate}/cells.parquet"),
        crops=every_plate("results/{dataset}/{plate}/crops.npy"),
        outlines=every_plate("results/{dataset}/{plate}/outlines.npy"),
    output:
        "results/{dataset}/figures/{figure}/{model}.tokens.npz",
    log:
        "results/logs/tokens/{dataset}/{figure}/{model}.log",
    benchmark:
        "results/benchmarks/tokens/{dataset}/{figure}/{model}.tsv"
    conda:
        "../../envs/torch.yaml"
    threads: 2
    resources:
        mem_mb=grow(4000),
        gpu=gpu,
    params:
        cells=lambda wildcards: PLAN.patched_cells(wildcards.figure),
        encoder=setting("model", "encoder"),
        view=lambda wildcards: setting("model", "embed")(wildcards).get("view"),
        channels=setting("dataset", "channels"),
        seed=config["seed"],
        code=code("encoder.tokens", "profiles.sample", encoder=setting("model", "encoder")),
    script:
        "../scripts/tokens.py"


rule patches:
    input:
        "results/{dataset}/figures/{figure}/{model}.tokens.npz",
    output:
        picture=report(
            "results/{dataset}/figures/{figure}/{model}.patches.png",
            caption="../report/patches.rst",
            category="{dataset}",
            subcategory="{figure}",
            labels={"model": "{model}"},
        ),
        numbers="results/{dataset}/figures/{figure}/{model}.patches.csv",
    log:
        "results/logs/patches/{dataset}/{figure}/{model}.log",
    benchmark:
        "results/benchmarks/patches/{dataset}/{figure}/{model}.tsv"
    conda:
        "../../envs/profiles.yaml"
    resources:
        mem_mb=grow(1000),
    params:
        section=setting("figure", "patches"),
        code=code(patches=setting("figure", "patches")),
    script:
        "../scripts/patches.py"
