"""From fields and masks to rows: one uint8 crop, one outline and one line of a table for every cell.

Which cells are cut, and which row each of them is, follows from the table of objects. So the files are laid out
first, and workers, a field at a time, write into them side by side.
"""

import logging

import numpy as np
import pandas as pd

from wellread.calibrate.plate import Plate, open_plate
from wellread.crops import windows
from wellread.crops.cutter import CELL, NUCLEUS, OTHER, Cutter, Part, Target
from wellread.crops.pixels import pages
from wellread.crops.selection import judged, reasons
from wellread.crops.windows import Grid
from wellread.runtime.files import whole
from wellread.runtime.parallel import ordered
from wellread.runtime.progress import progress

__all__ = ["CELL", "NUCLEUS", "OTHER", "crops"]
log = logging.getLogger("wellread")
FLAGS = {"area": {"z": [-5, 5]}, "nucleus_area": {"z": [-5, 5]}}
PLACE = ["plate", "well", "site", "field"]
LOST = [*PLACE, "label", "reason", "flags"]


def crops(
    fields, calibration, masks, objects, outputs: dict, seed, threads=1, pixel_size=0.0, *,
    size=160, edge="drop", around="nucleus", window="fixed", margin=0.1, target_pixel_size=0.0, fit="centre",
    mask="none", max_per_well=0, flags=FLAGS, flagged="keep",
) -> None:  # fmt: skip
    """Cut the cells of a plate; without `masks` and `objects` every image is one (whole fields, ready-made crops).

    Writes outputs["crops"] (N, C, S, S) uint8, ["outlines"] (N, S, S) uint8, ["cells"] (row i is crop i: the columns
    of objects, `flags` and `side`, the px of the crop that hold its window) and ["lost"] (a row for every object
    without a crop, with the reason). Rows are in the order of wells, fields and labels. `pixel_size`: micrometres.
    """
    pages.cache_clear()
    plate = open_plate(fields, calibration)
    grid = Grid.of(plate.shape, pixel_size, target_pixel_size)
    table = arranged(pd.read_parquet(objects) if masks else whole_images(plate), plate)
    if masks is None and fit == "resize":
        grid, squares = Grid.squeezed(plate.shape, size), windows.whole(len(table), size)
    elif window == "box":
        squares = windows.fitted(table, grid, size, margin if masks else 0.0)
    else:
        squares = windows.fixed(table, grid, size, around)
    table["flags"], table["side"] = judged(table, flags), squares[:, 2]
    fits = windows.inside(squares, grid.shape) if masks and edge == "drop" else np.ones(len(table), bool)
    table["reason"] = reasons(table, fits, flagged == "drop", max_per_well, seed)
    kept = (table["reason"] == "").to_numpy()
    parts = shares(table[kept], squares[kept], grid)
    with whole(outputs["crops"]) as crop_file, whole(outputs["outlines"]) as outline_file:
        shape = (int(kept.sum()), len(plate.channels), size, size)
        targets = Target.of(crop_file, shape), Target.of(outline_file, (shape[0], size, size))
        cutter = Cutter(fields, calibration, masks, *targets, grid, size, edge, mask)
        for _ in progress(ordered(cutter, parts, threads), "crops", len(parts), "fields"):
            pass
        write_tables(table, outputs)


def arranged(objects: pd.DataFrame, plate: Plate) -> pd.DataFrame:
    """The objects of good fields well by well, wells in the order of the plate, then by field and label."""
    good = plate.fields.loc[plate.good]
    order = [field for _, part in good.groupby("well", sort=False) for field in part["field"]]
    place = pd.Series(range(len(order)), index=order)
    objects = objects[objects["field"].isin(order)]
    rows = np.lexsort([objects["label"], objects["field"].map(place)])
    return objects.iloc[rows].reset_index(drop=True)


def whole_images(plate: Plate) -> pd.DataFrame:
    """A table of objects as `segment` makes it, of whole images."""
    height, width = plate.shape
    table = plate.fields.loc[plate.good, PLACE].reset_index(drop=True)
    y, x = (height - 1) / 2, (width - 1) / 2
    table = table.assign(label=1, y=y, x=x, cell_y=y, cell_x=x, top=0, left=0, bottom=height, right=width)
    stretch = np.sqrt(1 - (min(height, width) ** 2 - 1) / (max(height, width) ** 2 - 1))
    return table.assign(area=float(height * width), nucleus_area=0.0, eccentricity=stretch, at_edge=True)


def shares(kept: pd.DataFrame, squares: np.ndarray, grid: Grid) -> list[Part]:
    """What is to be cut, field by field, in the order of rows."""
    boxes, labels = windows.boxes(kept, grid), kept["label"].to_numpy()
    rows = kept.groupby("field", sort=False).indices
    return [Part(int(field), int(own[0]), labels[own], squares[own], boxes[own]) for field, own in rows.items()]


def write_tables(table: pd.DataFrame, outputs: dict) -> None:
    """The cells with a crop, and the others."""
    kept = table["reason"] == ""
    lost = table.loc[~kept, "reason"].value_counts().to_dict()
    log.info("%d crops, %d objects without one %s", kept.sum(), (~kept).sum(), lost or "")
    with whole(outputs["cells"]) as part:
        table[kept].drop(columns="reason").to_parquet(part, index=False)
    with whole(outputs["lost"]) as part:
        table.loc[~kept, LOST].to_parquet(part, index=False)
