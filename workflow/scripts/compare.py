"""Compare the models of a dataset with its baselines, on the items of every task."""

from wellread.measure.compare import compare
from wellread.runtime import job, table_files
from wellread.runtime.files import whole

params = snakemake.params
with job.running(snakemake.log[0], **snakemake.wildcards, seed=params.seed):
    ladder = compare(list(snakemake.input), params.ladder["baselines"], params.ladder["items"], seed=params.seed)
    table_files.write(ladder, snakemake.output.table, "ladder")
    with whole(snakemake.output.csv) as part:
        ladder.to_csv(part, index=False)
