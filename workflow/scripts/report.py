"""Write the report of a dataset: one HTML page, and beside it how long its jobs took."""

from pathlib import Path

from wellread.inputs import user_tables
from wellread.report import records
from wellread.report.page import report
from wellread.report.run import Run
from wellread.runtime import job

with job.running(snakemake.log[0], **snakemake.wildcards):
    wells = user_tables.wells(snakemake.config["datasets"][snakemake.wildcards.dataset])
    inputs = {name: paths for name, paths in snakemake.input.items() if name != "wells"}
    results = Path(snakemake.log[0]).parents[2]
    left = {kind: results / kind for kind in ("logs", "benchmarks")}
    dataset, config = snakemake.wildcards.dataset, snakemake.params.config
    report(snakemake.output.page, dataset, inputs | left, wells, config)
    records.write_run(snakemake.output.run, Run.from_inputs(dataset, left, wells, config))
