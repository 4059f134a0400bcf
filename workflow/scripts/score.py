"""Compare the masks of a dataset with label images, the ground truth."""

from wellread.runtime import job, table_files
from wellread.runtime.registry import pick

files = snakemake.input
with job.running(snakemake.log[0], **snakemake.wildcards):
    score = pick("measure", snakemake.params.section)
    answers = score(list(zip(files.fields, files.calibration, files.masks, strict=True)))
    table_files.write(answers, snakemake.output[0], "answers")
