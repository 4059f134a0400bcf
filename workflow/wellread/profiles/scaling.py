"""Corrections that make hand-made features comparable, as pipelines for CellProfiler's do: z-scores, and a limit.

What a correction is says `profiles.correct`.
"""

import numpy as np

from wellread.profiles import controls, tables
from wellread.runtime.errors import InputError
from wellread.runtime.registry import choice


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
