# From embeddings of cells to profiles of fields, wells and treatments. Labels enter here.


rule pool:
    input:
        cells="results/{dataset}/{plate}/cells.parquet",
        embeddings=pooled_embeddings,
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
        mem_mb=grow(1000, OF_TABLES),
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
        mem_mb=grow(1000, OF_TABLES),
    params:
        fields=setting("dataset", "aggregate", "fields"),
        min_cells=setting("dataset", "aggregate", "min_cells"),
        encoder=lambda wildcards: PLAN.blind_encoder(wildcards.model),
        wells=wells_section,
        seed=config["seed"],
        code=code("profiles.aggregate"),
    script:
        "../scripts/aggregate.py"


rule given:
    input:
        wells=wells_files,
        tables=lambda wildcards: PLAN.feature_tables(wildcards.dataset, wildcards.model),
    output:
        fov="results/{dataset}/profiles/{model}/none/fov.parquet",
        well="results/{dataset}/profiles/{model}/none/well.parquet",
        features="results/{dataset}/profiles/{model}/features.csv",
        counts="results/{dataset}/profiles/{model}/ledger.parquet",
    log:
        "results/logs/given/{dataset}/{model}.log",
    benchmark:
        "results/benchmarks/given/{dataset}/{model}.tsv"
    wildcard_constraints:
        dataset=one_of(filter(PLAN.is_given, PLAN.config["datasets"])),
    conda:
        "../../envs/profiles.yaml"
    resources:
        mem_mb=grow(4000, OF_TABLES),
    params:
        encoder=setting("model", "encoder"),
        pooling=setting("dataset", "aggregate"),
        wells=wells_section,
        seed=config["seed"],
        code=code("profiles.given"),
    script:
        "../scripts/given.py"


ruleorder: given > aggregate


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
        correction=one_of(PLAN.chains - {"none"}),
    conda:
        "../../envs/profiles.yaml"
    resources:
        mem_mb=grow(4000, OF_TABLES),
    params:
        steps=setting("correction"),
        seed=config["seed"],
        code=code("profiles.correct", correction=setting("correction")),
    script:
        "../scripts/correct.py"


# The same with the halves of the controls exchanged, for measures that use all controls: none of them judges what it fitted.
rule cross:
    input:
        well="results/{dataset}/profiles/{model}/none/well.parquet",
    output:
        "results/{dataset}/profiles/{model}/{correction}/crossed.parquet",
    log:
        "results/logs/cross/{dataset}/{model}_{correction}.log",
    benchmark:
        "results/benchmarks/cross/{dataset}/{model}_{correction}.tsv"
    conda:
        "../../envs/profiles.yaml"
    resources:
        mem_mb=grow(4000, OF_TABLES),
    params:
        steps=setting("correction"),
        seed=config["seed"],
        code=code("profiles.correct", correction=setting("correction")),
    script:
        "../scripts/cross.py"


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
        mem_mb=grow(2000, OF_TABLES),
    params:
        options=setting("dataset", "consensus"),
        code=code("profiles.consensus"),
    script:
        "../scripts/consensus.py"


rule sample:
    input:
        well="results/{dataset}/profiles/{model}/none/well.parquet",
        cells=every_plate("results/{dataset}/{plate}/cells.parquet"),
        embeddings=every_plate("results/{dataset}/{plate}/embeddings/{model}.npy"),
    output:
        "results/{dataset}/profiles/{model}/none/cell.parquet",
    log:
        "results/logs/sample/{dataset}/{model}.log",
    benchmark:
        "results/benchmarks/sample/{dataset}/{model}.tsv"
    conda:
        "../../envs/profiles.yaml"
    resources:
        mem_mb=grow(4000, OF_TABLES),
    params:
        options=setting("dataset", "sample"),
        seed=config["seed"],
        code=code("profiles.sample"),
    script:
        "../scripts/sample.py"
