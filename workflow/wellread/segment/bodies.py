"""The bodies of cells, grown from their nuclei."""

import numpy as np
from scipy import ndimage
from skimage import filters, segmentation


def grow_bodies(plane: np.ndarray | None, nuclei: np.ndarray, diameter: float, reach: float) -> np.ndarray:
    """Bodies (H, W) int32 under the labels of their nuclei (H, W), which lie within them.

    A watershed from the nuclei over distance and darkness, so that a body beside a brighter one still keeps the
    surroundings of its own nucleus. A body ends `reach` diameters from its nucleus, and where the foreground of `plane`
    (H, W) ends (threshold of Li); without a plane it is all within reach. `diameter` (px) is that of a typical nucleus.
    """
    if plane is None or not nuclei.any():
        return segmentation.expand_labels(nuclei, reach * diameter)
    smooth = ndimage.gaussian_filter(plane, 1)
    distance = ndimage.distance_transform_edt(nuclei == 0) / diameter
    root = np.sqrt(np.maximum(smooth, 0))  # else the thin margins of cells are lost beside their bright middle
    mask = ((distance <= reach) & (root > filters.threshold_li(root))) | (nuclei > 0)
    landscape = distance - smooth / max(np.percentile(smooth, 99), 1e-6)  # a diameter counts as much as full brightness
    return segmentation.watershed(landscape, nuclei, mask=mask)
