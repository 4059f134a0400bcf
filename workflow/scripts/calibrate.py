"""Look at the fields of one plate: quality, and the intensity limits of every channel."""

from wellread.calibrate.calibrate import calibrate
from wellread.inputs import sources
from wellread.plan import kept
from wellread.runtime import job

with job.running(snakemake.log[0], **snakemake.wildcards, threads=snakemake.threads):
    dataset = snakemake.wildcards.dataset
    rows = kept.rows_of(dataset, snakemake.wildcards.plate, snakemake.params.rows)
    if rows is None:
        rows = sources.fields(snakemake.config["datasets"][dataset], dataset)
        rows = rows[rows["plate"] == snakemake.wildcards.plate].reset_index(drop=True)
    outputs = snakemake.output.calibration, snakemake.output.fields
    calibrate(rows, snakemake.params.channels, *outputs, snakemake.threads, **snakemake.params.options)
