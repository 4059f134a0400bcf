"""Reading crops: several .npy files as one array of cells, row by row, without mapping them into memory.

Faulting a cold memory map was the slowest way measured (100-180 crops/s against 650-1,150), hence `pread`.
"""

import math
import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
from numpy.lib import format as npy

from wellread.runtime.errors import InputError


class Crops:
    """uint8 crops (N, C, S, S) of one or more files, concatenated: `crops[rows]` reads rows in any order.

    InputError for files that hold something else, differ in (C, S, S) or end too early.
    """

    def __init__(self, paths):
        self.paths = [Path(path) for path in paths]
        self.files = [open(path, "rb", buffering=0) for path in self.paths]  # noqa: SIM115 (read until the end)
        headers = [header(file) for file in self.files]
        self.starts = np.cumsum([0] + [shape[0] for shape, _ in headers])
        self.offsets = [offset for _, offset in headers]
        self.shape = (int(self.starts[-1]), *self._common([shape[1:] for shape, _ in headers]))

    def __len__(self):
        return self.shape[0]

    def __getitem__(self, rows):  # sequence of n row numbers -> (n, C, S, S) uint8
        rows = np.asarray(rows)
        out = np.empty((len(rows), *self.shape[1:]), np.uint8)
        files = np.searchsorted(self.starts, rows, side="right") - 1
        for i in np.argsort(rows, kind="stable"):  # in the order of the disk
            self._read(files[i], rows[i] - self.starts[files[i]], out[i])
        return out

    def _read(self, file, row, out):
        position = self.offsets[file] + int(row) * out.nbytes
        if os.preadv(self.files[file].fileno(), [out], position) != out.nbytes:
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


def prefetched(items):
    """Iterate over `items` (none may be None), making the next in a thread while the caller works on this one."""
    items = iter(items)
    with ThreadPoolExecutor(1) as pool:
        pending = pool.submit(next, items, None)
        while (item := pending.result()) is not None:
            pending = pool.submit(next, items, None)
            yield item
