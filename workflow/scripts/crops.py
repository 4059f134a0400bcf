"""Cut the cells of one plate."""

import json
from pathlib import Path

from wellread.crops.crops import crops
from wellread.runtime import job

with job.running(snakemake.log[0], **snakemake.wildcards, threads=snakemake.threads, seed=snakemake.params.seed):
    files = [snakemake.input.get(name) or None for name in ("fields", "calibration", "masks", "objects")]
    machine = snakemake.params.seed, snakemake.threads, snakemake.params.pixel_size
    found = json.loads(Path(snakemake.input.found).read_text()) if snakemake.input.get("found") else {}
    crops(*files, dict(snakemake.output.items()), *machine, **snakemake.params.options | found)
