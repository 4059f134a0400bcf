"""Apply a chain of corrections to the profiles of fields and wells."""

from wellread.profiles.correct import correct
from wellread.runtime import job, table_files

with job.running(snakemake.log[0], **snakemake.wildcards, seed=snakemake.params.seed):
    for level in ("fov", "well"):
        frame = table_files.read(snakemake.input[level], "profiles")
        frame = correct(frame, snakemake.params.steps, seed=snakemake.params.seed)
        table_files.write(frame, snakemake.output[level], "profiles")
