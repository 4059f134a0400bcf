"""Draw the answers that a table collects, and keep the numbers that are drawn."""

from wellread.runtime import job
from wellread.runtime.files import whole
from wellread.runtime.registry import pick

with job.running(snakemake.log[0], **snakemake.wildcards):
    chart = pick("chart", snakemake.params.section)
    numbers = chart(snakemake.input.answers, snakemake.params.metrics, snakemake.output.picture)
    with whole(snakemake.output.numbers) as part:
        numbers.to_csv(part, index=False)
