"""Corrections of profiles for plate and batch effects, fitted on controls or on all rows, never on labels.

A correction is `f(X, meta, seed, *, options) -> X`, from profiles (n, D) to profiles (n, D), or (n, d) of harmony. Its
`meta` has the columns `VISIBLE_COLUMNS`, those that its options name and no others, so that no correction uses a label
that nobody named; which ones may be named beside which tasks says `plan.leaks`.
TVN (typical variation normalisation, Ando et al. 2017) is the chain of `sphering` and `coral`.
"""

import pandas as pd

from wellread.profiles import tables
from wellread.runtime.registry import chosen, pick

VISIBLE_COLUMNS = ["plate", "well", "batch", "control", "control_use"]


def correct(frame: pd.DataFrame, steps: list[dict], *, seed: int) -> pd.DataFrame:
    """Apply the corrections `steps`, each `{name: options}`, one after the other; rows keep their order."""
    meta, X = tables.split(frame)
    for step in steps:
        visible = dict.fromkeys([*VISIBLE_COLUMNS, *tables.existing(meta, named_columns(step))])
        X = pick("correction", step)(X, meta[[tables.column(name) for name in visible]], seed)
    return tables.join(meta, X)


def named_columns(step: dict) -> list[str]:
    """The columns of the wells table that a correction, {name: options}, names in its options."""
    ((_, options),) = step.items()
    return [options[option] for option in chosen("correction", step).columns if option in options]
