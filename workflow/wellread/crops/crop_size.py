"""How large crops have to be: as large as most cells of all plates need, where the config says `size: auto`."""

import json
import logging
from pathlib import Path

import numpy as np
import pandas as pd

from wellread.runtime import table_files
from wellread.runtime.files import whole

log = logging.getLogger("wellread")
COVERED = 90  # percent of the cells that lie within their crop
STEP, SMALLEST, LARGEST = 8, 32, 512  # px: sizes are multiples of STEP, which are also those of a patch
BOX = ["top", "left", "bottom", "right"]


def crop_size(objects: list, output, pixel_size: float = 0.0, target_pixel_size: float = 0.0, **_) -> None:
    """Write, as JSON, the side (px) of squares about the nuclei of all plates that hold 90 % of their cells whole.

    `objects`: a table of objects per plate. With a target pixel size (micrometres) the side counts scaled pixels.
    """
    columns = ["y", "x", *BOX, "at_edge"]
    cells = pd.concat([table_files.read(path, "objects", columns) for path in objects], ignore_index=True)
    scale = pixel_size / target_pixel_size if target_pixel_size else 1.0
    side = size_of(cells, scale)
    log.info("crops of %d px hold %d %% of %d cells", side, COVERED, len(cells))
    with whole(output) as part:
        Path(part).write_text(json.dumps({"size": side}))


def size_of(cells: pd.DataFrame, scale: float = 1.0) -> int:
    """The side (px) of squares about `y, x` that hold 90 % of the boxes of cells; those at the edge do not count."""
    whole_cells = cells[~cells["at_edge"].astype(bool)]
    if whole_cells.empty:
        return SMALLEST
    centre = whole_cells[["y", "x"]].to_numpy(float)
    low, high = whole_cells[BOX[:2]].to_numpy(float), whole_cells[BOX[2:]].to_numpy(float)
    needed = 2 * np.maximum(centre - low + 0.5, high - 0.5 - centre).max(axis=1) * scale
    return int(np.clip(np.ceil(np.percentile(needed, COVERED) / STEP) * STEP, SMALLEST, LARGEST))
