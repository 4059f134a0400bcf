# Training an encoder on crops, and turning crops into embeddings with it.


rule train:
    input:
        crops=training("results/{dataset}/{plate}/crops.npy"),
        cells=training("results/{dataset}/{plate}/cells.parquet"),
    output:
        weights="results/models/{model}/weights.safetensors",
        model="results/models/{model}/model.json",
        training="results/models/{model}/training.parquet",
    log:
        "results/logs/train/{model}.log",
    benchmark:
        "results/benchmarks/train/{model}.tsv"
    conda:
        "../../envs/torch.yaml"
    threads: 2  # fixed, for the order of sums and so the bytes of the weights depend on it
    resources:
        mem_mb=grow(8000),
        runtime=1440,
        gpu=gpu,
    params:
        method=setting("model", "train"),
        channels=lambda wildcards: PLAN.channels(wildcards.model),
        seed=config["seed"],
        device=config["device"],
        code=fingerprint("train"),
    script:
        "../scripts/train.py"


rule embed:
    input:
        crops="results/{dataset}/{plate}/crops.npy",
        weights="results/models/{model}/weights.safetensors",
        model="results/models/{model}/model.json",
    output:
        "results/{dataset}/{plate}/embeddings/{model}.npy",
    log:
        "results/logs/embed/{dataset}/{plate}/{model}.log",
    benchmark:
        "results/benchmarks/embed/{dataset}/{plate}/{model}.tsv"
    conda:
        "../../envs/torch.yaml"
    threads: 2
    resources:
        mem_mb=grow(4000),
        gpu=gpu,
    params:
        options=setting("model", "embed"),
        channels=setting("dataset", "channels"),
        device=config["device"],
        code=fingerprint("embed"),
    script:
        "../scripts/embed.py"
