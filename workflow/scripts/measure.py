"""Compute one measure of one set of profiles."""

from wellread.measure.tidy import marked, with_left_out
from wellread.profiles.looked_at import crossed, looked_at
from wellread.runtime import job, table_files
from wellread.runtime.registry import chosen, pick

params, files = snakemake.params, snakemake.input
with job.running(snakemake.log[0], **snakemake.wildcards, seed=params.seed):
    measure = pick("measure", params.section)
    profiles, left_out = looked_at(files.profiles, params.pool, params.where)
    others = ()
    if chosen("measure", params.section).crossed:
        others = (crossed(profiles, files.crossed, params.pool, params.where),)
    answers = with_left_out(measure(profiles, params.seed, *others), left_out, len(profiles) + sum(left_out.values()))
    answers = marked(answers, params.marks)
    table_files.write(answers, snakemake.output[0], "answers")
