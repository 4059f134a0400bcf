"""Write the list of hits of a dataset: every treatment, and how it differs from the controls."""

from wellread.measure.hits import hits
from wellread.profiles.looked_at import crossed
from wellread.runtime import job, table_files
from wellread.runtime.files import whole

params, files = snakemake.params, snakemake.input
with job.running(snakemake.log[0], **snakemake.wildcards, seed=params.seed):
    profiles = table_files.read(files.profiles, "profiles")
    found = hits(profiles, crossed(profiles, files.crossed and [files.crossed], [], {}), params.seed, **params.options)
    table_files.write(found, snakemake.output.table, "hits")
    with whole(snakemake.output.csv) as part:
        found.to_csv(part, index=False)
