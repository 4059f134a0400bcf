"""Compare the masks of a dataset with label images, the ground truth."""

from wellread.profiles import tables
from wellread.runtime import job
from wellread.runtime.registry import pick

files = snakemake.input
with job.running(snakemake.log[0], **snakemake.wildcards):
    score = pick("measure", snakemake.params.section)
    tables.write(score(list(zip(files.fields, files.calibration, files.masks, strict=True))), snakemake.output[0])
