"""Look for results of a dataset that are not plausible."""

from wellread.alarms.alarms import alarms
from wellread.runtime import job, table_files
from wellread.runtime.files import whole

params = snakemake.params
with job.running(snakemake.log[0], **snakemake.wildcards):
    inputs = {kind: [paths] if isinstance(paths, str) else list(paths) for kind, paths in snakemake.input.items()}
    found = alarms(inputs, params.how, params.limits)
    table_files.write(found, snakemake.output.table, "alarms")
    with whole(snakemake.output.csv) as part:
        found.to_csv(part, index=False)
