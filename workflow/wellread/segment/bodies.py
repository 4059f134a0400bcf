"""The bodies of cells about their nuclei."""

import numpy as np
from scipy import ndimage
from skimage import filters, segmentation


def bodies(plane: np.ndarray | None, nuclei: np.ndarray, reach: float) -> np.ndarray:
    """Grow every nucleus (H, W) to its body: downhill in intensity, within `reach` px and the channel's foreground.

    Labels (H, W) int32, those of the nuclei, which lie within. Without a plane a body is all that lies near.
    """
    if plane is None or not nuclei.any():
        return segmentation.expand_labels(nuclei, reach)
    near = ndimage.distance_transform_edt(nuclei == 0) <= reach
    smooth = filters.gaussian(plane, 1)
    mask = (near & (smooth > filters.threshold_li(smooth))) | (nuclei > 0)
    return segmentation.watershed(-smooth, nuclei, mask=mask)
