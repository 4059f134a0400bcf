"""Compute one measure of one set of profiles."""

from wellread.measure.tidy import with_left_out
from wellread.profiles.looked_at import looked_at
from wellread.runtime import job, table_files
from wellread.runtime.registry import pick

with job.running(snakemake.log[0], **snakemake.wildcards, seed=snakemake.params.seed):
    measure = pick("measure", snakemake.params.section)
    profiles, left_out = looked_at(snakemake.input, snakemake.params.pool, snakemake.params.where)
    answers = with_left_out(measure(profiles, snakemake.params.seed), left_out, len(profiles) + sum(left_out.values()))
    table_files.write(answers, snakemake.output[0], "answers")
