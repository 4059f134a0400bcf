"""Write the page of all datasets of a run."""

from pathlib import Path

from wellread.report.overview import overview
from wellread.runtime import job

with job.running(snakemake.log[0], **snakemake.wildcards):
    results = Path(snakemake.output[0]).parent
    overview(snakemake.output[0], results, dict(snakemake.input.items()), snakemake.config)
