"""Crops per second, beside other ways of cutting them and beside copying the same bytes; peak memory of long plates.

python tests/benchmarks/crops.py [--fields 32] [--repeats 5]

A plate of 5 x 1080 x 1080 uint16 fields (painted tiles, uncompressed TIFF) with about 120 cells each, crops of 160 px,
everything in the page cache. All methods take turns in one run; ratios are medians over the rounds. The two others are
re-creations of how these programs work, from their public code, not the programs themselves:

scPortrait (src/scportrait/pipeline/extraction.py, one thread): images and labels into memory-mapped arrays; then for
every cell both masks (== id, holes filled, Gaussian of 1 px), channels times the cell's mask, percentile-normalised,
and (7, S, S) float16 into one array. It goes to an uncompressed memory map here, which is cheaper than its HDF5 chunks.
DeepProfiler (deepprofiler/dataset/sampling.py, export-sc): for every location the crop of all channels, divided by
their maxima, unfolded side by side and saved as one PNG.
"""

import argparse
import os
import resource
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
import tifffile
from PIL import Image
from scipy.ndimage import binary_fill_holes
from skimage.filters import gaussian
from wellread.crops.crops import crops
from wellread.inputs import images
from wellread.painted import phantom
from wellread.painted.layout import CHANNELS
from wellread.painted.paint import expose, microscope
from wellread.runtime.parallel import ordered
from wellread.segment.objects import objects
from wellread.segment.segment import segment

TILE, SIZE = 540, 160
PLATE = ("fields.parquet", "calibration.npz", "masks.tif", "objects.parquet")
OUT = {"crops": "crops.npy", "outlines": "outlines.npy", "cells": "cells.parquet", "lost": "lost.parquet"}


def main():
    asked = arguments()
    if asked.memory_of:
        return alone(*asked.memory_of)
    folder = Path(tempfile.mkdtemp(dir=asked.folder))
    try:
        speed(make(folder / "plate", asked.fields), asked.repeats)
        memory(folder, asked.fields)
    finally:
        shutil.rmtree(folder)


def arguments():
    parser = argparse.ArgumentParser()
    parser.add_argument("--fields", type=int, default=32)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--folder", help="where files go (a temporary folder)")
    parser.add_argument("--memory-of", nargs=3, help=argparse.SUPPRESS)
    return parser.parse_args()


# ---- speed --------------------------------------------------------------------------------------------------------


def speed(plate, repeats):
    cut(plate, "reference")
    rows = pd.read_parquet(plate / "reference" / "cells.parquet")
    few = rows[rows["field"].isin(rows["field"].unique()[:2])]  # enough for those that are slow
    methods = {
        "arithmetic, 1 process": (1, lambda: list(ordered(busy, range(32), 1))),
        "arithmetic, 2 processes": (1, lambda: list(ordered(busy, range(32), 2))),
        "wellread, 1 process": (len(rows), lambda: cut(plate, "out")),
        "wellread, 2 processes": (len(rows), lambda: cut(plate, "out", 2)),
        "copy: images decoded, arrays written": (len(rows), lambda: write_arrays(plate, rows)),
        "copy: images decoded, files copied": (len(rows), lambda: copy_files(plate, rows)),
        "as scPortrait": (len(few), lambda: as_scportrait(plate, few)),
        "as DeepProfiler": (len(few), lambda: as_deepprofiler(plate, few)),
    }
    seconds = {name: [] for name in methods}
    for repeat in range(repeats + 1):
        for name, (count, method) in methods.items():
            shutil.rmtree(plate / "out", ignore_errors=True)
            (plate / "out").mkdir()
            start = time.perf_counter()
            method()
            if repeat:  # not the first time
                seconds[name].append((time.perf_counter() - start) / count)
    total = sum((plate / "reference" / OUT[name]).stat().st_size for name in ("crops", "outlines"))
    print(f"{len(rows)} crops 5 x {SIZE} x {SIZE} of {rows['field'].nunique()} fields, {total / 2**20:.0f} MiB\n")
    print("| method | crops/s | wellread with 1 process is so many times as fast | with 2 |\n|---|---|---|---|")
    alone, shared, one, two, *_ = seconds.values()
    for name, own in list(seconds.items())[2:]:
        print(f"| {name} | {1 / statistics.median(own):.0f} | {ratio(own, one):.2f} | {ratio(own, two):.2f} |")
    gain = f"{ratio(one, two):.2f} times as fast as 1; at plain arithmetic, {ratio(alone, shared):.2f} times"
    print(f"\n2 processes are {gain}")


def ratio(slow, fast):
    return statistics.median(a / b for a, b in zip(slow, fast, strict=True))


def busy(_):
    """About 20 ms in registers and the nearest cache: what two processes gain where they share nothing."""
    values = np.arange(4096.0)
    for _ in range(2000):
        np.sqrt(values, out=values)


def cut(plate, out, threads=1):
    files = [str(plate / name) for name in PLATE]
    crops(*files, {key: str(plate / out / name) for key, name in OUT.items()}, 0, threads, size=SIZE)


def decoded(plate, numbers):
    fields = pd.read_parquet(plate / "fields.parquet")
    for number in numbers:
        yield np.stack([images.read(fields.loc[number, f"path_{channel}"]) for channel in CHANNELS])


def write_arrays(plate, rows):
    """Field by field, decode its images, then write the bytes of its crops and outlines, which are in memory."""
    arrays = [np.load(plate / "reference" / OUT[name], mmap_mode="r") for name in ("crops", "outlines")]
    with open(plate / "out" / "a", "wb", 0) as first, open(plate / "out" / "b", "wb", 0) as second:
        groups = rows.groupby("field").indices
        for _, own in zip(decoded(plate, groups), groups.values(), strict=True):
            for file, array in zip((first, second), arrays, strict=True):
                file.write(memoryview(array[own[0] : own[-1] + 1]).cast("B"))


def copy_files(plate, rows):
    """Decode all images, then let the system copy both files (sendfile: bytes never enter the process)."""
    for _ in decoded(plate, rows["field"].unique()):
        pass
    for name in ("crops", "outlines"):
        shutil.copyfile(plate / "reference" / OUT[name], plate / "out" / name)


def as_scportrait(plate, rows):
    made = np.lib.format.open_memmap(plate / "out" / "made.npy", "w+", np.float16, (len(rows), 7, SIZE, SIZE))
    numbers = rows["field"].unique()
    shape = (len(numbers), 7, 2 * TILE, 2 * TILE)
    both = np.lib.format.open_memmap(plate / "out" / "input.npy", "w+", np.uint32, shape)
    for place, (number, raw) in enumerate(zip(numbers, decoded(plate, numbers), strict=True)):
        both[place, :2] = [tifffile.imread(plate / "masks.tif", key=2 * number + plane) for plane in (0, 1)]
        both[place, 2:] = raw
    for row, cell in enumerate(rows.itertuples()):
        field, (y, x) = both[list(numbers).index(cell.field)], corner(cell)
        window = field[:, y : y + SIZE, x : x + SIZE]
        masks = [binary_fill_holes(np.where(plane == cell.label, 1, 0)) for plane in window[:2]]
        masks = [gaussian(mask, preserve_range=True, sigma=1) for mask in masks]
        made[row] = np.stack(masks + [normalised(plane) for plane in window[2:] * masks[-1]]).astype(np.float16)


def normalised(plane, low=0.001, high=0.999):
    low, high = np.quantile(plane, low), np.quantile(plane, high)
    return np.clip((plane - low) / (high - low + 1e-9), 0, 1)


def as_deepprofiler(plate, rows):
    for number, cells in rows.groupby("field"):
        (raw,) = decoded(plate, [number])
        image = np.moveaxis(raw, 0, -1).astype(np.float32)
        for cell in cells.itertuples():
            y, x = corner(cell)
            crop = image[y : y + SIZE, x : x + SIZE]
            crop = crop / (crop.max((0, 1)) + 1e-6)
            if not np.isnan(crop).any():
                unfolded = np.concatenate(np.moveaxis(crop, -1, 0), axis=1)
                name = f"{cell.well}_{cell.site}@{cell.x:.0f}x{cell.y:.0f}.png"
                Image.fromarray((unfolded * 255).astype(np.uint8)).save(plate / "out" / name)


def corner(cell):
    return int(cell.y + 0.5) - SIZE // 2, int(cell.x + 0.5) - SIZE // 2


# ---- memory -------------------------------------------------------------------------------------------------------


def memory(folder, fields):
    """Peak resident memory of the process and of its largest worker, each job in an interpreter of its own."""
    print("\n| step, 2 processes | fields | parent, MiB | largest worker, MiB |\n|---|---|---|---|")
    for step, side, count in (("segment", 1, 8), ("crops", 2, fields // 2)):
        for n in (count, 2 * count):
            plate = make(folder / f"{step}{n}", n, side)
            command = [sys.executable, __file__, "--memory-of", step, str(plate), str(n)]
            print(subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip())


def alone(step, plate, n):
    plate = Path(plate)
    if step == "crops":
        cut(plate, "out", 2)
    else:
        section = {"otsu_watershed": {"nucleus": "DNA", "cell": "RNA"}}
        files = {"masks": str(plate / "found.tif"), "objects": str(plate / "found.parquet")}
        segment(str(plate / PLATE[0]), str(plate / PLATE[1]), files, section, threads=2)
    status = dict(line.split(":") for line in Path("/proc/self/status").read_text().splitlines())
    own = int(status["VmHWM"].split()[0]) / 1024  # what getrusage gives for itself includes the process it came from
    child = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024
    print(f"| {step} | {n} | {own:.0f} | {child:.0f} |")


# ---- a plate ------------------------------------------------------------------------------------------------------


def make(folder, fields, side=2):
    """Fields of side x side painted tiles, of three kinds in any order, with their true masks."""
    folder.mkdir()
    rng, optics, pages, rows, tables = np.random.default_rng(0), microscope(1, TILE, 1.0, 0), [], [], []
    tiles = [phantom.draw(rng, 30, TILE, np.zeros(4)) for _ in range(3)]
    tiles = [(expose(rng, light, optics), masks) for light, masks in tiles]
    for number in range(fields):
        chosen = [tiles[kind] for kind in rng.integers(0, 3, side * side)]
        raw = mosaic([counts for counts, _ in chosen], side)
        shifts = np.cumsum([0] + [masks.max() for _, masks in chosen])
        masks = mosaic([np.where(m > 0, m + s, 0) for (_, m), s in zip(chosen, shifts, strict=False)], side)
        row = {"field": number, "plate": "P1", "well": f"W{number // 4:02d}", "site": str(number % 4 + 1)}
        tables.append(objects(*masks, dict(zip(CHANNELS, raw / 4095, strict=True)), row))
        pages += list(masks.astype(np.int32))
        for channel, plane in zip(CHANNELS, raw, strict=True):
            row[f"path_{channel}"] = str(folder / f"{number}_{channel}.tif")
            tifffile.imwrite(row[f"path_{channel}"], plane)
        rows.append(row | {"status": "ok", "detail": "", "flags": ""})
    pd.DataFrame(rows).to_parquet(folder / "fields.parquet")
    pd.concat(tables, ignore_index=True).to_parquet(folder / "objects.parquet")
    flat = {"illumination": np.ones((5, 1, 1), np.float32), "dark": np.zeros(5, np.float32)}
    np.savez(folder / "calibration.npz", **flat, limits=np.tile([200.0, 3000.0], (5, 1)), channels=np.array(CHANNELS))
    layout = {"shape": (fields, 2, *masks.shape[1:]), "dtype": np.int32, "metadata": {"axes": "FCYX"}}
    tifffile.imwrite(
        folder / "masks.tif", iter(pages), bigtiff=True, compression="zlib", photometric="minisblack", **layout
    )
    return folder


def mosaic(parts, side):
    return np.block([[parts[y * side + x] for x in range(side)] for y in range(side)])


if __name__ == "__main__":
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    main()
