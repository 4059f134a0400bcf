"""Pool the wells of every treatment into one profile."""

import pandas as pd
from wellread.profiles import tables
from wellread.profiles.consensus import consensus
from wellread.runtime import job

with job.running(snakemake.log[0], **snakemake.wildcards):
    frame = consensus(pd.read_parquet(snakemake.input[0]), **snakemake.params.options)
    tables.write(frame, snakemake.output[0])
