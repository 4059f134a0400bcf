"""Put the answers of a chosen chain together from those of the corrections it was chosen from."""

from wellread.measure.choose import threshold
from wellread.measure.nest import nest
from wellread.measure.tidy import marked
from wellread.runtime import job, table_files
from wellread.runtime.registry import chosen

params, files = snakemake.params, snakemake.input
with job.running(snakemake.log[0], **snakemake.wildcards, seed=params.seed):
    answers = {name: table_files.read(path, "answers") for name, path in zip(params.among, files.answers, strict=True)}
    choices, items = table_files.read(files.choices, "choices"), chosen("measure", params.section).items
    found = nest(choices, answers, items, threshold(params.section), params.seed)
    table_files.write(marked(found, params.marks), snakemake.output[0], "answers")
