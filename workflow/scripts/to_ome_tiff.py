"""Write the masks of one plate as OME-TIFF, too."""

from wellread.export.to_ome_tiff import to_ome_tiff
from wellread.runtime import job

files = snakemake.input
with job.running(snakemake.log[0], **snakemake.wildcards):
    to_ome_tiff(files.masks, files.fields, snakemake.output[0], snakemake.params.pixel_size)
