"""Turn the crops of one plate into embeddings."""

from wellread.encoder.embed import embed
from wellread.runtime import job

params, given = snakemake.params, snakemake.input
with job.running(snakemake.log[0], **snakemake.wildcards, threads=snakemake.threads, device=params.device):
    files = {"weights": given.get("weights", ""), "model": given.get("model", "")}
    machine = {"device": params.device, "threads": snakemake.threads, "seed": params.seed}
    how = {"encoder": params.encoder, "channels": params.channels, **params.options}
    embed(given.crops, snakemake.output[0], **how, **files, **machine)
