"""Segment the fields of one plate."""

from wellread.runtime import job
from wellread.segment.segment import segment

params, machine = snakemake.params, {"threads": snakemake.threads, "device": snakemake.params.device}
with job.running(snakemake.log[0], **snakemake.wildcards, **machine):
    files = snakemake.input.fields, snakemake.input.calibration, dict(snakemake.output.items())
    segment(*files, params.section, pixel_size=params.pixel_size, **machine)
