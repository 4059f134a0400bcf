"""What was found but is no nucleus, and why: fibres, debris, haze."""

from typing import NamedTuple

import numpy as np
import pandas as pd
from skimage import measure, segmentation

from wellread.segment.merge_pieces import half_axes, moments
from wellread.segment.objects import objects

BRIGHT, GLARING = 2.0, 2.5  # times the median light of the objects of a field: of the dimmest debris, and fibre
LONG, SLENDER = 2.0, 3.0  # half the length of a fibre, in diameters of nuclei, and its length over its width, at least
SMALL = 0.25  # area (squared diameters) of the largest debris
PALE = 0.4  # contrast to its surroundings of the clearest haze, in the upper quartile of a field
RING, FEWEST = 0.25, 5  # how wide surroundings are, in diameters, and how many px of them tell a contrast


class Rejected(NamedTuple):
    """Labels (H, W) of a field before anything was rejected, and {label: reason} of what was."""

    labels: np.ndarray
    reasons: dict[int, str]

    def table(self, field: dict[str, np.ndarray], metadata: dict) -> pd.DataFrame:
        """A row for everything rejected, as of `objects`, with its `reason`."""
        kept = np.where(np.isin(self.labels, list(self.reasons)), self.labels, 0)
        found = objects(np.zeros_like(kept), kept, field, metadata)
        return found.assign(reason=found["label"].map(self.reasons).astype(object))


class Masks(tuple):
    """Nuclei and cells, labels (H, W) each, of a segmenter that also says what it `rejected`, and how cells `grew`."""

    rejected: Rejected
    grew: str

    def __new__(cls, nuclei: np.ndarray, cells: np.ndarray, rejected: Rejected, grew: str = "") -> "Masks":
        """The pair, with what was rejected beside it, and whether cells end with the `foreground` or at a `midline`."""
        masks = super().__new__(cls, (nuclei, cells))
        masks.rejected, masks.grew = rejected, grew
        return masks


def rejected(labels: np.ndarray, light: np.ndarray, tone: np.ndarray, diameter: float) -> dict[int, str]:
    """Why objects, of the labels (H, W), are no nuclei: {label: reason}, nuclei left out.

    `light` (H, W) is a plane without its background, `tone` (H, W) its logarithm, `diameter` (px) that of a typical
    nucleus. A `fibre` is bright and long, whole or in pieces that touch; `debris` is bright and small; `haze`, light
    from out of focus or the inside of an embryo, is in its logarithm hardly brighter than what lies about it.
    """
    sums = moments(labels, light)
    known = sums[:, 0] > 0
    if not known.any():
        return {}
    mean = sums[:, 6] / np.maximum(sums[:, 0], 1)
    middle = np.median(mean[known])
    debris = (mean > BRIGHT * middle) & (sums[:, 0] < SMALL * diameter**2)
    fibre = in_fibres(labels, mean > GLARING * middle, diameter)
    contrast = _contrast(labels, tone, diameter)
    clear = contrast[known & ~debris & ~fibre & np.isfinite(contrast)]
    haze = contrast < PALE * np.quantile(clear, 0.75) if len(clear) else np.zeros_like(known)
    kinds = {"haze": haze, "debris": debris, "fibre": fibre}
    return {int(label): kind for kind, which in kinds.items() for label in np.flatnonzero(which & known)}


def _contrast(labels: np.ndarray, tone: np.ndarray, diameter: float) -> np.ndarray:
    """By label, its mean `tone` less that of what lies about it and is no object; infinite where there is none."""
    about = np.where(labels > 0, 0, segmentation.expand_labels(labels, max(RING * diameter, 1.5)))
    size = int(labels.max()) + 1
    few = np.bincount(about[about > 0], minlength=size) < FEWEST
    return np.where(few, np.inf, _means(labels, tone, size) - _means(about, tone, size))


def _means(labels: np.ndarray, plane: np.ndarray, size: int) -> np.ndarray:
    """By label (size,), the mean of a plane (H, W); 0 of those that are not there."""
    ids, values = labels[inside := labels > 0], plane[inside]
    return np.bincount(ids, values, size) / np.maximum(np.bincount(ids, minlength=size), 1)


def in_fibres(labels: np.ndarray, bright: np.ndarray, diameter: float) -> np.ndarray:
    """By label, whether it is part of what is long and slender, of bright labels that touch."""
    parts = measure.label(bright[labels], connectivity=2)
    long, short = half_axes(moments(parts, labels))
    slender = (long > LONG * diameter) & (long > SLENDER * short)
    slender[0] = False
    return np.isin(np.arange(len(bright)), labels[slender[parts]])
