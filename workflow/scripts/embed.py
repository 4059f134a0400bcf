"""Turn the crops of one plate into embeddings."""

from wellread import job
from wellread.embed import embed

params = snakemake.params
with job.running(snakemake.log[0], **snakemake.wildcards, threads=snakemake.threads, device=params.device):
    files = snakemake.input.crops, snakemake.input.weights, snakemake.input.model, snakemake.output[0]
    machine = {"device": params.device, "threads": snakemake.threads}
    embed(*files, channels=params.channels, **machine, **params.options)
