"""Draw one picture of one set of profiles, and keep the numbers behind it."""

from wellread.profiles.subset import subset
from wellread.runtime import job, table_files
from wellread.runtime.files import whole
from wellread.runtime.registry import pick

with job.running(snakemake.log[0], **snakemake.wildcards, seed=snakemake.params.seed):
    draw = pick("draw", snakemake.params.section)
    profiles, _ = subset(table_files.read(snakemake.input[0], "profiles"), snakemake.params.where)
    numbers = draw(profiles, snakemake.params.seed, snakemake.output.picture)
    with whole(snakemake.output.numbers) as part:
        numbers.to_csv(part, index=False)
