# The same results in other formats, where `export` of the config asks for them.


rule to_csv:
    input:
        "results/{table}.parquet",
    output:
        "results/{table}.csv",
    log:
        "results/logs/to_csv/{table}.log",
    benchmark:
        "results/benchmarks/to_csv/{table}.tsv"
    wildcard_constraints:
        table=one_of(exports.tables_as_csv(PLAN)),
    conda:
        "../../envs/profiles.yaml"
    resources:
        mem_mb=grow(1000),
    params:
        code=code("export.to_csv"),
    script:
        "../scripts/to_csv.py"


rule to_h5ad:
    input:
        profiles="results/{dataset}/profiles/{model}/{correction}/{level}.parquet",
        features=lambda wildcards: (
            "results/{dataset}/profiles/{model}/features.csv" if PLAN.is_given(wildcards.dataset) else []
        ),
    output:
        "results/{dataset}/profiles/{model}/{correction}/{level}.h5ad",
    log:
        "results/logs/to_h5ad/{dataset}/{model}/{correction}_{level}.log",
    benchmark:
        "results/benchmarks/to_h5ad/{dataset}/{model}/{correction}_{level}.tsv"
    wildcard_constraints:
        correction=one_of(PLAN.chains),
        level="cell|fov|well|treatment",
    conda:
        "../../envs/profiles.yaml"
    resources:
        mem_mb=grow(4000, OF_TABLES),
    params:
        called_by=lambda wildcards: exports.row_keys(PLAN, wildcards.dataset, wildcards.level),
        about=lambda wildcards: exports.about_profiles(PLAN, **wildcards),
        code=code("export.to_h5ad"),
    script:
        "../scripts/to_h5ad.py"


rule to_ome_tiff:
    input:
        masks="results/{dataset}/{plate}/masks.tif",
        fields="results/{dataset}/{plate}/fields.parquet",
    output:
        directory("results/{dataset}/{plate}/masks"),
    log:
        "results/logs/to_ome_tiff/{dataset}/{plate}.log",
    benchmark:
        "results/benchmarks/to_ome_tiff/{dataset}/{plate}.tsv"
    conda:
        "../../envs/profiles.yaml"
    resources:
        mem_mb=grow(1000),
    params:
        pixel_size=setting("dataset", "pixel_size"),
        code=code("export.to_ome_tiff"),
    script:
        "../scripts/to_ome_tiff.py"
