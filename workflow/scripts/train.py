"""Train an encoder on the crops of its plates."""

from functools import partial

from wellread.runtime import job
from wellread.train.train import train, train_distributed

params, log = snakemake.params, snakemake.log
fit = snakemake.config["models"][snakemake.wildcards.model]["fit"]
machine = {key: snakemake.config[key] for key in ("device", "deterministic")} | {"threads": snakemake.threads}
with job.running(log[0], **snakemake.wildcards, **machine, seed=params.seed, processes=params.processes):
    run = train if params.processes == 1 else partial(train_distributed, params.processes)
    files = list(snakemake.input.crops), list(snakemake.input.cells)
    outputs = dict(snakemake.output.items()) | {"speed": log.speed, "wells": list(params.wells)}
    how = params.how | {"fit": fit, "channels": params.channels, "seed": params.seed, "code": params.weights_code}
    run(*files, **how, **machine, **outputs)
