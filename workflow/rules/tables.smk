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


rule chart:
    input:
        unpack(lambda wildcards: collected.chart_files(PLAN, wildcards.table)),
        answers=lambda wildcards: collected.files(PLAN, wildcards.table),
    output:
        picture=report("results/tables/{table}.png", caption="../report/chart.rst", category="tables"),
        numbers="results/tables/{table}.drawn.csv",
    log:
        "results/logs/chart/{table}.log",
    benchmark:
        "results/benchmarks/chart/{table}.tsv"
    wildcard_constraints:
        table=one_of(collected.charted(PLAN)),
    conda:
        "../../envs/profiles.yaml"
    resources:
        mem_mb=grow(1000),
    params:
        section=setting("table", "chart"),
        metrics=lambda wildcards: collected.wanted(PLAN, wildcards.table)["metrics"],
        code=code(chart=setting("table", "chart")),
    script:
        "../scripts/chart.py"
