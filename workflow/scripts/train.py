"""Train an encoder on the crops of its plates."""

from functools import partial

from wellread.runtime import job
from wellread.train.train import train, train_distributed

params, log = snakemake.params, snakemake.log
fit = snakemake.config["models"][snakemake.wildcards.model]["fit"]
machine = {"device": snakemake.config["device"], "threads": snakemake.threads, "seed": params.seed}
with job.running(log[0], **snakemake.wildcards, **machine, processes=params.processes):
    run = train if params.processes == 1 else partial(train_distributed, params.processes)
    files = list(snakemake.input.crops), list(snakemake.input.cells)
    outputs = dict(snakemake.output.items()) | {"speed": log.speed, "wells": list(params.wells)}
    run(*files, channels=params.channels, **params.how | {"fit": fit}, code=params.weights_code, **machine, **outputs)
