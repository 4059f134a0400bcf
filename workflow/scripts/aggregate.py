"""Pool the embeddings of every plate's cells into profiles of fields and wells."""

from wellread.inputs import user_tables
from wellread.profiles.aggregate import aggregate
from wellread.runtime import job, table_files

with job.running(snakemake.log[0], **snakemake.wildcards, seed=snakemake.params.seed):
    wells = user_tables.wells(snakemake.config["datasets"][snakemake.wildcards.dataset])
    files = snakemake.input.cells, snakemake.input.embeddings
    fov, well = aggregate(*files, wells, seed=snakemake.params.seed, **snakemake.params.options)
    table_files.write(fov, snakemake.output.fov, "profiles")
    table_files.write(well, snakemake.output.well, "profiles")
