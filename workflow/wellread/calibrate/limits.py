"""The limits of intensity of a plate: percentiles of counts, raw and corrected, by histograms."""

from functools import partial
from itertools import compress

import numpy as np

from wellread.calibrate import illumination as light
from wellread.calibrate.plate import flat_field
from wellread.inputs import images
from wellread.runtime.parallel import ordered
from wellread.runtime.progress import progress

LEVELS = 2**16  # of the histograms: exact percentiles for 8- and 16-bit counts


def summed_histograms(paths, wanted, plate: light.PlateShape, threads: int):
    """The sum of the histograms of counts (C, LEVELS) of some fields, which are read again; 0 of none."""
    counted = ordered(partial(_histograms_of_field, shape=plate.shape), list(compress(paths, wanted)), threads)
    return sum(counted, np.zeros((len(plate.channels), LEVELS), np.int64))


def _histograms_of_field(paths: list[str], shape: tuple[int, int]) -> np.ndarray:
    return histograms_of(images.read_stack(paths, shape))


def histograms_of(planes) -> np.ndarray:
    """How many pixels have every count (C, LEVELS), of planes (C, H, W) of whole numbers."""
    return np.stack([np.bincount(plane.ravel(), minlength=LEVELS) for plane in planes])


def intensity_limits(paths, used, histograms: np.ndarray, lighting, plate: light.PlateShape, threads: int, percentiles):
    """Percentiles (C, 2) of corrected counts over the fields `used`, whose raw `histograms` (C, LEVELS) are given.

    `lighting` is (illumination, dark). With a correction, counts are no whole numbers: the fields are read again, and
    there are LEVELS bins between the lowest and the highest possible.
    """
    surface, dark = lighting
    if surface[0].size == 1 and not dark.any():
        return np.stack([_percentile_bins(count, percentiles) for count in histograms])
    levels = np.arange(LEVELS)
    ends = np.array([levels[count > 0][[0, -1]] if count.any() else [0, 1] for count in histograms])
    span = (ends - dark[:, None]) / np.stack([surface.max((1, 2)), surface.min((1, 2))], axis=1)
    histogram = partial(_corrected_histograms, lighting=lighting, span=span, shape=plate.shape)
    results = ordered(histogram, list(compress(paths, used)), threads)
    total = sum(progress(results, "limits", int(np.sum(used)), "fields"), np.zeros_like(histograms))
    bins = np.stack([_percentile_bins(count, percentiles) for count in total])
    return span[:, :1] + bins * (span[:, 1:] - span[:, :1]) / (LEVELS - 1)


def _corrected_histograms(paths: list[str], lighting, span: np.ndarray, shape: tuple[int, int]) -> np.ndarray:
    """Histograms (C, LEVELS) of the corrected counts of a field, in bins from one to the other end of `span`."""
    planes = flat_field(images.read_stack(paths, shape), *lighting)
    scale = (LEVELS - 1) / np.maximum(span[:, 1] - span[:, 0], 1e-6)
    bins = [
        np.rint((plane - np.float32(low)) * np.float32(k))
        for plane, low, k in zip(planes, span[:, 0], scale, strict=True)
    ]
    return np.stack([np.bincount(np.clip(b, 0, LEVELS - 1).astype(np.intp).ravel(), minlength=LEVELS) for b in bins])


def _percentile_bins(count: np.ndarray, percentiles) -> np.ndarray:
    """First bins at which the given percentages of all counted pixels are reached: (2,) float."""
    cumulative = np.cumsum(count) / max(count.sum(), 1)
    return np.searchsorted(cumulative, np.array(percentiles) / 100).astype(float)
