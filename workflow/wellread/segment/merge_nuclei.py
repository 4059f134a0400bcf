"""One object of several nuclei in one body, as CellProfiler's SplitOrMergeObjects makes it."""

import numpy as np
from scipy import ndimage, sparse
from skimage import segmentation

from wellread.segment.merge_pieces import borders


def merge_nuclei(nuclei: np.ndarray, plane: np.ndarray | None, distance: float, intensity: float) -> np.ndarray:
    """Labels (H, W) int32, from 1 on without gaps, of `nuclei` (H, W), those in one body having one label.

    Nuclei are merged that lie at most `distance` (px) apart and, if there is a `plane` (H, W) of bodies, between whose
    centroids it is nowhere darker than `intensity` times the darker of both: methods Distance and Centroids of
    SplitOrMergeObjects (Carpenter et al. 2006). What is merged with the same nucleus is one. Pixels are not changed.
    """
    pairs, *_ = borders(segmentation.expand_labels(nuclei, distance / 2), nuclei)
    if plane is not None and len(pairs):
        smooth, labels = ndimage.gaussian_filter(plane, 1), np.unique(pairs)
        centres = dict(zip(labels, ndimage.center_of_mass(nuclei > 0, nuclei, labels), strict=True))
        pairs = pairs[[_lowest(smooth, centres[a], centres[b]) >= intensity for a, b in pairs]]
    size = int(nuclei.max(initial=0)) + 1
    graph = sparse.coo_array((np.ones(len(pairs)), pairs.reshape(-1, 2).T), (size, size))
    _, together = sparse.csgraph.connected_components(graph, directed=False)
    return segmentation.relabel_sequential(np.where(nuclei > 0, together[nuclei] + 1, 0))[0].astype(np.int32)


def _lowest(plane: np.ndarray, start, end) -> float:
    """The least value of a plane on a line between two points, in that of the darker end; 1 where that is 0."""
    steps = int(np.hypot(*np.subtract(start, end))) + 2
    line = ndimage.map_coordinates(plane, np.linspace(start, end, steps).T, order=1)
    darker = min(line[0], line[-1])
    return float(line.min() / darker) if darker > 0 else 1.0
