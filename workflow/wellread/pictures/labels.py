"""What rows of profiles or cells are coloured or grouped by: the values of a label column, negative controls apart.

The style of a label is a colour and a marker, as Matplotlib calls it; MARKERS are the names that Bokeh has for these.
"""

from itertools import product

import pandas as pd

from wellread.profiles import tables
from wellread.profiles.controls import is_negative

NEGATIVE, UNLABELLED, OTHER = "negative control", "no label", "other"
# Okabe & Ito's colours without black and yellow, two of Tol's: visible on white, also to the colour-blind.
COLOURS = ("#0072B2", "#E69F00", "#009E73", "#CC79A7", "#D55E00", "#56B4E9", "#332288", "#882255")
MARKERS = {"o": "circle", "^": "triangle", "s": "square", "D": "diamond", "P": "plus", "v": "inverted_triangle"}
STYLES = [(colour, marker) for marker, colour in product("o^sDP", COLOURS)]  # of labels; all others are OTHER
GREYS = {UNLABELLED: ("#dcdcdc", "o"), OTHER: ("#8f8f8f", "v"), NEGATIVE: ("#b0b0b0", "o")}


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
