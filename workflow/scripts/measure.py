"""Compute one measure of one set of profiles."""

from wellread.runtime import job, table_files
from wellread.runtime.registry import pick

with job.running(snakemake.log[0], **snakemake.wildcards, seed=snakemake.params.seed):
    measure = pick("measure", snakemake.params.section)
    answers = measure(table_files.read(snakemake.input[0], "profiles"), snakemake.params.seed)
    table_files.write(answers, snakemake.output[0], "answers")
