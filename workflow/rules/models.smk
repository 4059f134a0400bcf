# Training an encoder on crops, and turning crops into embeddings with it or with one that was given.


rule train:
    input:
        unpack(training_inputs),
        crops=training_plates("results/{dataset}/{plate}/crops.npy"),
        cells=training_plates("results/{dataset}/{plate}/cells.parquet"),
    output:
        weights="results/models/{model}/weights.safetensors",
        model="results/models/{model}/model.json",
        training="results/models/{model}/training.parquet",
    log:
        "results/logs/train/{model}.log",
        speed="results/logs/train/{model}.speed.tsv",
    benchmark:
        "results/benchmarks/train/{model}.tsv"
    wildcard_constraints:
        model=one_of(PLAN.trainings()),
    priority: 2
    conda:
        "../../envs/torch.yaml"
    threads: lambda wildcards: PLAN.resources(wildcards.model)["threads"]  # the bytes of the weights depend on them
    resources:
        mem_mb=lambda wildcards, attempt: PLAN.resources(wildcards.model)["mem_mb"] * 2 ** (attempt - 1),
        runtime=lambda wildcards: PLAN.resources(wildcards.model)["runtime"],
        gpu=training_gpus,
        gpu_model=lambda wildcards: None if training_nodes(wildcards) else site("gpu_model", "gpu_type")(wildcards),
        gres=training_gres,
        nodes=training_nodes,
        tasks=training_nodes,
        tasks_per_gpu=over_nodes(0),
        mpi=over_nodes("srun"),  # so that the job itself starts a process on every node
        slurm_partition=site("slurm_partition", "gpu_partition"),
        qos=site("qos", "gpu_qos"),
        slurm_extra=f"--requeue --signal=TERM@{OF_SIGNAL}",  # warned, it saves and goes back into the queue
    params:
        how=lambda wildcards: PLAN.training(wildcards.model),
        processes=lambda wildcards: PLAN.processes(wildcards.model),
        wells=lambda wildcards: PLAN.training_wells(wildcards.model),
        labels=lambda wildcards: PLAN.labels_hash(wildcards.model),
        channels=lambda wildcards: PLAN.channels(wildcards.model),
        seed=lambda wildcards: PLAN.seed(wildcards.model),
        code=code("train.train", encoder=setting("model", "encoder"), train=setting("model", "train")),
        weights_code=lambda wildcards: PLAN.weights_code(wildcards.model),
    script:
        "../scripts/train.py"


# Of models that were trained with a grid of settings the one that is best on wells that validate.
rule select:
    input:
        weights=of_grid("results/models/{model}/weights.safetensors"),
        model=of_grid("results/models/{model}/model.json"),
        training=of_grid("results/models/{model}/training.parquet"),
    output:
        weights="results/models/{model}/weights.safetensors",
        model="results/models/{model}/model.json",
        training="results/models/{model}/training.parquet",
        table="results/models/{model}/grid.csv",
    log:
        "results/logs/select/{model}.log",
    benchmark:
        "results/benchmarks/select/{model}.tsv"
    wildcard_constraints:
        model=one_of(filter(PLAN.grid, PLAN.trained())),
    conda:
        "../../envs/torch.yaml"
    resources:
        mem_mb=grow(1000),
    params:
        cells=lambda wildcards: PLAN.grid(wildcards.model),
        code=code("train.select"),
    script:
        "../scripts/select.py"


rule embed:
    input:
        unpack(encoder_inputs),
        unpack(outlines_to_embed),
        crops=lambda wildcards: embedded_files(wildcards, "crops.npy"),
    output:
        "results/{dataset}/{plate}/embeddings/{model}.npy",
    log:
        "results/logs/embed/{dataset}/{plate}/{model}.log",
    benchmark:
        "results/benchmarks/embed/{dataset}/{plate}/{model}.tsv"
    priority: 1  # after what a training waits for, before what follows from embeddings
    conda:
        "../../envs/torch.yaml"
    threads: lambda wildcards: PLAN.embedding_threads(wildcards.model)
    resources:
        mem_mb=grow(4000),
        runtime=growing(MINUTES, PER_GB / 1000),
        gpu=gpu,
        gpu_model=site("gpu_model", "gpu_type"),
        slurm_partition=site("slurm_partition", "gpu_partition"),
        qos=site("qos", "gpu_qos"),
    params:
        encoder=setting("model", "encoder"),
        options=setting("model", "embed"),
        channels=setting("dataset", "channels"),
        seed=lambda wildcards: PLAN.seed(wildcards.model),
        code=code("encoder.embed", encoder=setting("model", "encoder")),
    script:
        "../scripts/embed.py"


# Classical features need packages that those of the other encoders do not go with.
use rule embed as embed_classical with:
    wildcard_constraints:
        model=one_of(PLAN.classical()),
    conda:
        "../../envs/classical.yaml"
    threads: 4


ruleorder: embed_classical > embed
