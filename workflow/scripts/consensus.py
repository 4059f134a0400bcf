"""Pool the wells of every treatment into one profile."""

from wellread.profiles.consensus import consensus
from wellread.runtime import job, table_files

with job.running(snakemake.log[0], **snakemake.wildcards):
    frame = consensus(table_files.read(snakemake.input[0], "profiles"), **snakemake.params.options)
    table_files.write(frame, snakemake.output[0], "profiles")
