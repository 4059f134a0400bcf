"""Write a table as CSV, too."""

from wellread.export.to_csv import to_csv
from wellread.runtime import job

with job.running(snakemake.log[0], **snakemake.wildcards):
    to_csv(snakemake.input[0], snakemake.output[0])
