"""Draw one picture of one set of profiles, and keep the numbers behind it."""

import pandas as pd
from wellread.runtime import job
from wellread.runtime.files import whole
from wellread.runtime.registry import pick

with job.running(snakemake.log[0], **snakemake.wildcards, seed=snakemake.params.seed):
    draw = pick("draw", snakemake.params.section)
    numbers = draw(pd.read_parquet(snakemake.input[0]), snakemake.params.seed, snakemake.output.picture)
    with whole(snakemake.output.numbers) as part:
        numbers.to_csv(part, index=False)
