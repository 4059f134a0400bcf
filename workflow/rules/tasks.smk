# Measures of profiles and masks, figures, the ledger of what was lost, and the report.


rule measure:
    input:
        profiles=profiles_for("task"),
        crossed=crossed_profiles,
    output:
        "results/{dataset}/tasks/{task}/{model}_{correction}.parquet",
    log:
        "results/logs/measure/{dataset}/{task}/{model}_{correction}.log",
    benchmark:
        "results/benchmarks/measure/{dataset}/{task}/{model}_{correction}.tsv"
    wildcard_constraints:
        correction=one_of(PLAN.chains),
    conda:
        "../../envs/profiles.yaml"
    resources:
        mem_mb=grow(4000, OF_TABLES),
    params:
        section=setting("task", "measure"),
        pool=setting("task", "pool"),
        where=setting("task", "where"),
        marks=lambda wildcards: PLAN.marks(wildcards.dataset, wildcards.task, wildcards.correction),
        seed=config["seed"],
        code=code("profiles.looked_at", measure=setting("task", "measure")),
    script:
        "../scripts/measure.py"


# A chosen chain: what is chosen for whom, on profiles of the others; then the answers, each item under what was chosen for it.
rule choose:
    input:
        profiles=choosing,
        crossed=choosing_crossed,
    output:
        "results/{dataset}/profiles/{model}/{correction}/chosen.parquet",
    log:
        "results/logs/choose/{dataset}/{model}_{correction}.log",
    benchmark:
        "results/benchmarks/choose/{dataset}/{model}_{correction}.tsv"
    wildcard_constraints:
        correction=one_of(PLAN.choosers),
    conda:
        "../../envs/profiles.yaml"
    resources:
        mem_mb=grow(4000, OF_TABLES),
    params:
        section=choosing_task("measure"),
        pool=choosing_task("pool"),
        where=choosing_task("where"),
        how=setting("correction", "choose"),
        seed=config["seed"],
        code=code("measure.choose", "profiles.looked_at", measure=choosing_task("measure")),
    script:
        "../scripts/choose.py"


rule nest:
    input:
        choices="results/{dataset}/profiles/{model}/{correction}/chosen.parquet",
        answers=nested("results/{dataset}/tasks/{task}/{model}_{correction}.parquet"),
    output:
        "results/{dataset}/tasks/{task}/{model}_{correction}.parquet",
    log:
        "results/logs/nest/{dataset}/{task}/{model}_{correction}.log",
    benchmark:
        "results/benchmarks/nest/{dataset}/{task}/{model}_{correction}.tsv"
    wildcard_constraints:
        correction=one_of(PLAN.choosers),
    conda:
        "../../envs/profiles.yaml"
    resources:
        mem_mb=grow(1000),
    params:
        section=setting("task", "measure"),
        among=setting("correction", "choose", "among"),
        marks=lambda wildcards: PLAN.marks(wildcards.dataset, wildcards.task, wildcards.correction),
        seed=config["seed"],
        code=code("measure.nest"),
    script:
        "../scripts/nest.py"


rule hits:
    input:
        profiles=lambda wildcards: PLAN.hit_profiles(wildcards.dataset, "well"),
        crossed=lambda wildcards: (
            PLAN.hit_profiles(wildcards.dataset, "crossed")
            if PLAN.hits(wildcards.dataset)["correction"] != "none"
            else []
        ),
    output:
        table="results/{dataset}/hits.parquet",
        csv="results/{dataset}/hits.csv",
    log:
        "results/logs/hits/{dataset}.log",
    benchmark:
        "results/benchmarks/hits/{dataset}.tsv"
    wildcard_constraints:
        dataset=one_of(filter(PLAN.hits, PLAN.config["datasets"])),
    conda:
        "../../envs/profiles.yaml"
    resources:
        mem_mb=grow(4000, OF_TABLES),
    params:
        options=lambda wildcards: PLAN.hits(wildcards.dataset),
        seed=config["seed"],
        code=code("measure.hits"),
    script:
        "../scripts/hits.py"


rule compare:
    input:
        lambda wildcards: PLAN.ladder_files(wildcards.dataset),
    output:
        table="results/{dataset}/ladder.parquet",
        csv="results/{dataset}/ladder.csv",
    log:
        "results/logs/compare/{dataset}.log",
    benchmark:
        "results/benchmarks/compare/{dataset}.tsv"
    conda:
        "../../envs/profiles.yaml"
    resources:
        mem_mb=grow(1000),
    params:
        ladder=lambda wildcards: PLAN.ladder(wildcards.dataset),
        seed=config["seed"],
        code=code("measure.compare"),
    script:
        "../scripts/compare.py"


rule score:
    input:
        fields=every_plate("results/{dataset}/{plate}/fields.parquet"),
        calibration=every_plate("results/{dataset}/{plate}/calibration.npz"),
        masks=every_plate("results/{dataset}/{plate}/masks.tif"),
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
        files=lambda wildcards: PLAN.truth_stamps(wildcards.dataset, wildcards.task),
        code=code(measure=setting("task", "measure")),
    script:
        "../scripts/score.py"


# Maps of cells are of embeddings that nothing has corrected, those of wells and treatments of every correction.
rule map:
    input:
        well="results/{dataset}/profiles/{model}/{correction}/well.parquet",
        treatment="results/{dataset}/profiles/{model}/{correction}/treatment.parquet",
        cells=mapped_cells("results/{dataset}/{plate}/cells.parquet"),
        embeddings=mapped_cells("results/{dataset}/{plate}/embeddings/{model}.npy"),
    output:
        report(
            "results/{dataset}/profiles/{model}/{correction}/map.parquet",
            caption="../report/map.rst",
            category="{dataset}",
            subcategory="map",
            labels={"model": "{model}", "correction": "{correction}"},
        ),
    log:
        "results/logs/map/{dataset}/{model}_{correction}.log",
    benchmark:
        "results/benchmarks/map/{dataset}/{model}_{correction}.tsv"
    wildcard_constraints:
        correction=one_of(PLAN.chains),
    conda:
        "../../envs/profiles.yaml"
    resources:
        mem_mb=grow(4000, OF_TABLES),
    params:
        options=PLAN.result_settings.get("map", {}),
        seed=config["seed"],
        code=code("pictures.maps"),
    script:
        "../scripts/map.py"


rule draw:
    input:
        profiles_for("figure"),
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
        mem_mb=grow(4000, OF_TABLES),
    params:
        section=setting("figure", "draw"),
        pool=setting("figure", "pool"),
        where=setting("figure", "where"),
        seed=config["seed"],
        code=code("profiles.looked_at", draw=setting("figure", "draw")),
    script:
        "../scripts/draw.py"


rule look:
    input:
        all_made_images,
        fields=every_plate("results/{dataset}/{plate}/fields.parquet"),
        calibration=every_plate("results/{dataset}/{plate}/calibration.npz"),
        masks=every_plate("results/{dataset}/{plate}/masks.tif", PLAN.has_masks),
        objects=every_plate("results/{dataset}/{plate}/objects.parquet", PLAN.has_masks),
        rejected=every_plate("results/{dataset}/{plate}/rejected.parquet", PLAN.has_masks),
        cells=every_plate("results/{dataset}/{plate}/cells.parquet"),
        lost=every_plate("results/{dataset}/{plate}/lost.parquet"),
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
        code=code(look=setting("figure", "look")),
    script:
        "../scripts/look.py"


rule ledger:
    input:
        wells=wells_files,
        fields=every_plate("results/{dataset}/{plate}/fields.parquet"),
        cells=every_plate("results/{dataset}/{plate}/cells.parquet"),
        lost=every_plate("results/{dataset}/{plate}/lost.parquet"),
        objects=every_plate("results/{dataset}/{plate}/objects.parquet", PLAN.has_masks),
        rejected=every_plate("results/{dataset}/{plate}/rejected.parquet", PLAN.has_masks),
        embeddings=every_model("results/{dataset}/{plate}/embeddings/{model}.npy", PLAN.reads_crops),
        given=every_model("results/{dataset}/profiles/{model}/ledger.parquet", PLAN.names_tables),
        profiles=every_model("results/{dataset}/profiles/{model}/none/well.parquet"),
    output:
        "results/{dataset}/ledger.parquet",
    log:
        "results/logs/ledger/{dataset}.log",
    benchmark:
        "results/benchmarks/ledger/{dataset}.tsv"
    conda:
        "../../envs/profiles.yaml"
    resources:
        mem_mb=grow(2000),
    params:
        wells=wells_section,
        code=code("profiles.ledger"),
    script:
        "../scripts/ledger.py"


rule alarms:
    input:
        fields=every_plate("results/{dataset}/{plate}/fields.parquet"),
        calibration=every_plate("results/{dataset}/{plate}/calibration.npz"),
        masks=every_plate("results/{dataset}/{plate}/masks.tif", PLAN.has_masks),
        objects=every_plate("results/{dataset}/{plate}/objects.parquet", PLAN.has_masks),
        rejected=every_plate("results/{dataset}/{plate}/rejected.parquet", PLAN.has_masks),
        cells=every_plate("results/{dataset}/{plate}/cells.parquet"),
        lost=every_plate("results/{dataset}/{plate}/lost.parquet"),
        training=every_model("results/models/{model}/training.parquet", PLAN.is_trained),
        tasks=every_result("tasks", "measure", "results/{dataset}/tasks/{name}/{model}_{correction}.parquet"),
        ladder=lambda wildcards: "results/{dataset}/ladder.parquet" if PLAN.ladder(wildcards.dataset) else [],
    output:
        table="results/{dataset}/alarms.parquet",
        csv="results/{dataset}/alarms.csv",
    log:
        "results/logs/alarms/{dataset}.log",
    benchmark:
        "results/benchmarks/alarms/{dataset}.tsv"
    conda:
        "../../envs/profiles.yaml"
    resources:
        mem_mb=grow(1000),
    params:
        how=lambda wildcards: PLAN.doubted(wildcards.dataset),
        limits=PLAN.config["alarms"],
        code=code("alarms.alarms"),
    script:
        "../scripts/alarms.py"


rule report:
    input:
        wells=wells_files,
        alarms="results/{dataset}/alarms.parquet",
        ledger="results/{dataset}/ledger.parquet",
        calibration=every_plate("results/{dataset}/{plate}/calibration.npz"),
        fields=every_plate("results/{dataset}/{plate}/fields.parquet"),
        masks=every_plate("results/{dataset}/{plate}/masks.tif", PLAN.has_masks),
        crops=every_plate("results/{dataset}/{plate}/crops.npy", PLAN.keeps_crops),
        cells=every_plate("results/{dataset}/{plate}/cells.parquet"),
        lost=every_plate("results/{dataset}/{plate}/lost.parquet"),
        model=every_model("results/models/{model}/model.json", PLAN.is_trained),
        training=every_model("results/models/{model}/training.parquet", PLAN.is_trained),
        profiles=every_model("results/{dataset}/profiles/{model}/{correction}/well.parquet"),
        tasks=every_result("tasks", "measure", "results/{dataset}/tasks/{name}/{model}_{correction}.parquet"),
        ladder=lambda wildcards: "results/{dataset}/ladder.parquet" if PLAN.ladder(wildcards.dataset) else [],
        hits=hits_file,
        maps=lambda wildcards: PLAN.maps(wildcards.dataset),
        tables=lambda wildcards: collected.of_dataset(PLAN, wildcards.dataset),
        charts=lambda wildcards: collected.charts_of(PLAN, wildcards.dataset),
        scores=every_name(PLAN.scores, "results/{dataset}/tasks/{name}/masks.parquet"),
        looks=every_name(PLAN.looks, "results/{dataset}/figures/{name}/look.png"),
        patches=lambda wildcards: PLAN.patches(wildcards.dataset),
        figures=every_result("figures", "draw", "results/{dataset}/figures/{name}/{model}_{correction}.png"),
    output:
        page=report("results/reports/{dataset}.html", caption="../report/report.rst", category="{dataset}"),
        run=report("results/reports/{dataset}.run.json", caption="../report/run.rst", category="{dataset}"),
    log:
        "results/logs/report/{dataset}.log",
    benchmark:
        "results/benchmarks/report/{dataset}.tsv"
    conda:
        "../../envs/profiles.yaml"
    resources:
        mem_mb=grow(2000),
    params:
        config=lambda wildcards: PLAN.page_settings(wildcards.dataset),
        code=code("report.page", "report.records"),
    script:
        "../scripts/report.py"


# All datasets of a run on one page, if they are several.
rule overview:
    input:
        alarms=expand("results/{dataset}/alarms.parquet", dataset=config["datasets"]),
        profiles=every_dataset(every_model("results/{dataset}/profiles/{model}/{correction}/well.parquet")),
        tasks=every_dataset(
            every_result("tasks", "measure", "results/{dataset}/tasks/{name}/{model}_{correction}.parquet")
        ),
        hits=every_dataset(hits_file),
        tables=expand("results/tables/{table}.parquet", table=PLAN.config["tables"]),
        charts=expand("results/tables/{table}.png", table=collected.charted(PLAN)),
        patches=every_dataset(lambda wildcards: PLAN.patches(wildcards.dataset)),
        figures=every_dataset(
            every_result("figures", "draw", "results/{dataset}/figures/{name}/{model}_{correction}.png")
        ),
    output:
        report("results/overview.html", caption="../report/overview.rst"),
    log:
        "results/logs/overview.log",
    benchmark:
        "results/benchmarks/overview.tsv"
    conda:
        "../../envs/profiles.yaml"
    resources:
        mem_mb=grow(2000),
    params:
        config=PLAN.result_settings,
        code=code("report.overview"),
    script:
        "../scripts/overview.py"
