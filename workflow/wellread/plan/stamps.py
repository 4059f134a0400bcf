"""What the disk says of the files that tables are read from, by which a plan that is kept is found again."""

import os
import time
from contextlib import suppress
from glob import glob

from wellread.inputs import user_tables
from wellread.runtime.registry import chosen

SETTLED = 2e9  # nanoseconds after which a further change of a file is sure to change its time


def of(config: dict) -> list | None:
    """What the disk says of every file that the tables of a config are read from: path, number, size and times.

    None where a table is found by listing folders, opening images, or made from other files.
    """
    files = [path for section in config["datasets"].values() for path in (_files(section) or [None])]
    return None if None in files else [[path, *stamp(path)] for path in files]


def _files(section: dict) -> list[str] | None:
    """The files of a dataset's tables; None if these depend on more."""
    if section["object"] == "profile" or not section["wells"]:
        return None
    choice = chosen("images", section["images"])
    ((_, options),) = section["images"].items()
    if choice.tables is None:
        return None
    with suppress(OSError, KeyError):
        paths = [path for option in choice.tables for path in _globbed(options[option])]
        return [*paths, *user_tables.wells_files(section)]
    return None


def _globbed(path: str) -> list[str]:
    return [path, *sorted(glob(path, recursive=True))] if "*" in path else [path.rpartition("#")[0] or path, path]


def stamp(path: str) -> list[int]:
    """Number, size and times of a file or folder; [] if there is none."""
    try:
        found = os.stat(path)
    except OSError:
        return []
    return [found.st_ino, found.st_size, found.st_mtime_ns, found.st_ctime_ns]


def settled(stamps: list | None) -> bool:
    """Whether the files, looked at again, are as they were, and none has changed so lately that a change may hide."""
    latest = max((max(one[3:5], default=0) for one in stamps or ()), default=0)
    same = stamps is not None and all(stamp(path) == before for path, *before in stamps)
    return same and latest < time.time_ns() - SETTLED
