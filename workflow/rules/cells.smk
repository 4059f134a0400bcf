# From raw fields to single cells, one job per plate and verb.


rule paint:
    output:
        directory("results/{dataset}/painted/{plate}"),
    log:
        "results/logs/paint/{dataset}/{plate}.log",
    benchmark:
        "results/benchmarks/paint/{dataset}/{plate}.tsv"
    conda:
        "../../envs/segment.yaml"
    resources:
        mem_mb=grow(1000),
    params:
        section=lambda wildcards: PLAN.painting(wildcards.dataset),
        code=code(paint=setting("dataset", "images")),
    script:
        "../scripts/paint.py"


# Images on a server. What is copied follows from the table alone, whatever code copies it; so `code` names none.
rule stage:
    output:
        directory("results/{dataset}/staged/{plate}"),
    log:
        "results/logs/stage/{dataset}/{plate}.log",
    benchmark:
        "results/benchmarks/stage/{dataset}/{plate}.tsv"
    conda:
        "../../envs/segment.yaml"
    resources:
        mem_mb=grow(1000),
    params:
        rows=lambda wildcards: PLAN.rows_hash(wildcards.dataset, wildcards.plate),
        code=code(),
    script:
        "../scripts/stage.py"


rule calibrate:
    input:
        made_images,
        functions=lambda wildcards: PLAN.illumination_functions(**wildcards),
    output:
        calibration="results/{dataset}/{plate}/calibration.npz",
        fields="results/{dataset}/{plate}/fields.parquet",
    log:
        "results/logs/calibrate/{dataset}/{plate}.log",
    benchmark:
        "results/benchmarks/calibrate/{dataset}/{plate}.tsv"
    priority: 2  # what a training waits for comes first: all else can run beside it
    conda:
        "../../envs/segment.yaml"
    threads: 4
    resources:
        mem_mb=grow(2000),
        runtime=time_of_fields,
    params:
        rows=lambda wildcards: PLAN.rows_hash(wildcards.dataset, wildcards.plate),
        files=lambda wildcards: PLAN.image_stamps(wildcards.dataset, wildcards.plate),
        channels=setting("dataset", "channels"),
        options=setting("dataset", "calibrate"),
        code=code("calibrate.calibrate", illumination=setting("dataset", "calibrate", "illumination")),
    script:
        "../scripts/calibrate.py"


rule segment:
    input:
        made_images,
        calibration="results/{dataset}/{plate}/calibration.npz",
        fields="results/{dataset}/{plate}/fields.parquet",
        weights=lambda wildcards: PLAN.segmenter_weights(wildcards.dataset),
    output:
        masks="results/{dataset}/{plate}/masks.tif",
        objects="results/{dataset}/{plate}/objects.parquet",
        rejected="results/{dataset}/{plate}/rejected.parquet",
    log:
        "results/logs/segment/{dataset}/{plate}.log",
    benchmark:
        "results/benchmarks/segment/{dataset}/{plate}.tsv"
    priority: 2
    conda:
        "../../envs/segment.yaml"
    threads: 4
    resources:
        mem_mb=grow(4000),
        runtime=time_of_fields,
        gpu=segmenting_gpu,
        gpu_model=site("gpu_model", "gpu_type", segmenting_gpu),
        slurm_partition=site("slurm_partition", "gpu_partition", segmenting_gpu),
        qos=site("qos", "gpu_qos", segmenting_gpu),
    params:
        section=setting("dataset", "segment"),
        files=lambda wildcards: PLAN.mask_stamps(wildcards.dataset, wildcards.plate),
        pixel_size=setting("dataset", "pixel_size"),
        code=code("segment.segment", segment=setting("dataset", "segment")),
    script:
        "../scripts/segment.py"


rule crop_size:
    input:
        every_plate("results/{dataset}/{plate}/objects.parquet"),
    output:
        "results/{dataset}/crop_size.json",
    log:
        "results/logs/crop_size/{dataset}.log",
    conda:
        "../../envs/segment.yaml"
    resources:
        mem_mb=grow(2000),
    params:
        options=setting("dataset", "crops"),
        pixel_size=setting("dataset", "pixel_size"),
        code=code("crops.crop_size"),
    script:
        "../scripts/crop_size.py"


rule crops:
    input:
        made_images,
        found=lambda wildcards: "results/{dataset}/crop_size.json" if PLAN.finds_crop_size(wildcards.dataset) else [],
        calibration="results/{dataset}/{plate}/calibration.npz",
        fields="results/{dataset}/{plate}/fields.parquet",
        masks=segmented("results/{dataset}/{plate}/masks.tif"),
        objects=segmented("results/{dataset}/{plate}/objects.parquet"),
    output:
        crops="results/{dataset}/{plate}/crops.npy",
        outlines="results/{dataset}/{plate}/outlines.npy",
        cells="results/{dataset}/{plate}/cells.parquet",
        lost="results/{dataset}/{plate}/lost.parquet",
    log:
        "results/logs/crops/{dataset}/{plate}.log",
    benchmark:
        "results/benchmarks/crops/{dataset}/{plate}.tsv"
    priority: 2
    conda:
        "../../envs/segment.yaml"
    threads: 4
    resources:
        mem_mb=grow(2000),
        runtime=time_of_fields,
    params:
        options=setting("dataset", "crops"),
        pixel_size=setting("dataset", "pixel_size"),
        seed=config["seed"],
        code=code("crops.crops"),
    script:
        "../scripts/crops.py"


use rule crops as temporary_crops with:
    output:
        crops=temp("results/{dataset}/{plate}/crops.npy"),
        outlines=temp("results/{dataset}/{plate}/outlines.npy"),
        cells="results/{dataset}/{plate}/cells.parquet",
        lost="results/{dataset}/{plate}/lost.parquet",
    wildcard_constraints:
        dataset=one_of(PLAN.temporary_crops()),


# Where crops do not stay, they are cut again for embedding: if embedding made those that training reads, a new model
# would train finished ones again.
use rule crops as crops_to_embed with:
    output:
        crops=temp("results/{dataset}/{plate}/to_embed/crops.npy"),
        outlines=temp("results/{dataset}/{plate}/to_embed/outlines.npy"),
        cells=temp("results/{dataset}/{plate}/to_embed/cells.parquet"),
        lost=temp("results/{dataset}/{plate}/to_embed/lost.parquet"),
    log:
        "results/logs/crops/{dataset}/{plate}.to_embed.log",
    benchmark:
        "results/benchmarks/crops/{dataset}/{plate}.to_embed.tsv"
    wildcard_constraints:
        dataset=one_of(PLAN.temporary_crops()),


ruleorder: temporary_crops > crops
