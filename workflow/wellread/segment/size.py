"""How large nuclei are on a plate and in each of its fields, from the images alone."""

from dataclasses import dataclass
from functools import partial

import numpy as np
from scipy import ndimage

from wellread.runtime.parallel import ordered
from wellread.segment.nuclei import find_nuclei

SMALLEST, STEPS = 4.0, 14  # px of the finest blobs looked for; scales, half an octave apart
BLOB = 2 * np.sqrt(2)  # a disc answers most to the Laplacian of a Gaussian of its diameter / this
MARKED = 1 / 3  # of the energy of the strongest scale makes a finer one count: tissue and vignetting are coarse
ANY = 20.0  # px, where there is nothing to see
FOLD, NEAR = 2.0, 3  # times larger or smaller than on its plate nuclei of a field may be; in scales, and one more


@dataclass(frozen=True)
class Size:
    """Typical diameter (px) of the nuclei of a plate, and that of its blobs; 0: all fields are alike."""

    diameter: float
    blobs: float = 0.0

    @classmethod
    def estimated(cls, planes: list[np.ndarray], threads: int = 1) -> "Size":
        """From some fields (H, W) of the plate.

        A first guess is the size of the blobs that stand out most; the nuclei found with it give the answer.
        """
        blobs = _blobs(planes, threads=threads)
        return cls(_middle(planes, blobs, threads) if blobs else ANY, blobs)

    def of(self, plane: np.ndarray) -> float:
        """The diameter in one field: larger or smaller than the plate's as its blobs are."""
        middle = round(2 * np.log2(self.blobs / SMALLEST)) if self.blobs else 0
        near = range(max(middle - NEAR, 0), min(middle + NEAR, STEPS - 1) + 1)
        own = _blobs([plane], near) if self.blobs else 0.0
        return self.diameter * float(np.clip(own / self.blobs, 1 / FOLD, FOLD)) if own else self.diameter


def typical_diameter(planes: list[np.ndarray]) -> float:
    """Diameter (px) of a typical nucleus of some fields (H, W) of a plate."""
    return Size.estimated(planes).diameter


def _middle(planes: list[np.ndarray], guess: float, threads: int) -> float:
    """Median equivalent diameter (px) of the nuclei of some fields, large ones weighing more."""
    found = ordered(partial(find_nuclei, diameter=guess), planes, threads)
    areas = np.sort(np.concatenate([np.bincount(labels.ravel())[1:] for labels in found]))
    if not len(areas):
        return guess
    middle = np.searchsorted(np.cumsum(areas), areas.sum() / 2)
    return float(np.sqrt(4 / np.pi * areas[middle]))


def _blobs(planes: list[np.ndarray], scales=range(STEPS), threads: int = 1) -> float:
    """Diameter of the finest blobs with much energy in scale space (between the `scales`); 0 if there are none.

    The answer to the Laplacian of a Gaussian is normalised by its scale (Lindeberg 1998) and cubed: few, marked blobs
    then count for more than texture and noise all over. Unlike a threshold it is blind to uneven background.
    """
    if not planes:
        return 0.0
    energy = np.sum(list(ordered(partial(_energies, scales=scales), planes, threads)), axis=0)
    rise = np.diff(energy[scales])
    peaks = np.flatnonzero((rise[:-1] > 0) & (rise[1:] <= 0)) + 1  # not the finest scale: that is noise and specks
    peaks += scales[0]
    if not len(peaks):
        return 0.0
    best = peaks[energy[peaks] >= MARKED * energy[peaks].max()][0]
    if energy[best + 1] > 0:  # the vertex of a parabola
        before, here, after = np.log(energy[best - 1 : best + 2])
        best += (before - after) / (2 * (before - 2 * here + after))
    return SMALLEST * 2 ** (best / 2)


def _energies(plane: np.ndarray, scales) -> np.ndarray:
    """Mean cubed answer at every scale, coarse ones on shrunken copies; 0 at scales too large for the field."""
    energies, shrunk = np.zeros(STEPS), 1
    for step in scales:
        diameter = SMALLEST * 2 ** (step / 2)
        if diameter >= min(plane.shape) * shrunk:
            break
        while diameter / BLOB / shrunk >= 4:
            plane, shrunk = _halved(plane), 2 * shrunk
        sigma = diameter / BLOB / shrunk
        answer = np.maximum(-(sigma**2) * ndimage.gaussian_laplace(plane, sigma), 0)
        energies[step] = np.mean(answer**3, dtype=float)
    return energies


def _halved(plane: np.ndarray) -> np.ndarray:
    height, width = (side // 2 for side in plane.shape)
    return plane[: 2 * height, : 2 * width].reshape(height, 2, width, 2).mean((1, 3))
