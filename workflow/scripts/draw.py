"""Draw one picture of one set of profiles, and keep the numbers behind it."""

from wellread.profiles.looked_at import looked_at
from wellread.runtime import job
from wellread.runtime.files import whole
from wellread.runtime.registry import pick

with job.running(snakemake.log[0], **snakemake.wildcards, seed=snakemake.params.seed):
    draw = pick("draw", snakemake.params.section)
    profiles, _ = looked_at(snakemake.input, snakemake.params.pool, snakemake.params.where)
    numbers = draw(profiles, snakemake.params.seed, snakemake.output.picture)
    with whole(snakemake.output.numbers) as part:
        numbers.to_csv(part, index=False)
