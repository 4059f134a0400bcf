"""Files (and folders) that are either whole or not there: written beside their target, then renamed."""

import os
import shutil
from contextlib import contextmanager
from pathlib import Path

import numpy as np


@contextmanager
def whole(path):
    """Yield a temporary path in the folder of `path`; rename it to `path` once the block ended well.

    The name carries the process id, so an orphan of a killed run and its successor never write the same file;
    what a killed process left behind is removed by the next writer of the same target.
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    for stale in path.parent.glob(f".{path.name}.*.part{path.suffix}"):
        if not _alive(int(stale.name.removeprefix(f".{path.name}.").split(".")[0])):
            remove(stale)
    part = path.with_name(f".{path.name}.{os.getpid()}.part{path.suffix}")
    try:
        yield part
        if path.is_dir():
            remove(path)
        os.replace(part, path)
    finally:
        remove(part)


def remove(path: Path) -> None:
    """Delete a file or a folder that may not be there."""
    if path.is_dir():
        shutil.rmtree(path)
    path.unlink(missing_ok=True)


def _alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        pass
    return True


class Rows:
    """An .npy file that grows by blocks of rows, so that an array larger than memory can be written in one pass."""

    def __init__(self, path, row: tuple[int, ...], dtype=np.uint8):
        self.row, self.dtype, self.count = row, np.dtype(dtype), 0
        self.file = open(path, "wb")  # noqa: SIM115 (closed by __exit__)
        self._header()

    def append(self, block: np.ndarray) -> None:
        """Add a block of rows (n, *row)."""
        self.file.write(np.ascontiguousarray(block, self.dtype).tobytes())
        self.count += len(block)

    def _header(self) -> None:
        """NumPy pads a header for growth along the first axis, so that the final one fits where the first stood."""
        shape = (self.count, *self.row)
        header = {"descr": np.lib.format.dtype_to_descr(self.dtype), "fortran_order": False, "shape": shape}
        np.lib.format.write_array_header_1_0(self.file, header)

    def __enter__(self) -> "Rows":
        return self

    def __exit__(self, *_) -> None:
        self.file.seek(0)
        self._header()
        self.file.close()
