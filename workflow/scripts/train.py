"""Train an encoder on the crops of its plates."""

from wellread import job
from wellread.train import train

params = snakemake.params
with job.running(snakemake.log[0], **snakemake.wildcards, threads=snakemake.threads, device=params.device, seed=params.seed):
    machine = {"device": params.device, "threads": snakemake.threads, "seed": params.seed}
    files = snakemake.input.crops, snakemake.input.cells, snakemake.output
    train(*files, channels=params.channels, method=params.method, code=params.code, **machine)
