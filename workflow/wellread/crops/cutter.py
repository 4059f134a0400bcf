"""Cutting the cells of one field and writing them where they belong: what a worker does."""

import math
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from wellread.crops.pixels import labels_of, pixels_of
from wellread.crops.windows import Grid

OTHER, CELL, NUCLEUS = 1, 2, 3  # values of an outline, besides 0 for nothing
BLOCK = 2**21  # bytes of crops that are cut before they are written: they stay in the cache of a core


class Part(NamedTuple):
    """The n cells of one field whose crops are row `first` and the next ones; lengths in pixels of the grid."""

    field: int
    first: int
    labels: np.ndarray  # (n,)
    squares: np.ndarray  # (n, 3): top, left, side
    boxes: np.ndarray  # (n, 4): about the cells; top, left, bottom, right, ends excluded


class Target(NamedTuple):
    """An .npy file of known shape (N, ...), uint8: every worker writes the rows of its cells."""

    path: str
    start: int  # bytes of its header

    @classmethod
    def of(cls, path, shape: tuple[int, ...]) -> "Target":
        """Make the file, all zero."""
        with open(path, "wb") as file:
            head = {"descr": "|u1", "fortran_order": False, "shape": shape}
            np.lib.format.write_array_header_1_0(file, head)
            start = file.tell()
            file.truncate(start + math.prod(shape))
        return cls(str(path), start)


class Field(NamedTuple):
    """A field in memory, on the grid."""

    pixels: np.ndarray  # (C, H + 2 margin, W + 2 margin) uint8
    margin: int
    anything: np.ndarray  # (H, W) uint8: 1 where any cell is
    nuclei: np.ndarray  # (H, W), labels
    cells: np.ndarray


@dataclass(frozen=True)
class Cutter:
    """How the cells of a plate are cut."""

    fields: str
    calibration: str
    masks: str | None
    crops: Target
    outlines: Target
    grid: Grid
    size: int
    edge: str
    mask: str

    def __call__(self, part: Part) -> None:
        """Cut and write the cells of one field, a few at a time."""
        field = self._open(part)
        channels, n = len(field.pixels), len(part.labels)
        count = max(1, min(n, BLOCK // (channels * self.size**2)))
        crops = np.zeros((count, channels, self.size, self.size), np.uint8)
        outlines = np.zeros((count, self.size, self.size), np.uint8)
        with open(self.crops.path, "r+b", 0) as crop_file, open(self.outlines.path, "r+b", 0) as outline_file:
            for start in range(0, n, count):
                rows = range(start, min(start + count, n))
                for crop, outline, row in zip(crops, outlines, rows, strict=False):
                    self._cut(crop, outline, field, part.labels[row], part.squares[row], part.boxes[row])
                write(crop_file, self.crops.start, part.first + start, crops[: len(rows)])
                write(outline_file, self.outlines.start, part.first + start, outlines[: len(rows)])

    def _open(self, part: Part) -> Field:
        pixels, margin = pixels_of(self.fields, self.calibration, part.field, self.grid), 0
        if self.edge == "reflect":
            margin = overhang(part.squares, self.grid.shape)
            pixels = np.pad(pixels, ((0, 0), (margin, margin), (margin, margin)), "reflect")
        nuclei, cells = labels_of(self.masks, part.field, self.grid)
        return Field(pixels, margin, (cells > 0).view(np.uint8), nuclei, cells)

    def _cut(self, crop, outline, field: Field, label: int, square, box) -> None:
        """Fill a crop (C, S, S) and an outline (S, S)."""
        (top, left, side), height, width = square.tolist(), *field.cells.shape
        offset, margin = (self.size - side) // 2, field.margin
        (y, to_y), (x, to_x) = spans(top, side, height, offset), spans(left, side, width, offset)
        if (to_y, to_x) != (slice(0, self.size),) * 2:
            crop[:], outline[:] = 0, 0
        outline[to_y, to_x] = field.anything[y, x]
        own_y, own_x = within(box[0], box[2], y), within(box[1], box[3], x)
        own = outline[moved(own_y, to_y.start - y.start), moved(own_x, to_x.start - x.start)]
        own += field.cells[own_y, own_x] == label
        own += field.nuclei[own_y, own_x] == label
        y, to_y = spans(top + margin, side, height + 2 * margin, offset)
        x, to_x = spans(left + margin, side, width + 2 * margin, offset)
        crop[:, to_y, to_x] = field.pixels[:, y, x]
        if self.mask != "none":
            crop *= outline >= CELL if self.mask == "cell" else outline != OTHER


def overhang(squares: np.ndarray, shape: tuple[int, int]) -> int:
    """How far squares (n, 3) reach beyond a field (H, W) at most."""
    corner, side = squares[:, :2], squares[:, 2:]
    return max(0, int((-corner).max()), int((corner + side - shape).max()))


def spans(start: int, side: int, limit: int, offset: int) -> tuple[slice, slice]:
    """The part of [start, start + side) that lies in [0, limit), and where it goes if `start` goes to `offset`."""
    low, high = max(start, 0), min(start + side, limit)
    return slice(low, high), slice(low - start + offset, high - start + offset)


def within(low: float, high: float, span: slice) -> slice:
    """The whole pixels that [low, high) touches, within a span."""
    start = min(max(math.floor(low), span.start), span.stop)
    return slice(start, max(start, min(math.ceil(high), span.stop)))


def moved(span: slice, by: int) -> slice:
    return slice(span.start + by, span.stop + by)


def write(file, start: int, row: int, block: np.ndarray) -> None:
    """Write rows (n, ...) to a file of such rows, from number `row` on; a full disk raises OSError."""
    file.seek(start + row * block[0].nbytes)
    rest = memoryview(block).cast("B")
    while rest:
        rest = rest[file.write(rest) :]
