"""What crops are cut from: the calibrated pixels of a field, in 256 levels, and its labels, on the grid of crops."""

from functools import lru_cache

import numpy as np
import tifffile
from PIL import Image

from wellread.calibrate.plate import open_plate, to_levels
from wellread.crops.windows import Grid
from wellread.inputs.images import BadField
from wellread.runtime.errors import InputError


def field_pixels(fields: str, calibration: str, field: int, grid: Grid) -> np.ndarray:
    """All channels (C, H, W) uint8 of a field, calibrated, on the grid. One channel at a time: memory stays small.

    An InputError for an image that has gone or has been damaged since the plate was calibrated.
    """
    plate = open_plate(fields, calibration)
    pixels = np.empty((len(plate.channels), *grid.shape), np.uint8)
    for channel, plane in enumerate(pixels):
        try:
            if grid.scaled:
                plane[:] = to_levels(scaled(plate.read_channel(field, channel), grid))
            else:
                plate.read_levels(field, channel, out=plane)
        except BadField as bad:
            edit = "restore it, or delete fields.parquet, so that fields are inspected again"
            raise InputError(
                "an image that was good at calibration", bad.detail, plate.path(field, channel), edit
            ) from bad
    return pixels


def field_labels(masks: str | None, field: int, grid: Grid) -> tuple[np.ndarray, np.ndarray]:
    """Nucleus and cell labels (H, W) int32 of a field on the grid (nearest pixel); without masks, all is cell 1."""
    if masks is None:
        return np.zeros(grid.shape, np.int32), np.ones(grid.shape, np.int32)
    nuclei, cells = (mask_pages(masks)[2 * field + plane].asarray(maxworkers=1) for plane in (0, 1))
    if not grid.scaled:
        return nuclei, cells
    sides = zip(grid.shape, grid.scale, strict=True)
    rows, columns = (((np.arange(n) + 0.5) / scale).astype(int) for n, scale in sides)
    nearest = np.ix_(rows, columns)
    return nuclei[nearest], cells[nearest]


@lru_cache(maxsize=1)
def mask_pages(masks: str) -> tifffile.TiffPages:
    """The pages of a file that stays open: finding a page of an unopened one means reading through all before it.

    Clear this cache before work on a plate: its file may be new, and processes to be forked must not share an open one.
    """
    return tifffile.TiffFile(masks).pages


def scaled(plane: np.ndarray, grid: Grid) -> np.ndarray:
    """A plane (H, W) float32 on the grid: bilinear, with triangles two pixels of the grid wide when shrinking."""
    height, width = (min(n / scale, m) for n, scale, m in zip(grid.shape, grid.scale, plane.shape, strict=True))
    small = Image.fromarray(plane).resize(grid.shape[::-1], Image.Resampling.BILINEAR, box=(0, 0, width, height))
    return np.asarray(small)
