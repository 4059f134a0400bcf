"""Patch tokens of some cells of every value of a label."""

from pathlib import Path

from wellread.encoder.tokens import tokens
from wellread.profiles.sample import chosen_cells
from wellread.runtime import job, table_files

params, given = snakemake.params, snakemake.input
machine = {key: snakemake.config[key] for key in ("device", "deterministic")} | {"threads": snakemake.threads}
with job.running(snakemake.log[0], **snakemake.wildcards, **machine):
    wells = table_files.read(given.wells, "profiles")
    cells = chosen_cells(wells, given.cells, seed=params.seed, **params.cells)
    crops, outlines = ({Path(path).parent.name: path for path in paths} for paths in (given.crops, given.outlines))
    how = {"channels": params.channels, "encoder": params.encoder, "view": params.view, "seed": params.seed}
    files = {"weights": given.get("weights", ""), "model": given.get("model", "")}
    tokens(cells, crops, outlines, snakemake.output[0], **how, **files, **machine)
