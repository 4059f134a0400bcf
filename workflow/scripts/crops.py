"""Cut the cells of one plate."""

from wellread import job
from wellread.crops import crops

with job.running(snakemake.log[0], **snakemake.wildcards, threads=snakemake.threads, seed=snakemake.params.seed):
    files = snakemake.input.fields, snakemake.input.calibration, snakemake.input.get("masks") or None
    outputs = dict(snakemake.output.items())
    crops(*files, outputs, snakemake.params.seed, snakemake.threads, **snakemake.params.options)
