"""Turn the crops of one plate into embeddings."""

from wellread.encoder.embed import embed
from wellread.runtime import job

params, given = snakemake.params, snakemake.input
options = snakemake.config["models"][snakemake.wildcards.model]["embed"]
machine = {key: snakemake.config[key] for key in ("device", "deterministic")} | {"threads": snakemake.threads}
with job.running(snakemake.log[0], **snakemake.wildcards, **machine):
    files = {"weights": given.get("weights", ""), "model": given.get("model", "")}
    how = {"encoder": params.encoder, "channels": params.channels, "seed": params.seed, **options}
    embed(given.crops, snakemake.output[0], **how, **files, **machine, outlines=given.get("outlines", ""))
