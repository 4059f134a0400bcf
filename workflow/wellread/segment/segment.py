"""From fields to label masks of nuclei and cells that share their ids, and a table of what was found.

A segmenter is `f(scene, *, options) -> g`: it gets a sample of the calibrated fields of the plate (to estimate how
large nuclei are) and returns `g(field, metadata) -> (nuclei, cells)`, labels (H, W). A field is a dict of channels
(H, W) float32 in 0..1, its metadata a dict of plate, well, site, number of the field and stem of its file. A segmenter
that rejects what it found gives `reject.Masks`. Segmenters that run a network work in this process, the others in
several.
"""

import logging
from functools import partial

import numpy as np
import pandas as pd
import tifffile

from wellread.calibrate.plate import Plate, open_plate
from wellread.runtime import table_files
from wellread.runtime.files import whole
from wellread.runtime.parallel import ordered
from wellread.runtime.progress import progress
from wellread.runtime.registry import chosen, pick
from wellread.segment.contrast import contrast, told
from wellread.segment.objects import objects
from wellread.segment.reject import Masks
from wellread.segment.scene import Scene

log = logging.getLogger("wellread")
SAMPLE = 8  # fields of a plate that a segmenter gets beforehand


def segment(fields, calibration, outputs: dict, section: dict, threads=1, pixel_size=0.0, device="cpu") -> None:
    """Segment the good fields of a plate, `section` being `{segmenter: options}`.

    Writes outputs["masks"]: (F, C = nucleus and cell, Y, X) int32 TIFF, bad fields all 0, and outputs["objects"]: a
    row for every cell (see `objects`), and, if asked for, outputs["rejected"]: what was found and is no nucleus, with
    its `reason`, its place and brightness as of objects. `fields` and `calibration` are paths; `pixel_size` is in
    micrometres per pixel, 0 if unknown; `device` is auto, cpu or cuda. Segmenters raise InputError for options that
    will not do.
    """
    plate = open_plate(fields, calibration)
    method = pick("segment", section)(Scene(_sample_fields(plate), pixel_size, device, threads))
    segment_field = partial(_segment_field, paths=(fields, calibration), method=method, given="precomputed" in section)
    results = ordered(segment_field, plate.fields.index, 1 if chosen("segment", section).network else threads)
    tables = {"objects": [], "rejected": [], "contrast": [], "grew": []}
    with whole(outputs["masks"]) as part:
        pages = _mask_pages(progress(results, "segment", len(plate.fields), "fields"), tables)
        tags = {"photometric": "minisblack", "metadata": {"axes": "FCYX"}, "dtype": np.int32}
        shape = len(plate.fields), 2, *plate.shape
        tifffile.imwrite(part, pages, shape=shape, bigtiff=True, compression="zlib", **tags)
    found, rejected = (pd.concat(tables[kind], ignore_index=True) for kind in ("objects", "rejected"))
    _log_counts(found, rejected, plate)
    _log_growth(tables["grew"])
    if doubt := told(tables["contrast"]):
        log.warning("%s", doubt)
    for kind in outputs.keys() & {"objects", "rejected"}:
        table_files.write({"objects": found, "rejected": rejected}[kind], outputs[kind], kind)


def _sample_fields(plate: Plate) -> list[dict[str, np.ndarray]]:
    """At most SAMPLE good fields, spread evenly over the plate."""
    spread = np.linspace(0, len(plate.good) - 1, min(len(plate.good), SAMPLE)).astype(int)
    return [plate.read_by_channel(plate.good[i]) for i in spread]


def _segment_field(number: int, paths: tuple[str, str], method, given: bool) -> tuple[np.ndarray, dict]:
    """Masks (2, H, W) of one field, tables of `objects` and `rejected`, contrast of given masks, how cells grew."""
    plate = open_plate(*paths)
    usable, metadata = plate.fields.loc[number, "status"] == "ok", plate.metadata(number)
    field = plate.read_by_channel(number) if usable else {}
    empty = np.zeros(plate.shape, np.int32)
    found = nuclei, cells = method(field, metadata) if usable else (empty, empty)
    masks, table = np.stack([nuclei, cells]).astype(np.int32), objects(nuclei, cells, field, metadata)
    out = found.rejected.table(field, metadata) if isinstance(found, Masks) else table.head(0).assign(reason="")
    value = contrast(nuclei, cells, field) if given and usable else np.nan
    return masks, {"objects": table, "rejected": out, "contrast": value, "grew": getattr(found, "grew", "")}


def _mask_pages(results, tables: dict[str, list]):
    """Yield the masks (H, W) of every result, and append what else there is of it to `tables`."""
    for masks, others in results:
        for kind, table in others.items():
            tables[kind].append(table)
        yield from masks


def _log_counts(found: pd.DataFrame, rejected: pd.DataFrame, plate: Plate) -> None:
    """Log how many cells there are and how many good fields have none; a warning if more than half have none."""
    if len(rejected):
        log.info(
            "no nuclei, and rejected: %s",
            ", ".join(f"{n} {why}" for why, n in rejected["reason"].value_counts().items()),
        )
    empty = len(plate.good) - found["field"].nunique()
    level = logging.WARNING if empty > 0.5 * len(plate.good) else logging.INFO
    log.log(level, "%d cells in %d fields; %d good fields have none", len(found), len(plate.good), empty)


def _log_growth(grew: list[str]) -> None:
    """Log in how many fields cells ended where their channel does, and in how many at the midline between nuclei."""
    foreground, midline = grew.count("foreground"), grew.count("midline")
    if foreground or midline:
        text = "cells end where the foreground of their channel does in %d fields; in %d, of no contrast, at midlines"
        log.info(text, foreground, midline)
