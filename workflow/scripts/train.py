"""Train an encoder on the crops of its plates."""

from wellread import job
from wellread.train import train

params = snakemake.params
machine = {"device": params.device, "threads": snakemake.threads, "seed": params.seed}
with job.running(snakemake.log[0], **snakemake.wildcards, **machine):
    files, outputs = (snakemake.input.crops, snakemake.input.cells), dict(snakemake.output.items())
    train(*files, channels=params.channels, method=params.method, code=params.code, **machine, **outputs)
