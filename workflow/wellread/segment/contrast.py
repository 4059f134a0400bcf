"""Whether given masks lie on what they are of: masks of another field do not, and nothing else would tell."""

import numpy as np

from wellread.calibrate.plate import to_levels

LEAST = 0.65  # chance that a pixel inside is the brighter of two, below which masks are doubted; 0.5: by chance alone


def contrast(nuclei: np.ndarray, cells: np.ndarray, field: dict[str, np.ndarray]) -> float:
    """The chance that a pixel of nuclei (of cells, where there are none) is brighter than one outside of them.

    In the channel where it is highest: that of nuclei, if there is one. NaN if nothing, or all, is inside.
    """
    inside = (nuclei if nuclei.any() else cells) > 0
    if inside.all() or not inside.any():
        return float("nan")
    return max(_chance(to_levels(plane), inside) for plane in field.values())


def _chance(levels: np.ndarray, inside: np.ndarray) -> float:
    """P(inside > outside) + P(equal) / 2 of two random pixels, by their histograms."""
    own, other = (np.bincount(levels[mask], minlength=256) / mask.sum() for mask in (inside, ~inside))
    return float(own @ (np.cumsum(other) - other / 2))


def told(contrasts: list[float]) -> str:
    """What to say of the masks of a plate, from the contrast of every field; "" if they lie on their cells."""
    known = [value for value in contrasts if value == value]
    low = sum(value < LEAST for value in known)
    if not low:
        return ""
    where = "masks of other fields? Fields are numbered in the order of the sorted images table"
    return f"the masks of {low} of {len(known)} fields are hardly brighter inside than outside in any channel: {where}"
