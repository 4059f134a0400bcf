"""What was found but is no nucleus, and why: fibres, debris, haze."""

from typing import NamedTuple

import numpy as np
import pandas as pd
from scipy import ndimage
from skimage import measure

from wellread.segment.merge_pieces import half_axes, moments
from wellread.segment.objects import objects

BRIGHT, GLARING = 2.0, 2.5  # times the median light of the objects of a field: of the dimmest debris, and fibre
LONG, SLENDER = 2.0, 3.0  # half the length of a fibre, in diameters of nuclei, and its length over its width, at least
SMALL = 0.25  # area (squared diameters) of the largest debris
BLUNT, DIM = 0.5, 0.75  # of the upper quartile of a field: how steep outlines of haze are, and how bright it is


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


def rejected(labels: np.ndarray, light: np.ndarray, diameter: float) -> dict[int, str]:
    """Why objects, of the labels (H, W), are no nuclei: {label: reason}, nuclei left out.

    `light` (H, W) is a plane without its background, `diameter` (px) that of a typical nucleus. A `fibre` is bright and
    long, whole or in pieces that touch; `debris` is bright and small; `haze`, light from out of focus, is dim and its
    outline, relative to its light, far less steep than most.
    """
    sums = moments(labels, light)
    known = sums[:, 0] > 0
    if not known.any():
        return {}
    mean = sums[:, 6] / np.maximum(sums[:, 0], 1)
    middle = np.median(mean[known])
    steep = _steepness(labels, light) / np.maximum(mean, 1e-9)
    haze = (steep < BLUNT * np.quantile(steep[known], 0.75)) & (mean < DIM * np.quantile(mean[known], 0.75))
    kinds = {"haze": haze, "debris": (mean > BRIGHT * middle) & (sums[:, 0] < SMALL * diameter**2)}
    kinds["fibre"] = in_fibres(labels, mean > GLARING * middle, diameter)
    return {int(label): kind for kind, which in kinds.items() for label in np.flatnonzero(which & known)}


def _steepness(labels: np.ndarray, light: np.ndarray) -> np.ndarray:
    """By label, the mean slope of `light` (per px) at the pixels of its outline."""
    rim = (labels > 0) & (ndimage.grey_erosion(labels, 3) != labels)
    slope, size = np.hypot(*np.gradient(light)), int(labels.max()) + 1
    return np.bincount(labels[rim], slope[rim], size) / np.maximum(np.bincount(labels[rim], minlength=size), 1)


def in_fibres(labels: np.ndarray, bright: np.ndarray, diameter: float) -> np.ndarray:
    """By label, whether it is part of what is long and slender, of bright labels that touch."""
    parts = measure.label(bright[labels], connectivity=2)
    long, short = half_axes(moments(parts, labels))
    slender = (long > LONG * diameter) & (long > SLENDER * short)
    slender[0] = False
    return np.isin(np.arange(len(bright)), labels[slender[parts]])
