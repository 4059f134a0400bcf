# From embeddings of cells to profiles of fields, wells and treatments. Labels enter here.


rule pool:
    input:
        cells="results/{dataset}/{plate}/cells.parquet",
        embeddings="results/{dataset}/{plate}/embeddings/{model}.npy",
    output:
        fields="results/{dataset}/{plate}/pooled/{model}.parquet",
        pooled="results/{dataset}/{plate}/pooled/{model}.npy",
    log:
        "results/logs/pool/{dataset}/{plate}/{model}.log",
    benchmark:
        "results/benchmarks/pool/{dataset}/{plate}/{model}.tsv"
    conda:
        "../../envs/profiles.yaml"
    resources:
        mem_mb=grow(1000),
    params:
        statistic=setting("dataset", "aggregate", "cells"),
        code=code("profiles.pool"),
    script:
        "../scripts/pool.py"


rule aggregate:
    input:
        wells=wells_files,
        fields=pooled_fields("parquet"),
        pooled=pooled_fields("npy"),
    output:
        fov="results/{dataset}/profiles/{model}/none/fov.parquet",
        well="results/{dataset}/profiles/{model}/none/well.parquet",
    log:
        "results/logs/aggregate/{dataset}/{model}.log",
    benchmark:
        "results/benchmarks/aggregate/{dataset}/{model}.tsv"
    conda:
        "../../envs/profiles.yaml"
    resources:
        mem_mb=grow(1000),
    params:
        fields=setting("dataset", "aggregate", "fields"),
        min_cells=setting("dataset", "aggregate", "min_cells"),
        encoder=lambda wildcards: PLAN.blind_encoder(wildcards.model),
        wells=wells_section,
        seed=config["seed"],
        code=code("profiles.aggregate"),
    script:
        "../scripts/aggregate.py"


rule correct:
    input:
        fov="results/{dataset}/profiles/{model}/none/fov.parquet",
        well="results/{dataset}/profiles/{model}/none/well.parquet",
    output:
        fov="results/{dataset}/profiles/{model}/{correction}/fov.parquet",
        well="results/{dataset}/profiles/{model}/{correction}/well.parquet",
    log:
        "results/logs/correct/{dataset}/{model}_{correction}.log",
    benchmark:
        "results/benchmarks/correct/{dataset}/{model}_{correction}.tsv"
    wildcard_constraints:
        correction="(?!none/)[^/]+",
    conda:
        "../../envs/profiles.yaml"
    resources:
        mem_mb=grow(4000),
    params:
        steps=setting("correction"),
        seed=config["seed"],
        code=code("profiles.correct", correction=setting("correction")),
    script:
        "../scripts/correct.py"


rule consensus:
    input:
        "results/{dataset}/profiles/{model}/{correction}/well.parquet",
    output:
        "results/{dataset}/profiles/{model}/{correction}/treatment.parquet",
    log:
        "results/logs/consensus/{dataset}/{model}_{correction}.log",
    benchmark:
        "results/benchmarks/consensus/{dataset}/{model}_{correction}.tsv"
    conda:
        "../../envs/profiles.yaml"
    resources:
        mem_mb=grow(2000),
    params:
        options=setting("dataset", "consensus"),
        code=code("profiles.consensus"),
    script:
        "../scripts/consensus.py"
