"""Compute one measure of one set of profiles."""

from wellread.measure.tidy import with_left_out
from wellread.profiles.subset import subset
from wellread.runtime import job, table_files
from wellread.runtime.registry import pick

with job.running(snakemake.log[0], **snakemake.wildcards, seed=snakemake.params.seed):
    measure = pick("measure", snakemake.params.section)
    profiles = table_files.read(snakemake.input[0], "profiles")
    kept, left_out = subset(profiles, snakemake.params.where)
    answers = with_left_out(measure(kept, snakemake.params.seed), left_out, len(profiles))
    table_files.write(answers, snakemake.output[0], "answers")
