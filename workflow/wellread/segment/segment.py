"""From fields to label masks of nuclei and cells that share their ids, and a table of what was found.

A segmenter is `f(scene, *, options) -> g`: it may look at some calibrated fields of the plate (to learn how large
nuclei are) and returns `g(field, place) -> (nuclei, cells)`. A field is a dict of channels (H, W) float32, its place
the plate, well, site and number of the field. Those that run a network work in this process, the others in several.
"""

import logging
from functools import partial

import numpy as np
import pandas as pd
import tifffile

from wellread.calibrate.plate import Plate, open_plate
from wellread.runtime.files import whole
from wellread.runtime.parallel import ordered
from wellread.runtime.progress import progress
from wellread.runtime.registry import chosen, pick
from wellread.segment.objects import objects
from wellread.segment.scene import Scene

log = logging.getLogger("wellread")
SAMPLE = 8  # fields of a plate a segmenter may look at beforehand


def segment(fields, calibration, outputs: dict, section: dict, threads=1, pixel_size=0.0, device="cpu") -> None:
    """Segment the good fields of a plate, `section` being `{segmenter: options}`.

    Writes outputs["masks"]: (F, C = nucleus and cell, Y, X) int32 TIFF, bad fields all 0, and outputs["objects"]: a
    row for every cell (see `objects`). `pixel_size` is in micrometres per pixel, 0 if unknown.
    """
    plate = open_plate(fields, calibration)
    method = pick("segment", section)(Scene(_sample(plate), pixel_size, device, threads))
    work = partial(_work, paths=(fields, calibration), method=method)
    results = ordered(work, plate.fields.index, 1 if chosen("segment", section).network else threads)
    tables, layout = [], {"shape": (len(plate.fields), 2, *plate.shape), "dtype": np.int32}
    with whole(outputs["masks"]) as part:
        pages = _pages(progress(results, "segment", len(plate.fields), "fields"), tables)
        about = {"photometric": "minisblack", "metadata": {"axes": "FCYX"}}
        tifffile.imwrite(part, pages, bigtiff=True, compression="zlib", **layout, **about)
    with whole(outputs["objects"]) as part:
        _alarm(found := pd.concat(tables, ignore_index=True), plate)
        found.to_parquet(part, index=False)


def _sample(plate: Plate) -> list[dict[str, np.ndarray]]:
    """Fields from all over the plate."""
    spread = np.linspace(0, len(plate.good) - 1, min(len(plate.good), SAMPLE)).astype(int)
    return [plate.named(plate.good[i]) for i in spread]


def _work(number: int, paths: tuple[str, str], method) -> tuple[np.ndarray, pd.DataFrame]:
    """Masks (2, H, W) of one field and the table of its objects."""
    plate = open_plate(*paths)
    if plate.fields.loc[number, "status"] != "ok":
        return (empty := np.zeros((2, *plate.shape), np.int32)), objects(*empty, {}, plate.place(number))
    field, place = plate.named(number), plate.place(number)
    nuclei, cells = method(field, place)
    return np.stack([nuclei, cells]).astype(np.int32), objects(nuclei, cells, field, place)


def _pages(results, tables: list):
    for masks, table in results:
        tables.append(table)
        yield from masks


def _alarm(found: pd.DataFrame, plate: Plate) -> None:
    """Say aloud how many fields have no cell."""
    bare = len(plate.good) - found["field"].nunique()
    level = logging.WARNING if bare > 0.5 * len(plate.good) else logging.INFO
    log.log(level, "%d cells in %d fields; %d good fields have none", len(found), len(plate.good), bare)
