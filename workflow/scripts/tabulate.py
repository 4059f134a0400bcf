"""Collect the answers of several tasks, datasets, models and corrections in one table."""

from wellread.measure.tabulate import as_html, as_latex, tabulate
from wellread.runtime import job, table_files
from wellread.runtime.files import whole

files = snakemake.output
with job.running(snakemake.log[0], **snakemake.wildcards):
    table = tabulate(snakemake.input, **snakemake.params.how)
    table_files.write(table, files.table, "collected")
    texts = {files.csv: table.to_csv(index=False), files.latex: as_latex(table), files.html: as_html(table)}
    for path, text in texts.items():
        with whole(path) as part:
            part.write_text(text)
