"""Draw fields, cells or plates of a dataset, and keep the numbers behind the picture."""

from wellread.look.plate_files import PlateFiles
from wellread.runtime import job
from wellread.runtime.files import whole
from wellread.runtime.registry import pick

KINDS = ("fields", "calibration", "masks", "objects", "rejected", "cells", "lost")
with job.running(snakemake.log[0], **snakemake.wildcards, seed=snakemake.params.seed):
    look = pick("look", snakemake.params.section)
    plates = PlateFiles.of_dataset({kind: snakemake.input.get(kind) or [] for kind in KINDS})
    numbers = look(plates, snakemake.params.seed, snakemake.output.picture)
    with whole(snakemake.output.numbers) as part:
        numbers.to_csv(part, index=False)
