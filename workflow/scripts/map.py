"""Place wells, treatments and a sample of cells on maps to look at."""

from wellread.pictures.maps import maps
from wellread.runtime import job, table_files

params, files = snakemake.params, snakemake.input
with job.running(snakemake.log[0], **snakemake.wildcards, seed=params.seed):
    profiles = [table_files.read(path, "profiles") for path in (files.well, files.treatment)]
    found = maps(*profiles, files.cells, files.embeddings, seed=params.seed, **params.options)
    table_files.write(found, snakemake.output[0], "maps")
