# Tables of results over datasets, models and corrections, where the config asks for them.


rule tabulate:
    input:
        lambda wildcards: collected.files(PLAN, wildcards.table),
    output:
        table="results/tables/{table}.parquet",
        csv="results/tables/{table}.csv",
        latex="results/tables/{table}.tex",
        html=report("results/tables/{table}.html", category="tables"),
    log:
        "results/logs/tabulate/{table}.log",
    benchmark:
        "results/benchmarks/tabulate/{table}.tsv"
    wildcard_constraints:
        table=one_of(PLAN.config["tables"]),
    conda:
        "../../envs/profiles.yaml"
    resources:
        mem_mb=grow(1000),
    params:
        how=lambda wildcards: collected.wanted(PLAN, wildcards.table),
        code=code("measure.tabulate"),
    script:
        "../scripts/tabulate.py"
