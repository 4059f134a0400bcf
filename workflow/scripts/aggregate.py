"""Pool the embeddings of every plate's cells into profiles of fields and wells."""

from wellread.inputs import user_tables
from wellread.profiles import tables
from wellread.profiles.aggregate import aggregate
from wellread.runtime import job

with job.running(snakemake.log[0], **snakemake.wildcards, seed=snakemake.params.seed):
    wells = user_tables.read(snakemake.input.wells, "wells")
    files = snakemake.input.cells, snakemake.input.embeddings
    fov, well = aggregate(*files, wells, seed=snakemake.params.seed, **snakemake.params.options)
    tables.write(fov, snakemake.output.fov)
    tables.write(well, snakemake.output.well)
