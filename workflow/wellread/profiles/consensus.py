"""From wells to treatments: the replicates of a treatment become one profile."""

import numpy as np
import pandas as pd

from wellread.inputs.cleaning import parts
from wellread.profiles import controls, tables
from wellread.profiles.pool import STATISTICS, pool

BY = ["treatment", "dose"]


def consensus(frame: pd.DataFrame, *, by=BY, statistic="mean") -> pd.DataFrame:
    """Pool well profiles into one profile per combination of values in the columns `by` (`dose` only if it exists).

    `statistic` is "mean" or "median" over the wells. Of the negative controls only the evaluation half is pooled, as
    corrections may have been fitted on the other. Metadata that differ within some group become text, the distinct
    values sorted and joined by `|`; cells are summed, and Metadata_Replicates counts the wells. Raises InputError if a
    column is missing.
    """
    meta, X = tables.split(controls.without_fitting_controls(frame))
    columns = [tables.column(name) for name in tables.existing(meta, by)]
    keys, sizes, X = pool(meta[columns], X, STATISTICS[statistic])
    groups = meta.groupby(columns, sort=True, dropna=False)
    others = {name: _merge_metadata(name, groups[name]) for name in meta if name not in columns}
    rows = keys.assign(**others, **{tables.column("replicates"): sizes})
    return tables.join(rows, X)


def _merge_metadata(name: str, groups) -> np.ndarray:
    if name == tables.column("object_count"):
        return groups.sum().to_numpy()
    if (groups.nunique(dropna=False) <= 1).all():
        return groups.first().to_numpy()
    return _join_distinct(groups.obj, groups.ngroup())


def _join_distinct(values: pd.Series, group: pd.Series) -> np.ndarray:
    """The distinct labels of every group, sorted and joined: in one pass, as aggregation by group takes seconds."""
    pairs = pd.DataFrame({"value": values, "group": group}).dropna(subset="value").drop_duplicates()
    labels = {value: parts(str(value)) for value in pairs["value"].unique()}
    words = [set() for _ in range(group.max() + 1)]
    for value, number in zip(pairs["value"].astype(object), pairs["group"], strict=True):
        words[number].update(labels[value])
    return np.array(["|".join(sorted(own)) for own in words], object)
