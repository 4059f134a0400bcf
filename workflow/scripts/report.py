"""Write the report of a dataset: one HTML page."""

from wellread.inputs import user_tables
from wellread.report.page import report
from wellread.runtime import job

with job.running(snakemake.log[0], **snakemake.wildcards):
    wells = user_tables.wells(snakemake.config["datasets"][snakemake.wildcards.dataset])
    inputs = {name: paths for name, paths in snakemake.input.items() if name != "wells"}
    report(snakemake.output[0], snakemake.wildcards.dataset, inputs, wells, snakemake.config)
