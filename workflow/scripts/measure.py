"""Compute one measure of one set of profiles."""

import pandas as pd
from wellread.profiles import tables
from wellread.runtime import job
from wellread.runtime.registry import pick

with job.running(snakemake.log[0], **snakemake.wildcards, seed=snakemake.params.seed):
    measure = pick("measure", snakemake.params.section)
    answers = measure(pd.read_parquet(snakemake.input[0]), snakemake.params.seed)
    tables.write(answers, snakemake.output[0])
