"""What rows of profiles or cells are coloured or grouped by: the values of a label column, negative controls apart."""

import pandas as pd

from wellread.profiles import tables
from wellread.profiles.controls import is_negative

NEGATIVE, UNLABELLED = "negative control", "no label"


def row_labels(meta: pd.DataFrame, wanted: str, *usual: str) -> pd.Series:
    """Column `wanted` as text, or if it is "" the first of the columns `usual` that has any value; "" where missing.

    The name of the series is that of the column. Raises InputError if there is no column `wanted`.
    """
    for name in tables.existing(meta, [wanted]) if wanted else usual:
        if tables.column(name) in meta and any(values := tables.text_column(meta, name)):
            return pd.Series(values, name=name, dtype=object)
    return pd.Series("", index=meta.index, name=wanted or usual[-1], dtype=object)


def label_controls(meta: pd.DataFrame, labels: pd.Series) -> pd.Series:
    """`labels` with NEGATIVE for the negative controls."""
    return labels.mask(is_negative(meta), NEGATIVE)
