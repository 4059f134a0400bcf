"""How large nuclei are on a plate and in each of its fields, from the images alone."""

from dataclasses import dataclass
from functools import partial

import numpy as np
from scipy import ndimage

from wellread.runtime.parallel import ordered
from wellread.segment.nuclei import find_objects

SMALLEST, STEPS = 4.0, 14  # px, diameter of the smallest blobs; number of scales, half an octave apart
BLOB = 2 * np.sqrt(2)  # a disc responds most to the Laplacian of a Gaussian of sigma = its diameter / BLOB
MIN_ENERGY = 1 / 3  # of the strongest scale: the finest of such energy is taken, as tissue and vignetting are coarse
FALLBACK = 20.0  # px, diameter where no blobs are found
OTHER, MAX_RATIO = 1.1, 2.0  # of diameters in a field and on its plate: less is no other size; and what is allowed
MULTIPLE = 1.5  # times the nuclei, in what is found with the size of a field, from which on it is not taken


@dataclass(frozen=True)
class NucleusSize:
    """Typical diameter (px) of the nuclei of a plate; `given`: by the user, for every field of it."""

    diameter: float
    given: bool = False

    @classmethod
    def of(cls, scene, channel: str, diameter: float, option: str) -> "NucleusSize":
        """Of `diameter` micrometres, that the user gave as `option`; 0: estimated from the sample of a `Scene`."""
        if pixels := scene.pixels(diameter, option):
            return cls(pixels, given=True)
        return cls.estimated([field[channel] for field in scene.sample], scene.threads)

    @classmethod
    def estimated(cls, planes: list[np.ndarray], threads: int = 1) -> "NucleusSize":
        """Estimated from some fields (H, W) of the plate: the size of blobs, then of the nuclei found with it."""
        blobs = _blob_diameter(planes, threads)
        return cls(_median_diameter(planes, blobs, threads) if blobs else FALLBACK)

    def find(self, plane: np.ndarray, objects=find_objects) -> tuple[np.ndarray, dict[int, str], float]:
        """Labels and reasons of `objects` in one field (H, W), and the diameter (px) that they were found with.

        That is the plate's, unless the nuclei it finds are OTHER times larger or smaller and looking for those does not
        multiply their number, as it does where texture is taken for nuclei.
        """
        found = objects(plane, self.diameter)
        own = _median_area_diameter(_areas(*found))
        if self.given or not own or 1 / OTHER < own / self.diameter < OTHER:
            return *found, self.diameter
        own = self.diameter * float(np.clip(own / self.diameter, 1 / MAX_RATIO, MAX_RATIO))
        again = objects(plane, own)
        more = 0 < len(_areas(*again)) <= MULTIPLE * len(_areas(*found))
        return (*again, own) if more else (*found, self.diameter)


def typical_diameter(planes: list[np.ndarray]) -> float:
    """Diameter (px) of a typical nucleus of some fields (H, W) of a plate."""
    return NucleusSize.estimated(planes).diameter


def _median_diameter(planes: list[np.ndarray], guess: float, threads: int) -> float:
    """Median equivalent diameter (px) of the nuclei of some fields, large ones weighing more; else the guess."""
    found = ordered(partial(find_objects, diameter=guess), planes, threads)
    return _median_area_diameter(np.concatenate([_areas(*one) for one in found])) or guess


def _areas(labels: np.ndarray, reasons: dict[int, str]) -> np.ndarray:
    """Areas (px) of the labels (H, W) that are nuclei."""
    return np.delete(np.bincount(labels.ravel()), [0, *reasons])


def _median_area_diameter(areas: np.ndarray) -> float:
    """Diameter of a disc of the area that nuclei of at least half of all area have; 0 of none."""
    areas = np.sort(areas)
    middle = areas[np.searchsorted(np.cumsum(areas), areas.sum() / 2)] if len(areas) else 0
    return float(np.sqrt(4 / np.pi * middle))


def _blob_diameter(planes: list[np.ndarray], threads: int = 1) -> float:
    """Diameter (px) of the finest blobs with much energy in scale space; 0 if there are none.

    The response to the Laplacian of a Gaussian is normalised by its scale (Lindeberg 1998) and cubed: few, strong blobs
    then count for more than texture and noise all over. Unlike a threshold it does not depend on uneven background.
    """
    if not planes:
        return 0.0
    energy = np.sum(list(ordered(_scale_energies, planes, threads)), axis=0)
    rise = np.diff(energy)
    peaks = np.flatnonzero((rise[:-1] > 0) & (rise[1:] <= 0)) + 1  # not the finest scale: that is noise and specks
    if not len(peaks):
        return 0.0
    best = peaks[energy[peaks] >= MIN_ENERGY * energy[peaks].max()][0]
    if energy[best + 1] > 0:  # the vertex of a parabola
        before, here, after = np.log(energy[best - 1 : best + 2])
        best += (before - after) / (2 * (before - 2 * here + after))
    return SMALLEST * 2 ** (best / 2)


def _scale_energies(plane: np.ndarray) -> np.ndarray:
    """Mean cubed response at every scale (STEPS,), coarse ones on shrunk copies; 0 at scales larger than the field."""
    energies, shrunk = np.zeros(STEPS), 1
    for step in range(STEPS):
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
