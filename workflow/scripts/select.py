"""Keep the model that is best on wells that validate, of all that were trained with a grid of settings."""

from wellread.runtime import job
from wellread.train.select import select

with job.running(snakemake.log[0], **snakemake.wildcards):
    given = {name: list(snakemake.input[name]) for name in ("weights", "model", "training")}
    select(list(snakemake.params.cells.values()), given, **dict(snakemake.output.items()))
