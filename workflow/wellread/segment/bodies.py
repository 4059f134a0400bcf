"""The bodies of cells about their nuclei."""

import numpy as np
from scipy import ndimage
from skimage import filters, segmentation


def bodies(plane: np.ndarray | None, nuclei: np.ndarray, diameter: float, reach: float) -> np.ndarray:
    """Grow every nucleus (H, W) to its body, within `reach` diameters (px) of it and the channel's foreground.

    A watershed from the nuclei: downhill in the plane (H, W), and outwards, so that a body whose neighbour is brighter
    still has what lies about its own nucleus. Labels (H, W) int32, those of the nuclei, which lie within. Without a
    plane a body is all that lies near.
    """
    if plane is None or not nuclei.any():
        return segmentation.expand_labels(nuclei, reach * diameter)
    smooth = ndimage.gaussian_filter(plane, 1)
    away = ndimage.distance_transform_edt(nuclei == 0) / diameter
    root = np.sqrt(np.maximum(smooth, 0))  # or the thin margins of cells are lost beside their bright middle
    mask = ((away <= reach) & (root > filters.threshold_li(root))) | (nuclei > 0)
    landscape = away - smooth / max(np.percentile(smooth, 99), 1e-6)  # a diameter weighs as much as all the light
    return segmentation.watershed(landscape, nuclei, mask=mask)
