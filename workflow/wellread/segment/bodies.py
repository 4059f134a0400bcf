"""The bodies of cells, grown from their nuclei."""

import numpy as np
from scipy import ndimage
from skimage import filters, segmentation

from wellread.segment.otsu_threshold import SEPARATION

DIMMEST = 20  # times dimmer than the brightest light: below, its logarithm would spread the noise of an empty field


def grow_bodies(plane: np.ndarray | None, nuclei: np.ndarray, diameter: float, reach: float) -> tuple[np.ndarray, str]:
    """Bodies (H, W) int32 under the labels of their nuclei (H, W), which lie within them, and how they were found.

    A body ends `reach` diameters from its nucleus, and where the `foreground` of `plane` (H, W) ends; where that has no
    contrast, as in a confluent field, it ends at the `midline` between nuclei. Without a plane ("") it is all within
    reach. `diameter` (px) is that of a typical nucleus. In the foreground bodies are a watershed from the nuclei over
    distance and darkness, so that one beside a brighter one still keeps the surroundings of its own nucleus.
    """
    if plane is None or not nuclei.any():
        return segmentation.expand_labels(nuclei, reach * diameter), ""
    smooth = ndimage.gaussian_filter(plane, 1)
    foreground, separated = _foreground(smooth)
    if not separated:
        return segmentation.expand_labels(nuclei, reach * diameter), "midline"
    distance = ndimage.distance_transform_edt(nuclei == 0) / diameter
    mask = ((distance <= reach) & foreground) | (nuclei > 0)
    landscape = distance - smooth / max(np.percentile(smooth, 99), 1e-6)  # a diameter counts as much as full brightness
    return segmentation.watershed(landscape, nuclei, mask=mask), "foreground"


def _foreground(smooth: np.ndarray) -> tuple[np.ndarray, bool]:
    """Pixels (H, W) bool above the threshold of Li in the root of light, and whether they stand out from others.

    In the light itself the thin margins of cells are lost beside their bright middle, and in its logarithm a blurred
    outline lies too far out. Whether they stand out is asked of the logarithm: the means of both classes there lie
    SEPARATION deviations of the darker one apart, as those of texture and noise do not.
    """
    root = np.sqrt(np.maximum(smooth, 0))
    return root > filters.threshold_li(root), _is_separated(smooth)


def _is_separated(smooth: np.ndarray) -> bool:
    low, high = np.percentile(smooth, (1, 99))
    light = np.maximum(smooth - low, 0)
    scale = max(float(np.median(light)), (high - low) / DIMMEST)
    if scale <= 0:
        return False
    tone = np.log1p(light / scale)
    bright = tone > filters.threshold_li(tone)
    dark = tone[~bright]
    return bool(tone[bright].mean() - dark.mean() >= SEPARATION * dark.std())
