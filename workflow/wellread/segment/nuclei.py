"""Nuclei of one field: Otsu's threshold, a local threshold for every outline, watersheds to split those that touch.

All lengths are multiples of the diameter of a typical nucleus, so nothing depends on the magnification.
"""

import numpy as np
from scipy import ndimage
from skimage import feature, morphology, segmentation

from wellread.segment.merge_pieces import ellipse_fill, merge_dips, merge_pieces, moments
from wellread.segment.otsu_threshold import otsu, otsu_below
from wellread.segment.reject import in_fibres, rejected

LEVEL = 0.5  # of an outline, between its surroundings (0) and its nucleus (1), in the logarithm of light
SMALLEST = 0.08  # area of the smallest nucleus, in squared diameters
FAINT = 0.35  # contrast of the faintest nucleus, in that of bright ones
EXCESS = 2.3  # times the median contrast, from which on what is long is a fibre and does not count for that of nuclei
COARSE = 0.15  # smoothing, in diameters, after which noise alone is not separated by Otsu
ELLIPSE, LARGE = 0.97, 1.0  # what fills less of its ellipse, or has a larger area (squared diameters), may be several
ITERATIONS = 6  # of the local threshold: more change nothing


def find_nuclei(plane: np.ndarray, diameter: float) -> np.ndarray:
    """Labels (H, W) int32 of the nuclei in a plane (H, W) in 0..1; `diameter` (px) of a typical one."""
    return nuclei_alone(*find_objects(plane, diameter))


def nuclei_alone(labels: np.ndarray, reasons: dict[int, str]) -> np.ndarray:
    """The labels (H, W) without those of which `reasons`, {label: why it is no nucleus}, tells, numbered from 1."""
    return segmentation.relabel_sequential(np.where(np.isin(labels, list(reasons)), 0, labels))[0]


def find_objects(plane: np.ndarray, diameter: float) -> tuple[np.ndarray, dict[int, str]]:
    """Labels (H, W) int32 of nuclei and of what looks like them, as `find_nuclei`, and {label: why it is none}.

    Nuclei are found and outlined in the logarithm of light, in which bright things do not set the thresholds.
    """
    light = without_background(smoothed(plane, diameter), diameter)
    foreground = _foreground(light, diameter)
    if not foreground.any():
        return np.zeros(plane.shape, np.int32), {}
    tone = np.log1p(light / np.median(light[foreground]))
    outlined = _outlines(tone, _split_by_intensity(tone, foreground, diameter), diameter)
    labels = without_small(merge_pieces(_split_by_shape(outlined, tone, diameter), tone, diameter), diameter)
    return labels, rejected(labels, light, diameter)


def smoothed(plane: np.ndarray, diameter: float) -> np.ndarray:
    """The plane (H, W), its noise smoothed by a little of the diameter (px) of a nucleus."""
    return ndimage.gaussian_filter(plane, max(diameter / 45, 0.5))


def without_background(plane: np.ndarray, diameter: float) -> np.ndarray:
    """The plane less its background: an opening of a shrunk copy with a square of 1.5 diameters."""
    shrink = max(int(diameter / 6), 1)
    small = ndimage.uniform_filter(plane, shrink)[shrink // 2 :: shrink, shrink // 2 :: shrink]
    side = max(int(1.5 * diameter / shrink), 3)
    low = ndimage.gaussian_filter(ndimage.maximum_filter(ndimage.minimum_filter(small, side), side), side / 2)
    return np.maximum(plane - _upsampled(low, shrink, plane.shape), 0)


def _upsampled(small: np.ndarray, shrink: int, shape: tuple[int, int]) -> np.ndarray:
    """A plane shrunk by `shrink`, linearly interpolated to `shape`, one axis after the other."""
    for axis, side in enumerate(shape):
        at = np.clip((np.arange(side) - shrink // 2) / shrink, 0, small.shape[axis] - 1)
        below = np.minimum(at.astype(int), max(small.shape[axis] - 2, 0))
        above = np.minimum(below + 1, small.shape[axis] - 1)
        weight = np.expand_dims((at - below).astype(small.dtype), 1 - axis)
        small = (1 - weight) * small.take(below, axis) + weight * small.take(above, axis)
    return small


def _foreground(light: np.ndarray, diameter: float) -> np.ndarray:
    """Pixels (H, W) bool above Otsu's threshold, of the darker class too if it is two; none if all is noise."""
    _, separated = otsu(ndimage.gaussian_filter(light, COARSE * diameter))  # smoothed: single noisy pixels stand out
    level, _ = otsu(light)
    if not separated:
        return np.zeros(light.shape, bool)
    return morphology.remove_small_objects(light > otsu_below(light, level), max_size=int(SMALLEST * diameter**2))


def _split_by_intensity(light: np.ndarray, foreground: np.ndarray, diameter: float) -> np.ndarray:
    """Labels (H, W) of the foreground, one for every maximum that is separated from others by a marked dip."""
    smooth = ndimage.gaussian_filter(light, diameter / 10)
    return merge_dips(segmentation.watershed(-smooth, _peaks(smooth, foreground, diameter), mask=foreground), smooth)


def _split_by_shape(labels: np.ndarray, light: np.ndarray, diameter: float) -> np.ndarray:
    """Split what is no ellipse, or too large, at its narrow points: a watershed of the distance from the border."""
    shapes = moments(labels, light)
    doubtful = (ellipse_fill(shapes) < ELLIPSE) | (shapes[:, 0] > LARGE * diameter**2)
    inside = doubtful[labels] & (labels > 0)
    core = inside & ~_borders(labels)
    depth = ndimage.gaussian_filter(ndimage.distance_transform_edt(core), diameter / 16)
    pieces = segmentation.watershed(-depth, _peaks(depth, core, diameter), mask=inside)
    return np.where(inside | (labels == 0), pieces, labels + pieces.max())


def _peaks(landscape: np.ndarray, where: np.ndarray, diameter: float) -> np.ndarray:
    """Labels (H, W) of single pixels: the local maxima within the mask `where`."""
    near = max(round(0.15 * diameter), 1)
    found = feature.peak_local_max(landscape, near, labels=where.astype(int), exclude_border=False)
    seeds = np.zeros(landscape.shape, np.int32)
    seeds[tuple(found.T)] = np.arange(1, len(found) + 1)
    return seeds


def _borders(labels: np.ndarray) -> np.ndarray:
    """Pixels (H, W) bool that touch another label above or to their left."""
    border = np.zeros(labels.shape, bool)
    for here, there in ((np.s_[1:], np.s_[:-1]), (np.s_[:, 1:], np.s_[:, :-1])):
        border[here] |= (labels[here] != labels[there]) & (labels[here] > 0) & (labels[there] > 0)
    return border


def _outlines(light: np.ndarray, basins: np.ndarray, diameter: float) -> np.ndarray:
    """Labels (H, W) of nuclei by a threshold of their own, within their basin and a quarter diameter about it.

    A basin of far less contrast than most is out-of-focus light, not a nucleus.
    """
    wide = segmentation.expand_labels(basins, diameter / 4)
    low, high, areas = _class_means(light, wide)
    contrast = high - low
    excessive = contrast > EXCESS * _by_area(contrast, areas, 0.5)
    usual = _by_area(contrast, np.where(in_fibres(basins, excessive, diameter), 0, areas), 0.75)
    level = np.where(contrast < FAINT * usual, np.inf, low + LEVEL * contrast)
    inside = (wide > 0) & (light > level[wide])
    inside = morphology.remove_small_holes(inside, max_size=int(SMALLEST * diameter**2))
    if (bur := round(diameter / 20)) > 0:
        inside = ndimage.binary_opening(inside, morphology.disk(bur))
    return np.where(inside, wide, 0)


def _by_area(values: np.ndarray, areas: np.ndarray, part: float) -> float:
    """The value that objects of this part of all area have at most."""
    order = np.argsort(values)
    return float(values[order[np.searchsorted(np.cumsum(areas[order]), part * areas.sum())]])


def _class_means(light: np.ndarray, labels: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """By label, means below and above a threshold at LEVEL between them (Otsu's, if halfway), and px above it."""
    inside = labels > 0
    ids, values = labels[inside], light[inside]
    count, total = np.bincount(ids), np.bincount(ids, values)
    level = total / np.maximum(count, 1)
    for _ in range(ITERATIONS):
        above = values > level[ids]
        n, s = (np.bincount(ids[above], w, len(count)) for w in (None, values[above]))
        low, high = (total - s) / np.maximum(count - n, 1), s / np.maximum(n, 1)
        level = low + LEVEL * (high - low)
    return low, high, n


def without_small(labels: np.ndarray, diameter: float) -> np.ndarray:
    """The labels that are large enough for a nucleus, numbered from 1."""
    large = np.bincount(labels.ravel()) >= SMALLEST * diameter**2
    large[0] = False
    return (np.cumsum(large) * large).astype(np.int32)[labels]
