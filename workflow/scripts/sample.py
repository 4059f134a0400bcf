"""Draw cells of every treatment, with the metadata of their wells."""

from wellread.profiles.sample import sample
from wellread.runtime import job, table_files

files = snakemake.input
with job.running(snakemake.log[0], **snakemake.wildcards, seed=snakemake.params.seed):
    wells = table_files.read(files.well, "profiles")
    frame = sample(wells, files.cells, files.embeddings, seed=snakemake.params.seed, **snakemake.params.options)
    table_files.write(frame, snakemake.output[0], "profiles")
