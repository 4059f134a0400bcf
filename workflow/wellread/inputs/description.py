"""What a file of images holds, and a file that was opened: what every opener gives."""

import os
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

MICROMETRES = {"µm": 1, "μm": 1, "um": 1, "micron": 1, "\\u00b5m": 1, "micrometer": 1, "micrometre": 1, "nm": 1e-3,
               "nanometer": 1e-3, "mm": 1e3, "millimeter": 1e3, "cm": 1e4, "m": 1e6}  # fmt: skip


@dataclass(frozen=True)
class Description:
    """What a file holds, by its header: its `kind` (see `formats.kind`), its `axes` by name, and their `shape`.

    Axes: T times, Z planes, C channels, Y, X, S samples of a colour picture (red, green, blue and perhaps alpha), I
    items of a stack; Q where the file does not say. `channels`: their names, or () if the file has none. `pixel_size`
    in micrometres, 0 if the file has none. `meaning` of the numbers: counts; or white (0 is white), palette (places in
    a table of colours), colour, bits (one per pixel). `lossy`: compressed as JPEG.
    """

    kind: str
    axes: str
    shape: tuple[int, ...]
    dtype: np.dtype
    channels: tuple[str, ...] = ()
    pixel_size: float = 0.0
    meaning: str = "counts"
    lossy: bool = False

    @property
    def sizes(self) -> dict[str, int]:
        """The length of every axis; of axes with one name, that of the last."""
        return dict(zip(self.axes, self.shape, strict=True))


@dataclass(frozen=True)
class Opened:
    """A file that was opened: its description, and what `read` gives for a number or `slice(None)` for every axis.

    `palette` (n, 3) are the colours of palette pictures, `bits` those of a count, both for what numbers mean.
    """

    description: Description
    read: Callable[[tuple], np.ndarray]
    palette: np.ndarray | None = field(default=None, repr=False)
    bits: int = 0
    close: Callable[[], None] | None = None


def stamp(path: Path) -> tuple:
    """What changes when a file does, and from process to process: none must share the position in an open file."""
    status = path.stat()
    return status.st_mtime_ns, status.st_size, os.getpid()
