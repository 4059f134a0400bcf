"""From fields and masks to rows: one uint8 crop, one outline and one line of a table for every cell.

Which cells are cut, and which row each of them is, follows from the table of objects. So the files are made first, at
their full size, and processes, a field at a time, write into them in parallel.
"""

import logging

import numpy as np
import pandas as pd

from wellread.calibrate.plate import Plate, open_plate
from wellread.crops import windows
from wellread.crops.cutter import Cutter, FieldCells, RowFile
from wellread.crops.outlines import CELL, NUCLEUS, OTHER
from wellread.crops.pixels import mask_pages
from wellread.crops.selection import object_flags, reasons_without_crop
from wellread.crops.windows import Grid
from wellread.runtime import table_files
from wellread.runtime.files import whole
from wellread.runtime.parallel import ordered
from wellread.runtime.progress import progress

__all__ = ["CELL", "NUCLEUS", "OTHER", "crops"]
log = logging.getLogger("wellread")
FLAGS = {"area": {"z": [-5, 5]}, "nucleus_area": {"z": [-5, 5]}}
FIELD_KEYS = ["plate", "well", "site", "field"]
LOST = [*FIELD_KEYS, "label", "reason", "flags"]


def crops(
    fields, calibration, masks, objects, outputs: dict, seed, threads=1, pixel_size=0.0, *,
    size=160, edge="drop", around="nucleus", window="fixed", margin=0.1, target_pixel_size=0.0, fit="centre",
    mask="none", max_per_well=0, flags=FLAGS, flagged="keep",
) -> None:  # fmt: skip
    """Cut the cells of a plate; without `masks` and `objects` every image is one (whole fields, ready-made crops).

    Writes outputs["crops"] (N, C, S, S) uint8, ["outlines"] (N, S, S) uint8, ["cells"] (row i is crop i: the columns
    of objects, `flags` and `side`, the px of the crop that its window fills) and ["lost"] (a row for every object
    without a crop, with the reason). Rows are in the order of wells, fields and labels. `pixel_size`: micrometres.

    `size` S (px); `edge`: drop, pad or reflect windows that leave the field; `around`: the centre of a window, nucleus
    or cell; `window`: of `size` (fixed), or about the `box` of the cell, wider by the fraction `margin`;
    `target_pixel_size` (micrometres; 0: none) to scale to; `fit`: centre or resize whole images; `mask`: blank all but
    the cell (cell), or only other cells (others); `max_per_well` (0: all); `flags`: rules, see `object_flags`;
    `flagged`: keep or drop. InputError for a rule of an unknown measure, an unknown pixel size where one is needed, or
    an image that has gone.
    """
    mask_pages.cache_clear()
    plate = open_plate(fields, calibration)
    grid = Grid.of(plate.shape, pixel_size, target_pixel_size)
    table = sorted_by_well(table_files.read(objects, "objects") if masks else whole_images(plate), plate)
    if masks is None and fit == "resize":
        grid, squares = Grid.resized(plate.shape, size), windows.whole_squares(len(table), size)
    elif window == "box":
        squares = windows.fitted_squares(table, grid, size, margin if masks else 0.0)
    else:
        squares = windows.fixed_squares(table, grid, size, around)
    table["flags"], table["side"] = object_flags(table, flags), squares[:, 2]
    fits = windows.inside(squares, grid.shape) if masks and edge == "drop" else np.ones(len(table), bool)
    table["reason"] = reasons_without_crop(table, fits, flagged == "drop", max_per_well, seed)
    kept = (table["reason"] == "").to_numpy()
    by_field = cells_by_field(table[kept], squares[kept], grid)
    with whole(outputs["crops"]) as crop_file, whole(outputs["outlines"]) as outline_file:
        shape = (int(kept.sum()), len(plate.channels), size, size)
        files = RowFile.create(crop_file, shape), RowFile.create(outline_file, (shape[0], size, size))
        cutter = Cutter(fields, calibration, masks, *files, grid, size, edge, mask)
        for _ in progress(ordered(cutter, by_field, threads), "crops", len(by_field), "fields"):
            pass
        write_tables(table, outputs)


def sorted_by_well(objects: pd.DataFrame, plate: Plate) -> pd.DataFrame:
    """The objects of good fields well by well, wells in the order of the plate, then by field and label."""
    good = plate.fields.loc[plate.good]
    order = [field for _, fields in good.groupby("well", sort=False) for field in fields["field"]]
    rank = pd.Series(range(len(order)), index=order)
    objects = objects[objects["field"].isin(order)]
    rows = np.lexsort([objects["label"], objects["field"].map(rank)])
    return objects.iloc[rows].reset_index(drop=True)


def whole_images(plate: Plate) -> pd.DataFrame:
    """A table of objects as `segment` makes it, where the only object of a good field is its whole image."""
    height, width = plate.shape
    table = plate.fields.loc[plate.good, FIELD_KEYS].reset_index(drop=True)
    y, x = (height - 1) / 2, (width - 1) / 2
    table = table.assign(label=1, y=y, x=x, cell_y=y, cell_x=x, top=0, left=0, bottom=height, right=width)
    eccentricity = np.sqrt(1 - (min(height, width) ** 2 - 1) / (max(height, width) ** 2 - 1))
    return table.assign(area=float(height * width), nucleus_area=0.0, eccentricity=eccentricity, at_edge=True)


def cells_by_field(kept: pd.DataFrame, squares: np.ndarray, grid: Grid) -> list[FieldCells]:
    """The cells that get a crop, and their squares (n, 3), field by field in the order of rows."""
    boxes, labels = windows.boxes(kept, grid), kept["label"].to_numpy()
    rows = kept.groupby("field", sort=False).indices
    return [FieldCells(int(field), int(own[0]), labels[own], squares[own], boxes[own]) for field, own in rows.items()]


def write_tables(table: pd.DataFrame, outputs: dict) -> None:
    """Write outputs["cells"], the objects with a crop, and outputs["lost"], the others."""
    kept = table["reason"] == ""
    lost = table.loc[~kept, "reason"].value_counts().to_dict()
    log.info("%d crops, %d objects without one %s", kept.sum(), (~kept).sum(), lost or "")
    table_files.write(table[kept].drop(columns="reason"), outputs["cells"], "cells")
    table_files.write(table.loc[~kept, LOST], outputs["lost"], "lost")
