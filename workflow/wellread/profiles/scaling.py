"""Corrections of each feature by itself, within each plate: centre, scale, and a limit.

What a correction is says `profiles.correct`.
"""

import numpy as np

from wellread.profiles import controls, tables
from wellread.profiles.fitting import fitting_controls
from wellread.runtime.errors import InputError
from wellread.runtime.registry import choice


@choice("correction", needs=("rows in every group",))
def standardize(X, meta, seed, *, by="plate", fit="all", robust=False):
    """Scale every feature to mean 0 and standard deviation 1 within each plate or batch (`by`).

    Both are those of its rows, `fit`="all", or of its fitting controls, "controls"; `robust` takes median and
    1.4826 MAD (median absolute deviation) instead. A feature that does not vary is only centred. Raises InputError if
    there are fewer than two rows to fit.
    """
    groups = tables.text_column(meta, by)
    fitted = fitting_controls(meta) if fit == "controls" else np.ones(len(X), bool)
    out = np.empty_like(X)
    for group in np.unique(groups):
        here = groups == group
        rows = X[here & fitted]
        if len(rows) < 2:
            edit = "write standardize.fit: all, or mark more wells as negative controls"
            raise InputError("two fitting controls or more", f"{len(rows)}", f"{by} {group}", edit)
        centre, scale = _median_and_mad(rows) if robust else (rows.mean(axis=0), rows.std(axis=0, ddof=1))
        constant = scale <= 1e-9 * np.abs(rows).max(axis=0)  # rounding noise must not be blown up
        out[here] = (X[here] - centre) / np.where(constant, 1, scale)
    return out


def _median_and_mad(rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    centre = np.median(rows, axis=0)
    return centre, 1.4826 * np.median(np.abs(rows - centre), axis=0)


@choice("correction", needs=("negatives in every group",), spends_controls=True)
def zscore(X, meta, seed, *, by="plate"):
    """Scale every feature by mean and sample standard deviation of all negative controls of its plate or batch (`by`).

    As pycytominer's normalize with these controls as samples. Both halves of the controls are fitted, so none is left
    to judge by: for mechanism, not for activity. A feature that does not vary among the controls is only centred.
    Raises InputError if a plate has fewer than two.
    """
    groups, negative = tables.text_column(meta, by), controls.is_negative(meta)
    out = np.empty_like(X)
    for group in np.unique(groups):
        rows = X[(groups == group) & negative]
        if len(rows) < 2:
            edit = "mark more wells as negative controls, or use standardize"
            raise InputError("two negative controls or more", f"{len(rows)}", f"{by} {group}", edit)
        scale = rows.std(axis=0, ddof=1)
        constant = scale <= 1e-9 * np.abs(rows).max(axis=0)
        out[groups == group] = (X[groups == group] - rows.mean(axis=0)) / np.where(constant, 1, scale)
    return out


@choice("correction")
def clip(X, meta, seed, *, limit=50.0):
    """Values beyond -`limit` and `limit` become these, so that no single one outweighs all other features."""
    return np.clip(X, -limit, limit)
