"""What rows of profiles or cells are coloured or grouped by: the values of a label column, negative controls apart.

The style of a label is a colour and a marker, as Matplotlib calls it; MARKERS are the names that Bokeh has for these.
"""

from itertools import product

import pandas as pd

from wellread.profiles import tables
from wellread.profiles.controls import is_negative

NEGATIVE, UNLABELLED, OTHER, SEVERAL = "negative control", "no label", "other", "several"
# Okabe & Ito's colours without black and yellow, two of Tol's: visible on white, also to the colour-blind.
COLOURS = ("#0072B2", "#E69F00", "#009E73", "#CC79A7", "#D55E00", "#56B4E9", "#332288", "#882255")
MARKERS = {"o": "circle", "^": "triangle", "s": "square", "D": "diamond", "P": "plus", "v": "inverted_triangle"}
SHADES = {"o": 1, "^": 0.75, "s": 1.4, "D": 1.2, "P": 0.6}  # {marker: how bright its colours are; 2 is white}


def _shade(colour: str, brightness: float) -> str:
    """`#rrggbb` mixed with black (brightness below 1) or white (above)."""
    towards, share = (0, 1 - brightness) if brightness < 1 else (255, brightness - 1)
    mixed = (round(int(colour[i : i + 2], 16) * (1 - share) + towards * share) for i in (1, 3, 5))
    return "#" + "".join(f"{part:02X}" for part in mixed)


# Of labels, no two alike in colour, and every eight with a marker of their own; all others are OTHER.
STYLES = [(_shade(colour, SHADES[marker]), marker) for marker, colour in product(SHADES, COLOURS)]
GREYS = {
    UNLABELLED: ("#dcdcdc", "o"),
    SEVERAL: ("#c4c4c4", "D"),
    OTHER: ("#8f8f8f", "v"),
    NEGATIVE: ("#b0b0b0", "o"),
}


def row_labels(meta: pd.DataFrame, wanted: str, *usual: str) -> pd.Series:
    """Column `wanted` as text, or if it is "" the first of the columns `usual` that has any value; "" where missing.

    The name of the series is that of the column. Raises InputError if there is no column `wanted`.
    """
    for name in tables.existing(meta, [wanted]) if wanted else usual:
        if tables.column(name) in meta and any(values := tables.text_column(meta, name)):
            return pd.Series(values, name=name, dtype=object)
    return pd.Series("", index=meta.index, name=wanted or usual[-1], dtype=object)


def merge_several(labels: pd.Series) -> pd.Series:
    """`labels` with SEVERAL for those joined by `|`, if there are more labels than COLOURS: a colour is one of them."""
    return labels.mask(labels.str.contains("|", regex=False), SEVERAL) if labels.nunique() > len(COLOURS) else labels


def label_controls(meta: pd.DataFrame, labels: pd.Series) -> pd.Series:
    """`labels` with NEGATIVE for the negative controls."""
    return labels.mask(is_negative(meta), NEGATIVE)
