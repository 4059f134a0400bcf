"""Apply a chain of corrections to the profiles of wells, fitted on the other half of the controls."""

from wellread.profiles import controls
from wellread.profiles.correct import correct
from wellread.runtime import job, table_files

with job.running(snakemake.log[0], **snakemake.wildcards, seed=snakemake.params.seed):
    frame = controls.swapped(table_files.read(snakemake.input.well, "profiles"))
    table_files.write(
        correct(frame, snakemake.params.steps, seed=snakemake.params.seed), snakemake.output[0], "profiles"
    )
