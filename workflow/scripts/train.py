"""Train an encoder on the crops of its plates."""

from functools import partial

from wellread.runtime import job, slurm
from wellread.train.launch import train_distributed
from wellread.train.train import train

params, log = snakemake.params, snakemake.log
section = snakemake.config["models"][snakemake.wildcards.model]
machine = {key: snakemake.config[key] for key in ("device", "deterministic")} | {"threads": snakemake.threads}
with job.running(log[0], **snakemake.wildcards, **machine, seed=params.seed, processes=params.processes):
    run = partial(train_distributed, section["processes"], nodes=section["nodes"]) if params.processes > 1 else train
    files = list(snakemake.input.crops), list(snakemake.input.cells)
    outputs = dict(snakemake.output.items()) | {"speed": log.speed, "wells": list(params.wells)}
    how = params.how | {"fit": section["fit"], "channels": params.channels, "seed": params.seed}
    with slurm.queued_again():
        run(*files, **how, code=params.weights_code, **machine, **outputs)
