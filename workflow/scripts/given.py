"""Make profiles of fields and wells of ready feature tables."""

from wellread.inputs import user_tables
from wellread.runtime import job, table_files
from wellread.runtime.files import whole
from wellread.runtime.registry import pick

dataset, model = snakemake.wildcards.dataset, snakemake.wildcards.model
with job.running(snakemake.log[0], **snakemake.wildcards, seed=snakemake.params.seed):
    wells = user_tables.wells(snakemake.config["datasets"][dataset])
    profiles = pick("encoder", snakemake.params.encoder)(
        model, dataset, wells, snakemake.params.pooling, snakemake.params.seed
    )
    table_files.write(profiles.fov, snakemake.output.fov, "profiles")
    table_files.write(profiles.well, snakemake.output.well, "profiles")
    table_files.write(profiles.counts, snakemake.output.counts, "ledger")
    with whole(snakemake.output.features) as part:
        profiles.features.to_csv(part, index=False)
