"""Columns of millions of paths, asked at once and not path by path."""

from itertools import pairwise

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

BLOCK = 5000  # paths that are searched at a time, so that they stay in a processor's cache


def places(plates: pd.Series) -> dict[str, slice]:
    """Where the rows of every plate are in an images table, which is sorted by plate."""
    codes, names = pd.factorize(plates)
    ends = [0, *(np.flatnonzero(np.diff(codes)) + 1), len(codes)]
    return {name: slice(int(ends[number]), int(ends[number + 1])) for number, name in enumerate(names)}


def holds(paths: pd.Series, *texts: str) -> bool:
    """Whether a path of a column holds one of some texts: a twentieth of the time that pyarrow takes path by path."""
    array, wanted = pa.array(paths), [text.encode() for text in texts]
    blocks = (_letters(array[start : start + BLOCK]) for start in range(0, len(array), BLOCK))
    return any(text in letters for letters in blocks for text in wanted)


def are_distinct(paths: pd.Series, plates: dict[str, slice]) -> bool:
    """Whether no path of a column stands in it twice.

    `plates`, see `places`, are asked one by one, in a tenth of the time, where none has its images in a folder of
    another one.
    """
    array = pa.array(paths)
    own = [array[place] for place in plates.values()]
    apart = not any(second.startswith(first) for first, second in pairwise(sorted(map(_first_folder, own))))
    return all(len(pc.unique(some)) == len(some) for some in (own if apart else [array]))


def only_folder(paths: pa.Array | pa.ChunkedArray) -> str:
    """The folder, ending with /, that all paths are in; "" if they name none, or not the same one."""
    folder = _first_folder(paths)
    return folder if folder and _letters(paths).count(b"/") == folder.count("/") * len(paths) else ""


def _first_folder(paths: pa.Array | pa.ChunkedArray) -> str:
    """The folder of the first path, if all paths are in it or below it, else ""."""
    first = paths[0].as_py()
    folder = first[: first.rfind("/") + 1]
    return folder if pc.all(pc.starts_with(paths, folder)).as_py() else ""


def _letters(paths: pa.Array | pa.ChunkedArray) -> bytes:
    """All paths as one text, a line each."""
    array = paths.combine_chunks() if isinstance(paths, pa.ChunkedArray) else paths
    together = pc.binary_join(pa.LargeListArray.from_arrays([0, len(array)], array), pa.scalar("\n", array.type))
    return together[0].as_buffer().to_pybytes()
