"""From the cells of a plate to its fields of view, one profile each; labels of wells play no part."""

import numpy as np
import pandas as pd

from wellread.runtime import table_files
from wellread.runtime.errors import InputError
from wellread.runtime.progress import progress

KEYS = ["plate", "well", "site"]
BLOCK = 2**15  # cells: the file of embeddings is mapped anew for as many, so that what was read does not stay in memory


def mean(X: np.ndarray) -> np.ndarray:
    """The mean (D,) of the rows of X (n, D), in double precision; not finite where a value is not."""
    with np.errstate(invalid="ignore"):  # of infinities of either sign
        return X.mean(axis=0, dtype=np.float64)


def median(X: np.ndarray) -> np.ndarray:
    """The median (D,) of the rows of X (n, D) in double precision, that of numpy, sooner; NaN where a value is not
    finite."""
    ordered = np.array(X.T, order="C")  # sorted along memory, and in the precision of X, which is exact
    ordered.sort(axis=1)  # NaN come last
    with np.errstate(invalid="ignore"):  # of infinities of either sign
        middle = np.add(ordered[:, (len(X) - 1) // 2], ordered[:, len(X) // 2], dtype=np.float64) / 2
    middle[~(np.isfinite(ordered[:, 0]) & np.isfinite(ordered[:, -1]))] = np.nan
    return middle


STATISTICS = {"mean": mean, "median": median}


def pool_plate(cell_table, embeddings, *, cells="median") -> tuple[pd.DataFrame, np.ndarray]:
    """The fields of a plate: `plate`, `well`, `site` and number of `cells`, and the embeddings of each, pooled (F, D).

    Row i of the file `embeddings` (N, D) is cell i of the file `cell_table` (cells.parquet); without such a file the
    vectors have no dimensions. `cells` is the statistic over the cells of a field. Fields without cells are absent.
    Raises InputError for embeddings that are not finite or not one per cell.
    """
    keys = table_files.read(cell_table, "cells", KEYS)
    shape = np.load(embeddings, mmap_mode="r").shape if embeddings else (len(keys), 0)
    if len(keys) != shape[0]:
        found, where = f"{len(keys)} cells and {shape[0]} embeddings", f"{cell_table} and {embeddings}"
        raise InputError("one embedding per cell", found, where, "delete both files and run again")
    fields, order, ends = groups(keys)
    starts, X = np.append(0, ends[:-1]).astype(int), np.empty((len(ends), shape[1]))
    for block in progress(_blocks(ends) if embeddings else [], "fields", unit="block"):
        mapped = np.asarray(np.load(embeddings, mmap_mode="r"))
        for i in block:
            X[i] = STATISTICS[cells](_rows(mapped, order[starts[i] : ends[i]]))
    if not np.isfinite(X).all():
        raise _not_finite(embeddings)
    return fields.assign(cells=ends - starts), X


def pool(keys: pd.DataFrame, X: np.ndarray, statistic) -> tuple[pd.DataFrame, np.ndarray, np.ndarray]:
    """Pool the rows of X (n, D) that agree in `keys`: sorted keys, group sizes (g,), values (g, D)."""
    names, order, ends = groups(keys)
    pooled = np.empty((len(ends), X.shape[1]))
    for members, row in zip(np.split(order, ends[:-1]), pooled, strict=False):  # of no rows, one empty part
        row[:] = statistic(X[members])
    return names, np.diff(ends, prepend=0), pooled


def groups(keys: pd.DataFrame) -> tuple[pd.DataFrame, np.ndarray, np.ndarray]:
    """Groups of rows that agree in `keys`: sorted keys, the row numbers group by group (n,), where each ends (g,)."""
    now, before = (keys.iloc[part].reset_index(drop=True) for part in (slice(1, None), slice(-1)))
    runs = np.flatnonzero(~(now == before).fillna(False).all(axis=1)) + 1  # where rows differ from the one before
    runs = np.append(0, runs)[: len(keys)]
    code = keys.iloc[runs].groupby(list(keys), sort=True, dropna=False).ngroup().to_numpy()
    code = np.repeat(code, np.diff(runs, append=len(keys)))
    order = np.argsort(code, kind="stable")
    ends = np.bincount(code).cumsum()
    first = order[np.append(0, ends[:-1]).astype(int)] if len(order) else order
    return keys.iloc[first].reset_index(drop=True), order, ends


def _blocks(ends: np.ndarray) -> list[np.ndarray]:
    """Numbers of consecutive groups that have about BLOCK rows together."""
    numbers = np.arange(len(ends))
    return np.split(numbers, np.flatnonzero(np.diff(ends // BLOCK)) + 1) if len(ends) else []


def _rows(X: np.ndarray, numbers: np.ndarray) -> np.ndarray:
    """Rows of X by their ascending numbers; of consecutive ones a view, no copy."""
    first, last = numbers[0], numbers[-1] + 1
    return X[first:last] if last - first == len(numbers) else X[numbers]


def _not_finite(path) -> InputError:
    X = np.load(path, mmap_mode="r")
    bad = sum(int((~np.isfinite(X[i : i + BLOCK]).all(axis=1)).sum()) for i in range(0, len(X), BLOCK))
    edit = "train the model again with a lower learning rate, or leave the model out"
    return InputError("finite embeddings", f"{bad} of {len(X)} cells with NaN", str(path), edit)
