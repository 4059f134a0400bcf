"""Pool the embeddings of one plate's cells into one vector per field of view."""

import numpy as np
from wellread.profiles.pool import pool_plate
from wellread.runtime import job, table_files
from wellread.runtime.files import whole

files = snakemake.input
with job.running(snakemake.log[0], **snakemake.wildcards):
    fields, pooled = pool_plate(files.cells, files.get("embeddings"), cells=snakemake.params.statistic)
    table_files.write(fields, snakemake.output.fields, "pooled")
    with whole(snakemake.output.pooled) as part:
        np.save(part, pooled)
