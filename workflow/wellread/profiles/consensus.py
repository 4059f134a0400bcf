"""From wells to treatments: the replicates of a treatment become one profile."""

import numpy as np
import pandas as pd

from wellread.profiles import controls, tables
from wellread.profiles.aggregate import STATISTICS, pool

BY = ["treatment", "dose"]


def consensus(frame: pd.DataFrame, *, by=BY, statistic="mean") -> pd.DataFrame:
    """Pool well profiles into one row per value of the columns `by` (`dose` only if there is one).

    Of the negative controls only the evaluation half enters, whatever the correction, as the other half may
    have fitted it. Metadata that differ within some group become text, the distinct values sorted and joined
    by `|`; cells are summed, and Metadata_Replicates counts the wells.
    """
    meta, X = tables.split(controls.without_fitting_controls(frame))
    columns = [tables.column(name) for name in tables.present(meta, by)]
    keys, sizes, X = pool(meta[columns], X, STATISTICS[statistic])
    groups = meta.groupby(columns, sort=True, dropna=False)
    others = {name: _merged(name, groups[name]) for name in meta if name not in columns}
    rows = keys.assign(**others, **{tables.column("replicates"): sizes})
    return tables.join(rows, X)


def _merged(name: str, groups) -> np.ndarray:
    if name == tables.column("object_count"):
        return groups.sum().to_numpy()
    if (groups.nunique(dropna=False) <= 1).all():
        return groups.first().to_numpy()
    return groups.agg(_distinct).to_numpy(object)


def _distinct(values: pd.Series) -> str:
    words = {word for value in values.dropna() for word in str(value).split("|")}
    return "|".join(sorted(words - {""}))
