"""Paint the fields of one plate of a synthetic dataset."""

from wellread.runtime import job
from wellread.runtime.registry import pick

with job.running(snakemake.log[0], **snakemake.wildcards):
    folder = snakemake.output[0].rpartition("/")[0]
    pick("paint", snakemake.params.section)(snakemake.wildcards.plate, folder)
