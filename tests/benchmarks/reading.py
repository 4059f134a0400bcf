"""Crops a second, from files in memory and from a disk that answers late, and what ten million crops ask for.

python tests/benchmarks/reading.py [FOLDER]: writes a few GB at most (sparse files). A late disk is a pause before every
read, so that all figures of a run are of the same files on the same machine. Read more than once, and compare ratios.
"""

import resource
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2] / "workflow"))

import numpy as np
import pandas as pd
import torch
from wellread.crops import reader
from wellread.runtime import table_files
from wellread.train import labels, loop
from wellread.train.dataset import TrainingSet, read_window_sides

SHAPE = (4, 96, 96)  # of a crop: 37 kB
PLATES, CELLS = 2000, 5000  # of a plate
BATCH = 256


def sparse(path, cells):
    """A .npy file of zeros that takes no space."""
    with open(path, "wb") as file:
        header = {"descr": "|u1", "fortran_order": False, "shape": (cells, *SHAPE)}
        np.lib.format.write_array_header_1_0(file, header)
        file.truncate(file.tell() + cells * int(np.prod(SHAPE)))


def per_second(crops, batches, readers, pause=0.0, channels=None):
    """Crops read a second by some readers, each read after a pause in seconds."""
    plain = reader.read_into
    reader.READERS = readers
    if pause:
        reader.read_into = lambda *args: (time.sleep(pause), plain(*args))[1]
    crops.readers = reader.ThreadPoolExecutor(readers)
    planes = crops.shape[1] if channels is None else 1
    out = np.empty((BATCH, planes, *SHAPE[1:]), np.uint8)
    start = time.perf_counter()
    for rows in batches:
        crops.read(rows, out, channels)
    reader.read_into = plain
    return len(batches) * BATCH / (time.perf_counter() - start)


def rates(folder):
    """Rates of readers and pauses, from 8 files of 500 crops that are in memory."""
    paths = [folder / f"full{i}.npy" for i in range(8)]
    for path in paths:
        np.save(path, np.random.default_rng(0).integers(0, 256, (500, *SHAPE), dtype=np.uint8))
    crops, rng = reader.Crops(paths), np.random.default_rng(1)
    batches = [rng.permutation(4000)[:BATCH] for _ in range(16)]
    crops[range(4000)]
    rows = []
    for pause in (0, 0.001, 0.005):
        for readers in (1, 4, 16, 32):
            few = batches if pause == 0 else batches[: max(1, readers // 8)]
            one = per_second(crops, few, readers, pause, np.zeros(BATCH, int))
            rows.append({"pause ms": 1000 * pause, "readers": readers, "one channel": one})
            rows[-1]["crops/s"] = per_second(crops, few, readers, pause)
    return pd.DataFrame(rows).round(0)


class OneNumber:
    """A method that draws a number for every cell."""

    def draw(self, seed, cells, _side):
        return torch.rand(cells, generator=torch.Generator().manual_seed(seed))


def ten_million(folder):
    """Seconds to the first batch of 10 million crops of 2,000 plates, with labels, and the peak of memory in GB."""
    wells = [f"{row}{column:02d}" for row in "ABCDEFGHIJKLMNOP" for column in range(1, 25)]
    sparse(folder / "crops.npy", CELLS)
    own = np.repeat(wells, -(-CELLS // len(wells)))[:CELLS]
    crops, cells = [], []
    for i in range(PLATES):
        crops.append(folder / f"{i}.npy")
        crops[-1].hardlink_to(folder / "crops.npy")
        cells.append(folder / f"{i}.parquet")
        table_files.write(pd.DataFrame({"plate": f"P{i}", "well": own, "side": SHAPE[-1]}), cells[-1], "cells")
    treatments = [f"t{i % 1500}" for i in range(len(wells) * 10)]
    keys = {"plate": np.repeat([f"P{i}" for i in range(10)], len(wells)), "well": wells * 10}
    pd.DataFrame(keys | {"treatment": treatments, "control": ""}).to_csv(folder / "wells.csv", index=False)
    before, start = memory(), time.perf_counter()
    data = reader.Crops(crops)
    of_cells = labels.read_labels(cells, [str(folder / "wells.csv")] * PLATES, "treatment")
    found = {"with labels": time.perf_counter() - start}
    for name, given in (("labels", of_cells), ("no labels", None)):
        start = time.perf_counter()
        dataset = TrainingSet(data, given, window_sides=read_window_sides(cells, SHAPE[-1]))
        next(loop.load_batches(OneNumber(), dataset, BATCH, 1, 0, 0, torch.device("cpu")))
        found |= {f"{name}: cells": len(dataset), f"{name}: seconds to a batch": time.perf_counter() - start}
    return found | {"memory GB": memory(), "memory GB before": before}


def memory():
    """Peak of this process, in GB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6


if __name__ == "__main__":
    with tempfile.TemporaryDirectory(dir=sys.argv[1] if len(sys.argv) > 1 else None) as name:
        print(rates(Path(name)).to_string(index=False), flush=True)
        for what, value in ten_million(Path(name)).items():
            print(f"{what:30} {value:12.2f}")
