"""Segment the fields of one plate."""

from wellread.runtime import job
from wellread.segment.segment import segment

machine = {"threads": snakemake.threads, "device": snakemake.config["device"]}
with job.running(snakemake.log[0], **snakemake.wildcards, **machine):
    files = snakemake.input.fields, snakemake.input.calibration, dict(snakemake.output.items())
    section = snakemake.config["datasets"][snakemake.wildcards.dataset]["segment"]
    segment(*files, section, pixel_size=snakemake.params.pixel_size, **machine)
