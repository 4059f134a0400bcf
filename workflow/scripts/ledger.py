"""Count what every stage of a dataset keeps and loses."""

from wellread.inputs import sources, user_tables
from wellread.profiles import ledger
from wellread.runtime import job, table_files

files = snakemake.input
with job.running(snakemake.log[0], **snakemake.wildcards):
    dataset = snakemake.wildcards.dataset
    section = snakemake.config["datasets"][dataset]
    if given := files.get("given"):
        counts = ledger.together(given)
    else:
        images = sources.fields(section, dataset)
        masks = [files.get(kind) or () for kind in ("objects", "rejected")]
        plates = ledger.plate_files(files.fields, files.cells, files.lost, files.embeddings, *masks)
        profiles = ledger.profile_files(files.profiles)
        counts = ledger.build_ledger(images, plates, user_tables.wells(section), profiles)
    ledger.check_ledger(counts)
    table_files.write(counts, snakemake.output[0], "ledger")
