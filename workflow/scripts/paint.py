"""Paint the fields of one plate of the synthetic screen."""

from wellread.painted.paint import paint
from wellread.runtime import job

with job.running(snakemake.log[0], **snakemake.wildcards):
    folder = snakemake.output[0].rpartition("/")[0]
    paint(snakemake.wildcards.plate, folder, **snakemake.params.options)
