"""How large nuclei are on a plate and in each of its fields, from the images alone."""

from dataclasses import dataclass
from functools import partial

import numpy as np
from scipy import ndimage

from wellread.runtime.parallel import ordered
from wellread.segment.nuclei import find_nuclei

SMALLEST, STEPS = 4.0, 14  # px, diameter of the smallest blobs; number of scales, half an octave apart
BLOB = 2 * np.sqrt(2)  # a disc responds most to the Laplacian of a Gaussian of sigma = its diameter / BLOB
MIN_ENERGY = 1 / 3  # of the strongest scale: the finest of such energy is taken, as tissue and vignetting are coarse
FALLBACK = 20.0  # px, diameter where no blobs are found
MAX_RATIO, NEAR = 2.0, 3  # of diameters in a field and on its plate; the scales searched to either side for it


@dataclass(frozen=True)
class NucleusSize:
    """Typical diameter (px) of the nuclei of a plate, and that of its blobs; 0: all fields are alike."""

    diameter: float
    blobs: float = 0.0

    @classmethod
    def estimated(cls, planes: list[np.ndarray], threads: int = 1) -> "NucleusSize":
        """Estimated from some fields (H, W) of the plate: the size of blobs, then of the nuclei found with it."""
        blobs = _blob_diameter(planes, threads=threads)
        return cls(_median_diameter(planes, blobs, threads) if blobs else FALLBACK, blobs)

    def in_field(self, plane: np.ndarray) -> float:
        """The diameter (px) in one field (H, W): the plate's, scaled by the ratio of their blobs."""
        middle = round(2 * np.log2(self.blobs / SMALLEST)) if self.blobs else 0
        near = range(max(middle - NEAR, 0), min(middle + NEAR, STEPS - 1) + 1)
        own = _blob_diameter([plane], near) if self.blobs else 0.0
        return self.diameter * float(np.clip(own / self.blobs, 1 / MAX_RATIO, MAX_RATIO)) if own else self.diameter


def typical_diameter(planes: list[np.ndarray]) -> float:
    """Diameter (px) of a typical nucleus of some fields (H, W) of a plate."""
    return NucleusSize.estimated(planes).diameter


def _median_diameter(planes: list[np.ndarray], guess: float, threads: int) -> float:
    """Median equivalent diameter (px) of the nuclei of some fields, large ones weighing more."""
    found = ordered(partial(find_nuclei, diameter=guess), planes, threads)
    areas = np.sort(np.concatenate([np.bincount(labels.ravel())[1:] for labels in found]))
    if not len(areas):
        return guess
    middle = np.searchsorted(np.cumsum(areas), areas.sum() / 2)
    return float(np.sqrt(4 / np.pi * areas[middle]))


def _blob_diameter(planes: list[np.ndarray], scales=range(STEPS), threads: int = 1) -> float:
    """Diameter (px) of the finest blobs with much energy in scale space (at the `scales`); 0 if there are none.

    The response to the Laplacian of a Gaussian is normalised by its scale (Lindeberg 1998) and cubed: few, strong blobs
    then count for more than texture and noise all over. Unlike a threshold it does not depend on uneven background.
    """
    if not planes:
        return 0.0
    energy = np.sum(list(ordered(partial(_scale_energies, scales=scales), planes, threads)), axis=0)
    rise = np.diff(energy[scales])
    peaks = np.flatnonzero((rise[:-1] > 0) & (rise[1:] <= 0)) + 1  # not the finest scale: that is noise and specks
    peaks += scales[0]
    if not len(peaks):
        return 0.0
    best = peaks[energy[peaks] >= MIN_ENERGY * energy[peaks].max()][0]
    if energy[best + 1] > 0:  # the vertex of a parabola
        before, here, after = np.log(energy[best - 1 : best + 2])
        best += (before - after) / (2 * (before - 2 * here + after))
    return SMALLEST * 2 ** (best / 2)


def _scale_energies(plane: np.ndarray, scales) -> np.ndarray:
    """Mean cubed response at every scale (STEPS,), coarse ones on shrunk copies; 0 at scales larger than the field."""
    energies, shrunk = np.zeros(STEPS), 1
    for step in scales:
        diameter = SMALLEST * 2 ** (step / 2)
        if diameter >= min(plane.shape) * shrunk:
            break
        while diameter / BLOB / shrunk >= 4:
            plane, shrunk = _half_resolution(plane), 2 * shrunk
        sigma = diameter / BLOB / shrunk
        response = np.maximum(-(sigma**2) * ndimage.gaussian_laplace(plane, sigma), 0)
        energies[step] = np.mean(response**3, dtype=float)
    return energies


def _half_resolution(plane: np.ndarray) -> np.ndarray:
    """Means over 2 x 2 px."""
    height, width = (side // 2 for side in plane.shape)
    return plane[: 2 * height, : 2 * width].reshape(height, 2, width, 2).mean((1, 3))
