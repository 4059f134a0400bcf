"""Apply a chain of corrections to the profiles of fields and wells."""

import pandas as pd
from wellread.profiles import tables
from wellread.profiles.correct import correct
from wellread.runtime import job

with job.running(snakemake.log[0], **snakemake.wildcards, seed=snakemake.params.seed):
    for level in ("fov", "well"):
        frame = pd.read_parquet(snakemake.input[level])
        frame = correct(frame, snakemake.params.steps, seed=snakemake.params.seed)
        tables.write(frame, snakemake.output[level])
