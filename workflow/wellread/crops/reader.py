"""Reading crops: several .npy files as one array of cells, row by row, without mapping them into memory.

Faulting a cold memory map was the slowest way measured (100-180 crops/s against 650-1,150), hence `pread`; and on a
network disk that answers after 5 ms, one reader gets 200 crops/s at most, hence many.
"""

import math
import os
import weakref
from collections import deque
from concurrent.futures import ThreadPoolExecutor
from functools import lru_cache
from pathlib import Path

import numpy as np
from numpy.lib import format as npy

from wellread.runtime.errors import InputError

READERS = 32  # threads that read the crops of a batch, mostly waiting
OPEN_FILES = 256  # at a time; the usual limit is 1,024 in all
AHEAD = 3  # batches made before they are asked for


class Crops:
    """uint8 crops (N, C, S, S) of one or more files, concatenated: `crops[rows]` reads rows in any order.

    InputError for files that hold something else, differ in (C, S, S) or end too early.
    """

    def __init__(self, paths):
        self.paths = [Path(path) for path in paths]
        headers = [read_header(path) for path in self.paths]
        self.starts = np.cumsum([0] + [shape[0] for shape, _ in headers])
        self.offsets = np.array([offset for _, offset in headers])
        self.shape = (int(self.starts[-1]), *self._common([shape[1:] for shape, _ in headers]))
        self.opened = lru_cache(OPEN_FILES)(Opened)
        self.readers = ThreadPoolExecutor(READERS, "crops")

    def __len__(self):
        return self.shape[0]

    def __getitem__(self, rows):  # sequence of n row numbers -> (n, C, S, S) uint8
        return self.read(rows, np.empty((len(rows), *self.shape[1:]), np.uint8))

    def read(self, rows, out, channels=None):
        """Read n rows into `out` (n, C, S, S), or of each row one of the `channels` (n,) into `out` (n, 1, S, S)."""
        rows = np.asarray(rows, np.int64)
        files = np.searchsorted(self.starts, rows, side="right") - 1
        planes = self.shape[1] // out.shape[1]  # rows of `out` to a crop
        places = (rows - self.starts[files]) * planes + (0 if channels is None else np.asarray(channels))
        positions = self.offsets[files] + places * math.prod(out.shape[1:])

        def read_some(some):
            for i in some:
                self._read(files[i], int(positions[i]), out[i])

        order = np.argsort(rows, kind="stable")  # that of the disk
        list(self.readers.map(read_some, np.array_split(order, min(READERS, max(len(rows), 1)))))
        return out

    def _read(self, file, position, out):
        opened = self.opened(self.paths[file])
        if read_into(opened.number, out, position) != out.nbytes:
            raise truncated(self.paths[file])

    def _common(self, shapes):
        for path, shape in zip(self.paths, shapes, strict=True):
            if shape != shapes[0]:
                raise InputError(
                    f"crops (C, S, S) of one shape, {shapes[0]} as in {self.paths[0]}",
                    f"{shape}",
                    str(path),
                    "the channels and crop size of the datasets that the model is trained on",
                )
        return shapes[0]


class Opened:
    """A file open for reading, by its `number`, until no thread refers to it any more."""

    def __init__(self, path):
        self.number = os.open(path, os.O_RDONLY)
        weakref.finalize(self, os.close, self.number)


def read_into(number, out, position) -> int:
    """Fill the array `out` from a `position` of an open file, whose descriptor is `number`; the bytes read."""
    return os.preadv(number, [out], position)


def read_header(path):
    """`header` of the file at a path."""
    with open(path, "rb") as file:
        return header(file)


def header(file):
    """Shape of the array in an open .npy file and the position of its first byte; refuses all but C-order uint8."""
    version = npy.read_magic(file)
    read = npy.read_array_header_1_0 if version == (1, 0) else npy.read_array_header_2_0
    shape, fortran, dtype = read(file)
    if dtype != np.uint8 or fortran or len(shape) != 4:
        raise InputError("uint8 crops (N, C, S, S)", f"{dtype} {shape}", file.name, "the rule that wrote this file")
    if os.fstat(file.fileno()).st_size < file.tell() + math.prod(shape):
        raise truncated(file.name)
    return shape, file.tell()


def truncated(path) -> InputError:
    """The error for a file that is shorter than its header says."""
    return InputError("a whole .npy file", "one that ends too early", str(path), "delete it, so that it is made again")


def prefetched(items, ahead=AHEAD):
    """Iterate over `items` (none may be None), making the next ones in a thread while the caller works on this one."""
    items, pool = iter(items), ThreadPoolExecutor(1)
    pending = deque(pool.submit(next, items, None) for _ in range(ahead))
    try:
        while (item := pending.popleft().result()) is not None:
            pending.append(pool.submit(next, items, None))
            yield item
    finally:
        pool.shutdown(cancel_futures=True)
