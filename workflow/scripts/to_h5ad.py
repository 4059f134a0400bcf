"""Write profiles as AnnData, too."""

import pandas as pd
from wellread.export.to_h5ad import to_h5ad
from wellread.runtime import job, table_files

files, params = snakemake.input, snakemake.params
with job.running(snakemake.log[0], **snakemake.wildcards):
    profiles = table_files.read(files.profiles, "profiles")
    named = pd.read_csv(files.features, dtype=str).dropna() if files.get("features") else None
    names = {} if named is None else dict(zip(named["profile"], named["feature"], strict=True))
    to_h5ad(profiles, snakemake.output[0], params.called_by, names, params.about)
