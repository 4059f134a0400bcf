"""Cutting the cells of one field and writing crops and outlines to their rows: the work of one process."""

import math
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from wellread.crops.outlines import CELL, OTHER
from wellread.crops.pixels import field_labels, field_pixels
from wellread.crops.windows import Grid

BLOCK = 2**21  # bytes of crops that are cut before they are written: so they stay in the cache of a core


class FieldCells(NamedTuple):
    """The n cells of one field that get a crop, in rows `first` to `first` + n - 1; lengths in pixels of the grid."""

    field: int
    first: int
    labels: np.ndarray  # (n,)
    squares: np.ndarray  # (n, 3): top, left, side
    boxes: np.ndarray  # (n, 4): about the cells; top, left, bottom, right, ends excluded


class RowFile(NamedTuple):
    """An .npy file of known shape (N, ...), uint8, that every process writes the rows of its cells to."""

    path: str
    start: int  # bytes of its header

    @classmethod
    def create(cls, path, shape: tuple[int, ...]) -> "RowFile":
        """Make the file, all zero; `shape` is that of the array."""
        with open(path, "wb") as file:
            head = {"descr": "|u1", "fortran_order": False, "shape": shape}
            np.lib.format.write_array_header_1_0(file, head)
            start = file.tell()
            file.truncate(start + math.prod(shape))
        return cls(str(path), start)


class Field(NamedTuple):
    """A field in memory, on the grid of crops."""

    pixels: np.ndarray  # (C, H + 2 margin, W + 2 margin) uint8
    margin: int
    any_cell: np.ndarray  # (H, W) uint8: 1 where any cell is
    nuclei: np.ndarray  # (H, W), labels
    cells: np.ndarray


@dataclass(frozen=True)
class Cutter:
    """How the cells of a plate are cut: call it with the cells of one field.

    `fields`, `calibration` and `masks` are paths; `size`, `edge` and `mask` are options of `crops.crops`.
    """

    fields: str
    calibration: str
    masks: str | None
    crops: RowFile
    outlines: RowFile
    grid: Grid
    size: int
    edge: str
    mask: str

    def __call__(self, cells: FieldCells) -> None:
        """Cut and write crops and outlines of the cells of one field, a few at a time."""
        field = self._read(cells)
        channels, n = len(field.pixels), len(cells.labels)
        count = max(1, min(n, BLOCK // (channels * self.size**2)))
        crops = np.zeros((count, channels, self.size, self.size), np.uint8)
        outlines = np.zeros((count, self.size, self.size), np.uint8)
        with open(self.crops.path, "r+b", 0) as crop_file, open(self.outlines.path, "r+b", 0) as outline_file:
            for start in range(0, n, count):
                rows = range(start, min(start + count, n))
                for crop, outline, row in zip(crops, outlines, rows, strict=False):
                    self._cut(crop, outline, field, cells.labels[row], cells.squares[row], cells.boxes[row])
                write_rows(crop_file, self.crops.start, cells.first + start, crops[: len(rows)])
                write_rows(outline_file, self.outlines.start, cells.first + start, outlines[: len(rows)])

    def _read(self, cells: FieldCells) -> Field:
        pixels, margin = field_pixels(self.fields, self.calibration, cells.field, self.grid), 0
        if self.edge == "reflect":
            margin = overhang(cells.squares, self.grid.shape)
            pixels = np.pad(pixels, ((0, 0), (margin, margin), (margin, margin)), "reflect")
        nuclei, labels = field_labels(self.masks, cells.field, self.grid)
        return Field(pixels, margin, (labels > 0).view(np.uint8), nuclei, labels)

    def _cut(self, crop, outline, field: Field, label: int, square, box) -> None:
        """Fill a crop (C, S, S) and an outline (S, S): the pixels in `square` (top, left, side) of cell `label`.

        `box`, about the cell, limits where its pixels are searched for.
        """
        (top, left, side), height, width = square.tolist(), *field.cells.shape
        offset, margin = (self.size - side) // 2, field.margin
        (y, to_y), (x, to_x) = overlap(top, side, height, offset), overlap(left, side, width, offset)
        if (to_y, to_x) != (slice(0, self.size),) * 2:
            crop[:], outline[:] = 0, 0
        outline[to_y, to_x] = field.any_cell[y, x]
        own_y, own_x = clipped(box[0], box[2], y), clipped(box[1], box[3], x)
        own = outline[shifted(own_y, to_y.start - y.start), shifted(own_x, to_x.start - x.start)]
        own += field.cells[own_y, own_x] == label
        own += field.nuclei[own_y, own_x] == label
        y, to_y = overlap(top + margin, side, height + 2 * margin, offset)
        x, to_x = overlap(left + margin, side, width + 2 * margin, offset)
        crop[:, to_y, to_x] = field.pixels[:, y, x]
        if self.mask != "none":
            crop *= outline >= CELL if self.mask == "cell" else outline != OTHER


def overhang(squares: np.ndarray, shape: tuple[int, int]) -> int:
    """How many px squares (n, 3) reach beyond a field (H, W) at most."""
    corner, side = squares[:, :2], squares[:, 2:]
    return max(0, int((-corner).max()), int((corner + side - shape).max()))


def overlap(start: int, side: int, limit: int, offset: int) -> tuple[slice, slice]:
    """The part of [start, start + side) within [0, limit), and where it lies once `start` has moved to `offset`."""
    low, high = max(start, 0), min(start + side, limit)
    return slice(low, high), slice(low - start + offset, high - start + offset)


def clipped(low: float, high: float, span: slice) -> slice:
    """The whole pixels that [low, high) touches, clipped to a span."""
    start = min(max(math.floor(low), span.start), span.stop)
    return slice(start, max(start, min(math.ceil(high), span.stop)))


def shifted(span: slice, by: int) -> slice:
    """A span moved by `by` px."""
    return slice(span.start + by, span.stop + by)


def write_rows(file, start: int, row: int, block: np.ndarray) -> None:
    """Write rows (n, ...) to a file of such rows, from number `row` on; a full disk raises OSError."""
    file.seek(start + row * block[0].nbytes)
    rest = memoryview(block).cast("B")
    while rest:
        rest = rest[file.write(rest) :]
