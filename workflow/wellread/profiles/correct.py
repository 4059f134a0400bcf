"""Corrections of profiles for plate and batch effects, fitted on controls or on all rows, never on labels.

A correction is `f(X, meta, seed, *, options) -> X`, from profiles (n, D) to profiles (n, D), or (n, d) of harmony. Its
`meta` has the columns `VISIBLE_COLUMNS` and no others, so that no correction can use the labels that tasks evaluate.
TVN (typical variation normalisation, Ando et al. 2017) is the chain of `sphering` and `coral`.
"""

import pandas as pd

from wellread.profiles import tables
from wellread.runtime.registry import pick

VISIBLE_COLUMNS = ["plate", "batch", "control", "control_use"]


def correct(frame: pd.DataFrame, steps: list[dict], *, seed: int) -> pd.DataFrame:
    """Apply the corrections `steps`, each `{name: options}`, one after the other; rows keep their order."""
    meta, X = tables.split(frame)
    visible = meta[[tables.column(name) for name in VISIBLE_COLUMNS]]
    for step in steps:
        X = pick("correction", step)(X, visible, seed)
    return tables.join(meta, X)
