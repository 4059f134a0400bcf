"""Otsu's threshold, and how well it parts what is above from what is below."""

import numpy as np
from skimage import filters

SEPARATION = 4  # of two classes, in deviations of the lower one; halves of noise are 2.7 apart


def otsu(values: np.ndarray) -> tuple[float, bool]:
    """Otsu's threshold of any values, and whether its classes are truly two."""
    if values.max() == values.min():
        return float(values.max()), False
    level = filters.threshold_otsu(values)
    above = values > level
    low = values[~above]
    return float(level), bool(values[above].mean() - low.mean() >= SEPARATION * low.std())


def otsu_again(values: np.ndarray, level: float) -> float:
    """Otsu's threshold of what a first one left below if that is two classes, too; else the first.

    So dim objects are not lost beside bright ones, nor thin parts of a cell beside its middle.
    """
    lower, parted = otsu(values[values <= level])
    return lower if parted else level
