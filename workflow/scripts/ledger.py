"""Count what every stage of a dataset keeps and loses."""

from wellread import job, ledger, sheets, sources, tables

with job.running(snakemake.log[0], **snakemake.wildcards):
    dataset = snakemake.wildcards.dataset
    images = sources.fields(snakemake.config["datasets"][dataset], dataset)
    wells = sheets.read(snakemake.input.wells, "wells")
    account = ledger.ledger(images, *ledger.files(snakemake.input), wells)
    ledger.check(account)
    tables.write(account, snakemake.output[0])
