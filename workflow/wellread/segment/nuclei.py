"""Nuclei of one field: Otsu to find them, Otsu again about each for its outline, a watershed to part those that touch.

All lengths are shares of the diameter of a typical nucleus, so nothing depends on the magnification.
"""

import numpy as np
from scipy import ndimage
from skimage import feature, filters, morphology, segmentation

from wellread.segment.merge import merge_dips, merge_pieces

SEPARATION = 4  # of foreground and background, in deviations of the background
LEVEL = 0.42  # of an outline, between its surroundings (0) and its nucleus (1)
SMALLEST = 0.08  # area of the smallest nucleus, in squared diameters
ROUNDS = 6  # of the local threshold: later ones change nothing


def find_nuclei(plane: np.ndarray, diameter: float) -> np.ndarray:
    """Labels (H, W) int32 of the nuclei in a plane (H, W) in 0..1; `diameter` (px) of a typical one."""
    light = _without_background(ndimage.gaussian_filter(plane, max(diameter / 30, 0.5)), diameter)
    bright = _bright(light, diameter)
    if not bright.any():
        return np.zeros(plane.shape, np.int32)
    pieces = _by_shape(_outlines(light, _by_light(light, bright, diameter), diameter), diameter)
    return _large(merge_pieces(pieces, light, diameter), diameter)


def _without_background(plane: np.ndarray, diameter: float) -> np.ndarray:
    """Subtract what is left of a shrunken plane after an opening with a square of 1.5 diameters."""
    shrink = max(int(diameter / 6), 1)
    small = ndimage.uniform_filter(plane, shrink)[shrink // 2 :: shrink, shrink // 2 :: shrink]
    side = max(int(1.5 * diameter / shrink), 3)
    low = ndimage.gaussian_filter(ndimage.maximum_filter(ndimage.minimum_filter(small, side), side), side / 2)
    return np.maximum(plane - _enlarged(low, shrink, plane.shape), 0)


def _enlarged(small: np.ndarray, shrink: int, shape: tuple[int, int]) -> np.ndarray:
    """Between the middles of its pixels straight lines, along one axis after the other."""
    for axis, side in enumerate(shape):
        at = np.clip((np.arange(side) - shrink // 2) / shrink, 0, small.shape[axis] - 1)
        below = np.minimum(at.astype(int), max(small.shape[axis] - 2, 0))
        above = np.minimum(below + 1, small.shape[axis] - 1)
        part = np.expand_dims((at - below).astype(small.dtype), 1 - axis)
        small = (1 - part) * small.take(below, axis) + part * small.take(above, axis)
    return small


def _bright(light: np.ndarray, diameter: float) -> np.ndarray:
    """Otsu's foreground, and again that of what it left dark if that too falls in two: dim nuclei beside bright ones.

    Two halves of noise have means 2.7 deviations of the lower one apart; nuclei stand out much farther.
    """
    level, apart = _otsu(light)
    if apart < SEPARATION:
        return np.zeros(light.shape, bool)
    lower, apart = _otsu(light[light <= level])
    bright = light > (lower if apart >= SEPARATION else level)
    return morphology.remove_small_objects(bright, max_size=int(SMALLEST * diameter**2))


def _otsu(values: np.ndarray) -> tuple[float, float]:
    """Otsu's threshold, and how far apart the means of its classes are in deviations of the lower one."""
    if values.max() == values.min():
        return values.max(), 0.0
    level = filters.threshold_otsu(values)
    above = values > level
    low = values[~above]
    return level, (values[above].mean() - low.mean()) / max(low.std(), 1e-9)


def _by_light(light: np.ndarray, bright: np.ndarray, diameter: float) -> np.ndarray:
    """Basins of the bright part, one for every maximum that a real dip parts from its neighbours."""
    smooth = ndimage.gaussian_filter(light, diameter / 10)
    return merge_dips(segmentation.watershed(-smooth, _peaks(smooth, bright, diameter), mask=bright), smooth)


def _by_shape(labels: np.ndarray, diameter: float) -> np.ndarray:
    """Every label cut at its waists: a watershed of the distance from its border."""
    inside = labels > 0
    core = inside & ~_borders(labels)
    depth = ndimage.gaussian_filter(ndimage.distance_transform_edt(core), diameter / 16)
    seeds = segmentation.watershed(-depth, _peaks(depth, core, diameter), mask=core)
    return segmentation.watershed(-depth, seeds, mask=inside)


def _peaks(landscape: np.ndarray, where: np.ndarray, diameter: float) -> np.ndarray:
    near = max(round(0.15 * diameter), 1)
    found = feature.peak_local_max(landscape, near, labels=where.astype(int), exclude_border=False)
    seeds = np.zeros(landscape.shape, np.int32)
    seeds[tuple(found.T)] = np.arange(1, len(found) + 1)
    return seeds


def _borders(labels: np.ndarray) -> np.ndarray:
    """Where a label touches the one above or to its left."""
    border = np.zeros(labels.shape, bool)
    for here, there in ((np.s_[1:], np.s_[:-1]), (np.s_[:, 1:], np.s_[:, :-1])):
        border[here] |= (labels[here] != labels[there]) & (labels[here] > 0) & (labels[there] > 0)
    return border


def _outlines(light: np.ndarray, basins: np.ndarray, diameter: float) -> np.ndarray:
    """Outline every nucleus by a threshold of its own, within its basin and a quarter diameter about it."""
    wide = segmentation.expand_labels(basins, diameter / 4)
    inside = (wide > 0) & (light > _local_levels(light, wide)[wide])
    inside = morphology.remove_small_holes(inside, max_size=int(SMALLEST * diameter**2))
    inside = ndimage.binary_opening(inside, morphology.disk(max(int(diameter / 14), 1)))
    return np.where(inside, wide, 0)


def _local_levels(light: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """Threshold within every label, by index: a level between the means above and below it (Otsu's, if halfway)."""
    inside = labels > 0
    ids, values = labels[inside], light[inside]
    count, total = np.bincount(ids), np.bincount(ids, values)
    level = total / np.maximum(count, 1)
    for _ in range(ROUNDS):
        above = values > level[ids]
        n, s = (np.bincount(ids[above], w, len(count)) for w in (None, values[above]))
        high, low = s / np.maximum(n, 1), (total - s) / np.maximum(count - n, 1)
        level = low + LEVEL * (high - low)
    return level


def _large(labels: np.ndarray, diameter: float) -> np.ndarray:
    """The labels that are large enough for a nucleus, numbered from 1."""
    large = np.bincount(labels.ravel()) >= SMALLEST * diameter**2
    large[0] = False
    return (np.cumsum(large) * large).astype(np.int32)[labels]
