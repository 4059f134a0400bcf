"""Draw patch tokens of some cells, and keep the numbers that are drawn."""

from wellread.runtime import job
from wellread.runtime.files import whole
from wellread.runtime.registry import pick

with job.running(snakemake.log[0], **snakemake.wildcards):
    patches = pick("patches", snakemake.params.section)
    numbers = patches(snakemake.input[0], snakemake.output.picture)
    with whole(snakemake.output.numbers) as part:
        numbers.to_csv(part, index=False)
