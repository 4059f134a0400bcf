"""Pooling and aggregation of a million cells, beside reading their embeddings and passing over them once; peak memory.

python tests/benchmarks/aggregate.py [--cells 1000000] [--plates 4] [--repeats 3]

Plates of 384 wells of 9 fields, embeddings of 384 dimensions, everything in the page cache. Every step runs in an
interpreter of its own, as its job does; CPU-seconds without imports, all take turns, ratios are medians over the
rounds. "Load and one pass" is np.load and the mean over the cells, plate by plate; "pool" all plates one after the
other (a job each in the workflow), with its files; "aggregate" gathers them into both tables of profiles.

Seen on two shared cores with AVX-512, ten rounds in two runs. 4 plates (13,800 fields of 72 cells): load and one pass
0.9 to 1.0 s; pool and aggregate together 1.4 to 1.5 times that for the mean, 2.2 to 2.6 times for the median. 8 plates
(27,600 fields of 36 cells): 2.2 and 3.8 to 3.9 times. Peak memory 235 to 255 MiB for pool, 205 for aggregate, with 4
plates as with 8. Without AVX-512 sorting takes longer: a version that also passed over all values to see whether they
are finite, and took 1.85 and 2.7 to 2.8 times here with 4 plates, was at 1.65 to 2.2 and 2.7 to 4.1 times there.
"""

import argparse
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2] / "workflow"))

import numpy as np
import pandas as pd
from wellread.profiles.aggregate import aggregate
from wellread.profiles.pool import pool_plate
from wellread.runtime import table_files

D, WELLS, SITES = 384, 384, 9


def main():
    asked = arguments()
    if asked.alone:
        return alone(*asked.alone)
    folder = Path(tempfile.mkdtemp(dir=asked.folder))
    try:
        for plates in (asked.plates, 2 * asked.plates):
            make(folder / str(plates), asked.cells, plates)
            compare(folder / str(plates), asked.repeats)
            shutil.rmtree(folder / str(plates))
    finally:
        shutil.rmtree(folder)


def arguments():
    parser = argparse.ArgumentParser()
    parser.add_argument("--cells", type=int, default=1_000_000, help="of all plates together")
    parser.add_argument("--plates", type=int, default=4, help="and then with twice as many")
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--folder", help="where files go (a temporary folder)")
    parser.add_argument("--alone", nargs=2, help=argparse.SUPPRESS)
    return parser.parse_args()


def make(folder, cells, plates):
    """Embeddings, cells.parquet in the order of fields, and the wells table."""
    folder.mkdir()
    rng, wells = np.random.default_rng(0), [f"{chr(65 + i // 24)}{i % 24 + 1:02d}" for i in range(WELLS)]
    for plate in range(plates):
        field = np.sort(rng.integers(0, WELLS * SITES, cells // plates))
        site = (field % SITES + 1).astype(str)
        keys = pd.DataFrame({"plate": f"P{plate:02d}", "well": np.array(wells)[field // SITES], "site": site})
        table_files.write(keys, folder / f"P{plate:02d}.cells.parquet", "cells")
        np.save(folder / f"P{plate:02d}.npy", rng.standard_normal((len(keys), D), np.float32))
    rows = [(f"P{plate:02d}", well) for plate in range(plates) for well in wells]
    table = pd.DataFrame(rows, columns=["plate", "well"])
    table.assign(treatment="t", control="").to_csv(folder / "wells.csv", index=False)


def compare(folder, repeats):
    """Print seconds, ratios and peak memory of every step."""
    steps = ("load and one pass", "pool mean", "pool median", "aggregate")
    rounds = [{step: run(step, folder) for step in steps} for _ in range(repeats)]
    found = {step: [own[step] for own in rounds] for step in steps}
    seconds = {step: np.array([own[0] for own in runs]) for step, runs in found.items()}
    print(f"\n{len(list(folder.glob('*.npy')))} plates, CPU-seconds\n")
    print("| step | seconds | load and one pass = 1 | peak MiB |\n|---|---|---|---|")
    for step in steps:
        line(step, seconds[step], seconds["load and one pass"], round(max(own[1] for own in found[step])))
    for name in ("mean", "median"):
        line(f"pool {name} and aggregate", seconds[f"pool {name}"] + seconds["aggregate"], seconds["load and one pass"])


def line(step, seconds, unit, memory=""):
    print(f"| {step} | {statistics.median(seconds):.2f} | {statistics.median(seconds / unit):.2f} | {memory} |")


def run(step, folder):
    """(CPU-seconds, peak MiB) of a step in an interpreter of its own."""
    command = [sys.executable, __file__, "--alone", step, str(folder)]
    return [float(word) for word in subprocess.run(command, check=True, capture_output=True, text=True).stdout.split()]


def alone(step, folder):
    folder = Path(folder)
    files = [(folder / f"{path.stem}.cells.parquet", path) for path in sorted(folder.glob("*.npy"))]
    wells = pd.read_csv(folder / "wells.csv", keep_default_na=False)
    start = time.process_time()
    if step == "load and one pass":
        for _, path in files:
            np.load(path).mean(axis=0, dtype=np.float64)
    elif step == "aggregate":
        tables, arrays = ([path.with_suffix(end) for _, path in files] for end in (".fields", ".pooled"))
        aggregate(tables, arrays, wells, folder / "fov.parquet", folder / "well.parquet", seed=0)
    else:
        for cells, path in files:
            fields, pooled = pool_plate(cells, path, cells=step.split()[1])
            table_files.write(fields, path.with_suffix(".fields"), "pooled")
            with open(path.with_suffix(".pooled"), "wb") as file:
                np.save(file, pooled)
    seconds = time.process_time() - start
    status = dict(line.split(":") for line in Path("/proc/self/status").read_text().splitlines())
    print(seconds, int(status["VmHWM"].split()[0]) / 1024)


if __name__ == "__main__":
    main()
