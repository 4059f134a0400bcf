"""Files of a user that are no inputs of rules, as a plate may have thousands: are they there, and have they changed?

A stamp is size and time of a file. The hash of the stamps of a plate is a param of the steps that read its files, so
that files replaced by others of the same name make these run again, and copies that keep their times do not.
"""

import hashlib
import os
import stat
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa

from wellread.inputs import references
from wellread.inputs.columns import holds, only_folder, places
from wellread.inputs.listing import instead
from wellread.inputs.references import BAR
from wellread.runtime.errors import InputError

MANY = 100_000  # files of a dataset from which on only their folders are looked at
SAMPLE = 20  # fields of a plate whose files are looked for
ABSENT = "absent"


def files(rows: pd.DataFrame, channels: list[str]) -> list[str]:
    """The image files of rows of an images table, in its order; those of a reference all, of an empty cell none."""
    return [path for paths in of_fields(rows, channels) for path in paths]


def of_fields(rows: pd.DataFrame, channels: list[str]) -> list[list[str]]:
    """The same, a list for every row."""
    return [[path for cell in row if cell for path in _of_cell(cell)] for row in rows[channels].to_numpy(object)]


def _of_cell(cell: str) -> tuple[str, ...]:
    return references.parse(cell).files if cell.endswith("]") or BAR in cell else (cell,)


def of_pattern(pattern: str, rows: pd.DataFrame, channel: str) -> list[str]:
    """The label images that a pattern of paths names for the fields of one plate; `channel` is the first one.

    InputError for a placeholder that there is not.
    """
    fields = rows[["plate", "well", "site"]].to_dict("records")
    stems = [Path(_of_cell(first)[0]).stem for first in rows[channel]]
    return [
        str(references.path_of(pattern, {**one, "field": number, "stem": stem}))
        for number, (one, stem) in enumerate(zip(fields, stems, strict=True))
    ]


def stamps_hash(paths: list[str], watch: str) -> str:
    """A hash of sizes and times of files, or of the times of their folders; "" for `watch`: nothing."""
    if watch == "nothing" or not paths:
        return ""
    return folders_hash(folders(paths)) if watch == "folders" else _hash(map(_stamp, paths))


def folders(paths: list[str]) -> list[str]:
    """The folders of files, each once, in the order in which they come."""
    return list(dict.fromkeys(path.rpartition("/")[0] or "." for path in paths))


def folders_of_plates(images: pd.DataFrame, channels: list[str]) -> dict[str, list[str]]:
    """The folders of the image files of every plate: those of `files`, in their order."""
    columns = [pa.array(images[channel]) for channel in channels]
    plain = not any(_may_refer(images[channel]) for channel in channels)
    found = {}
    for plate, place in places(images["plate"]).items():
        alone = [only_folder(column[place]) for column in columns] if plain else [""]
        found[plate] = folders(alone if all(alone) else files(images.iloc[place], channels))
    return found


def _may_refer(paths: pd.Series) -> bool:
    """Whether some are references, to planes of a file or to several files, and no paths."""
    return paths.str.endswith("]").any() or (holds(paths, BAR) and paths.str.contains(BAR, regex=False).any())


def folders_hash(paths: list[str]) -> str:
    """A hash of the times of folders; "" for none."""
    return _hash(map(_time, paths)) if paths else ""


def _hash(stamps) -> str:
    return hashlib.sha256("\n".join(stamps).encode()).hexdigest()[:16]


def watched(watch: str, count: int) -> str:
    """What is looked at of a dataset of `count` files: files, folders or nothing."""
    return ("files" if count <= MANY else "folders") if watch == "auto" else watch


def _stamp(path: str) -> str:
    """Size and time of a file, to the second, as some copies keep it; of a Zarr group, the times of its folders."""
    try:
        found = os.stat(path)
    except OSError:
        return ABSENT
    if not stat.S_ISDIR(found.st_mode):
        return f"{found.st_size} {int(found.st_mtime)}"
    return " ".join(_time(folder) for folder, _, _ in sorted(os.walk(path)))


def _time(folder: str) -> str:
    try:
        return f"{int(os.stat(folder).st_mtime)}"
    except OSError:
        return ABSENT


def sampled(images: pd.DataFrame) -> pd.DataFrame:
    """The rows of an images table, sorted by plate, whose files are looked for: SAMPLE of every plate."""
    every = [np.add(place.start, spread(place.stop - place.start)) for place in places(images["plate"]).values()]
    return images.iloc[np.concatenate(every)] if every else images[:0]


def spread(count: int) -> list[int]:
    """SAMPLE numbers below `count`, evenly spread, from the first to the last; or all."""
    many = count > SAMPLE
    return [round(i * (count - 1) / (SAMPLE - 1)) for i in range(SAMPLE)] if many else list(range(count))


def missing(fields: list[list[str]], most: float, where: str, whole: bool) -> tuple[list[InputError], list[str]]:
    """Errors and notes on fields, lists of paths, some of which are no files.

    An error if all are missing, or, where the list is the `whole` plate, a larger share than `most`; never if `most` is
    1. Anything less is a note, since calibration tells of it and goes on.
    """
    gone = [path for paths in fields if (path := next((p for p in paths if not os.path.exists(p)), ""))]
    if not gone:
        return [], []
    found = f"{len(gone)} of {len(fields)} fields{'' if whole else ' looked at'} lack files, such as {gone[0]}"
    found += instead(gone[0])
    refused = most < 1 and (len(gone) == len(fields) or (whole and len(gone) > most * len(fields)))
    if not refused:
        return [], [f"{where}: {found}"]
    edit = "the paths (and where they start), or add the files; check_files: none looks for none"
    return [InputError("image files that are there", found, where, edit)], []
