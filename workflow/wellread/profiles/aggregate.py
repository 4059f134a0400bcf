"""From single cells to profiles: cells of a field of view are pooled, then the fields of a well."""

import logging

import numpy as np
import pandas as pd

from wellread.profiles import controls, tables
from wellread.runtime import table_files
from wellread.runtime.errors import InputError
from wellread.runtime.progress import progress

log = logging.getLogger("wellread")

STATISTICS = {"mean": np.mean, "median": np.median}


def aggregate(
    cell_tables, embeddings, wells: pd.DataFrame, *, seed: int, cells="median", fields="mean", min_cells=1
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Pool the embeddings of all plates: returns the profile tables of fields and of wells.

    The files `cell_tables[i]` (cells.parquet) and `embeddings[i]` (N, D) belong to one plate. `cells` is the statistic
    over the cells of a field, `fields` that over the fields of a well; median and mean are what the Cell-DINO
    evaluation code does. Wells without cells, with fewer than `min_cells` or without a row in the wells table are in
    neither table; they are logged, and counted in the ledger. `seed` draws the fitting half of the controls. Raises
    InputError for embeddings that are not finite or not one per cell, and if no well is in the wells table.
    """
    pairs = progress(list(zip(cell_tables, embeddings, strict=True)), "plates", unit="plate")
    keys, counts, profiles = zip(*(_pool_cells(*pair, STATISTICS[cells]) for pair in pairs), strict=True)
    keys = pd.concat(keys, ignore_index=True)
    counts, X = np.concatenate(counts), np.concatenate(profiles)  # (F,), (F, D)
    excluded = _exclusion_reasons(_cells_per_well(keys, counts), wells, min_cells)
    _log_excluded_wells(excluded, wells)
    kept = keys.merge(excluded, on=["plate", "well"], how="left")["reason"].to_numpy(object) == ""
    keys, counts, X = keys[kept].reset_index(drop=True), counts[kept], X[kept]
    well_keys, _, well_X = pool(keys[["plate", "well"]], X, STATISTICS[fields])
    well_counts = _cells_per_well(keys, counts)["cells"].to_numpy()
    wells = wells.assign(control_use=controls.control_use(wells, seed))
    return _profile_table(keys, counts, X, wells), _profile_table(well_keys, well_counts, well_X, wells)


def pool(keys: pd.DataFrame, X: np.ndarray, statistic) -> tuple[pd.DataFrame, np.ndarray, np.ndarray]:
    """Pool the rows of X (n, D) that agree in `keys`: sorted keys, group sizes (g,), values (g, D)."""
    code = keys.groupby(list(keys), sort=True, dropna=False).ngroup().to_numpy()
    order = np.argsort(code, kind="stable")
    starts = np.flatnonzero(np.diff(code[order], prepend=-1))
    sizes = np.diff(starts, append=len(code))
    pooled = np.empty((len(starts), X.shape[1]))
    for start, size, row in zip(starts, sizes, pooled, strict=True):
        row[:] = statistic(X[order[start : start + size]].astype(np.float64), axis=0)
    return keys.iloc[order[starts]].reset_index(drop=True), sizes, pooled


def _pool_cells(cells_path, embeddings_path, statistic):
    keys = table_files.read(cells_path, "cells", ["plate", "well", "site"])
    X = np.load(embeddings_path)
    if len(keys) != len(X):
        found, where = f"{len(keys)} cells and {len(X)} embeddings", f"{cells_path} and {embeddings_path}"
        raise InputError("one embedding per cell", found, where, "delete both files and run again")
    bad = int((~np.isfinite(X).all(axis=1)).sum())
    if bad:
        edit = "train the model again with a lower learning rate, or leave the model out"
        raise InputError("finite embeddings", f"{bad} of {len(X)} cells with NaN", str(embeddings_path), edit)
    return pool(keys, X, statistic)


def _cells_per_well(keys: pd.DataFrame, counts: np.ndarray) -> pd.DataFrame:
    return keys.assign(cells=counts).groupby(["plate", "well"], as_index=False)["cells"].sum()


def _exclusion_reasons(counts: pd.DataFrame, wells: pd.DataFrame, min_cells: int) -> pd.DataFrame:
    """Every well of either table, its number of cells, and why it gets no profile ("" if it gets one)."""
    every = counts.merge(wells[["plate", "well"]], on=["plate", "well"], how="outer", indicator="table")
    cells = every["cells"].fillna(0).astype(int)
    conditions = [every["table"] == "left_only", cells == 0, cells < min_cells]
    reason = np.select(conditions, ["not in wells table", "no cells", "below min_cells"], "")
    return every[["plate", "well"]].assign(reason=reason.astype(object), cells=cells)


def _profile_table(keys, counts, X, wells) -> pd.DataFrame:
    keys = keys.assign(object_count=counts)
    meta = keys.merge(wells, on=["plate", "well"], how="left", validate="many_to_one")
    return tables.join(meta.rename(columns=tables.column), X)


def _log_excluded_wells(excluded: pd.DataFrame, wells: pd.DataFrame) -> None:
    """Log how many wells get no profile; raise InputError if no well with cells is in the wells table."""
    for reason, group in excluded[excluded["reason"] != ""].groupby("reason"):
        log.warning("%d wells (%d cells) get no profile: %s", len(group), group["cells"].sum(), reason)
    with_cells = excluded[excluded["cells"] > 0]
    if len(with_cells) and (with_cells["reason"] == "not in wells table").all():
        found, known = (" ".join(t[["plate", "well"]].iloc[0]) if len(t) else "none" for t in (with_cells, wells))
        edit = "spell plates and wells alike in the images and the wells table"
        raise InputError(f"wells of the wells table, such as {known}", f"only {found} ...", "images", edit)
