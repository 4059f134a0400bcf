"""What crops are cut from: the calibrated pixels of a field, in 256 levels, and its labels."""

from functools import lru_cache

import numpy as np
import tifffile
from PIL import Image

from wellread.calibrate.plate import Plate, open_plate
from wellread.crops.windows import Grid
from wellread.inputs import images
from wellread.runtime.errors import InputError

COUNTS = np.arange(2**16, dtype=np.uint16)  # that a camera can give


def pixels_of(fields: str, calibration: str, field: int, grid: Grid) -> np.ndarray:
    """All channels (C, H, W) uint8 of a field, calibrated, on the grid. One channel at a time: memory stays small."""
    plate = open_plate(fields, calibration)
    paths = plate.fields.loc[field, [f"path_{channel}" for channel in plate.channels]]
    levels = None if grid.scaled else tables(fields, calibration)
    pixels = np.empty((len(paths), *grid.shape), np.uint8)
    for channel, path in enumerate(paths):
        raw = read(path)
        if levels is None:
            pixels[channel] = rounded(scaled(calibrated(plate, channel, raw), grid))
        else:
            np.take(levels[channel], raw, out=pixels[channel], mode="clip")
    return pixels


def read(path: str) -> np.ndarray:
    """One image (H, W), which was good when the plate was calibrated."""
    try:
        return images.read(path)
    except images.BadField as bad:
        edit = "restore it, or delete fields.parquet, so that fields are judged again"
        raise InputError("an image that was good at calibration", bad.detail, path, edit) from bad


def labels_of(masks: str | None, field: int, grid: Grid) -> tuple[np.ndarray, np.ndarray]:
    """Nucleus and cell labels (H, W) of a field on the grid; without masks the whole image is cell 1."""
    if masks is None:
        return np.zeros(grid.shape, np.int32), np.ones(grid.shape, np.int32)
    nuclei, cells = (pages(masks)[2 * field + plane].asarray(maxworkers=1) for plane in (0, 1))
    if not grid.scaled:
        return nuclei, cells
    rows, columns = (((np.arange(n) + 0.5) / by).astype(int) for n, by in zip(grid.shape, grid.scale, strict=True))
    nearest = np.ix_(rows, columns)
    return nuclei[nearest], cells[nearest]


def forget() -> None:
    """Before work on a plate: its files may be new, and processes to be forked must not share an open one."""
    pages.cache_clear()
    tables.cache_clear()


@lru_cache(maxsize=1)
def pages(masks: str) -> tifffile.TiffPages:
    """The pages of a file that stays open: finding a page of an unopened one means reading through all before it."""
    return tifffile.TiffFile(masks).pages


@lru_cache(maxsize=1)
def tables(fields: str, calibration: str) -> np.ndarray | None:
    """The level of every count of every channel (C, 65536) uint8; None where it differs from pixel to pixel."""
    plate = open_plate(fields, calibration)
    if plate.illumination[0].size > 1:
        return None
    return np.stack([rounded(calibrated(plate, c, COUNTS[None]))[0] for c in range(len(plate.channels))])


def calibrated(plate: Plate, channel: int, raw: np.ndarray) -> np.ndarray:
    """One channel (H, W) in 0..1."""
    own = slice(channel, channel + 1)
    return images.calibrate(raw[None], plate.illumination[own], plate.dark[own], plate.limits[own])[0]


def rounded(plane: np.ndarray) -> np.ndarray:
    return np.round(plane * 255).astype(np.uint8)


def scaled(plane: np.ndarray, grid: Grid) -> np.ndarray:
    """A plane (H, W) float32 on the grid: bilinear, with triangles two pixels of the grid wide when shrinking."""
    if not grid.scaled:
        return plane
    height, width = (min(n / scale, m) for n, scale, m in zip(grid.shape, grid.scale, plane.shape, strict=True))
    small = Image.fromarray(plane).resize(grid.shape[::-1], Image.Resampling.BILINEAR, box=(0, 0, width, height))
    return np.asarray(small)
