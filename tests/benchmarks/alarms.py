"""How many alarms sound on painted screens on which nothing is wrong: all of them are false ones.

`python tests/benchmarks/alarms.py 100` paints plates that vary in the number of cells, in what treatments and plates do
to images and in the mechanisms, takes each as far as crops with the right settings, and prints how many alarms of
plates sounded, by code. Then the same plates with the channel of mitochondria in the place of that of nuclei, where an
alarm should sound. A few seconds for every plate.
"""

import sys
import tempfile
from collections import Counter
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2] / "workflow"))

import numpy as np
from wellread.alarms import of_nuclei, of_plates
from wellread.calibrate.calibrate import calibrate
from wellread.crops.crop_size import size_of
from wellread.crops.crops import crops
from wellread.painted import layout
from wellread.painted.paint import paint
from wellread.plan import settings
from wellread.runtime import table_files
from wellread.segment.segment import segment

LIMITS = settings.schema()["$defs"]["alarms"]["properties"]
LIMITS = {code: entry["default"] for code, entry in LIMITS.items()}
CHANNELS = list(layout.CHANNELS)


def main(n: int) -> None:
    """Print the alarms of n screens."""
    right, wrong = Counter(), Counter()
    for seed in range(n):
        with tempfile.TemporaryDirectory() as folder:
            rows = painted(seed, Path(folder))
            right.update(sounded(rows, Path(folder) / "right", "DNA"))
            wrong.update(sounded(rows, Path(folder) / "wrong", "Mito") or ["silent"])
    print(f"| alarm | of {n} plates, right | of {n} plates, nuclei in Mito |\n| --- | --- | --- |")
    for code in sorted({*right, *wrong}):
        print(f"| {code} | {right[code]} | {wrong[code]} |")


def painted(seed: int, folder: Path):
    """The rows of the images table of a plate of 6 wells that the seed decides."""
    rng = np.random.default_rng(seed)
    kinds = {"cells": float(rng.uniform(8, 60)), "effect": rng.choice([0.0, 0.5, 1.0, 2.0])}
    kinds |= {"plate_effect": float(rng.uniform(0, 2)), "mechanisms": str(rng.choice(list(layout.MECHANISMS)))}
    options = {"wells": 6, "fields": 1, "seed": seed} | kinds
    paint("P1", folder, **options)
    return layout.images(folder, plates=1, **options)


def sounded(rows, home: Path, nucleus: str) -> list[str]:
    """The codes of the alarms of a plate with the given channel of nuclei."""
    home.mkdir()
    kinds = {"fields": "parquet", "calibration": "npz", "masks": "tif", "objects": "parquet", "crops": "npy"}
    kinds |= {"outlines": "npy", "cells": "parquet", "lost": "parquet"}
    path = {kind: str(home / f"{kind}.{ending}") for kind, ending in kinds.items()}
    section = {"otsu_watershed": {"nucleus": nucleus, "cell": "RNA"}}
    calibrate(rows, CHANNELS, path["calibration"], path["fields"])
    segment(path["fields"], path["calibration"], {kind: path[kind] for kind in ("masks", "objects")}, section)
    size = size_of(table_files.read(path["objects"], "objects"))
    outputs = {kind: path[kind] for kind in ("crops", "outlines", "cells", "lost")}
    crops(path["fields"], path["calibration"], path["masks"], path["objects"], outputs, seed=0, size=size)
    inputs = {kind: [path[kind]] for kind in ("fields", "calibration", "masks", "objects", "cells", "lost")}
    how = {"dataset": {"channels": CHANNELS, "pixel_size": 0, "segment": section}}
    return [alarm.code for room in (of_plates, of_nuclei) for alarm in room.found(inputs, how, LIMITS)]


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 100)
