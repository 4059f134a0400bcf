"""Otsu's threshold, and whether the two classes are well separated."""

import numpy as np
from skimage import filters

SEPARATION = 4  # least distance of the means of two classes, in deviations of the lower one; it is 2.7 for noise


def otsu(values: np.ndarray) -> tuple[float, bool]:
    """Otsu's threshold of any values, and whether its two classes are separated (by SEPARATION)."""
    if values.max() == values.min():
        return float(values.max()), False
    level = filters.threshold_otsu(values)
    above = values > level
    low = values[~above]
    return float(level), bool(values[above].mean() - low.mean() >= SEPARATION * low.std())


def otsu_below(values: np.ndarray, level: float) -> float:
    """Otsu's threshold of the values up to `level`, if these are two separated classes, too; else `level`.

    So dim objects are not lost beside bright ones.
    """
    lower, separated = otsu(values[values <= level])
    return lower if separated else level
