"""Segment the fields of one plate."""

from wellread import job
from wellread.segment import segment

with job.running(snakemake.log[0], **snakemake.wildcards, threads=snakemake.threads):
    fields, calibration = snakemake.input.fields, snakemake.input.calibration
    segment(fields, calibration, snakemake.output[0], snakemake.params.section, snakemake.threads)
