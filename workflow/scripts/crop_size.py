"""Find how large the crops of a dataset have to be."""

from wellread.crops.crop_size import crop_size
from wellread.runtime import job

with job.running(snakemake.log[0], **snakemake.wildcards):
    params = snakemake.params
    crop_size(list(snakemake.input), snakemake.output[0], params.pixel_size, **params.options)
