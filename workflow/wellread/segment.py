"""From fields to label masks of nuclei and cells that share their ids.

A segmenter is `f(sample, *, options) -> g`: it may look at some calibrated fields of the plate (to learn how large
nuclei are) and returns `g(field) -> (nuclei, cells)`, which runs in worker processes. Fields are dicts of channels.
"""

import logging
from functools import partial

import numpy as np
import tifffile
from scipy import ndimage
from skimage import feature, filters, measure, morphology, segmentation

from wellread.files import whole
from wellread.parallel import ordered
from wellread.plate import Plate, open_plate
from wellread.progress import progress
from wellread.registry import pick

log = logging.getLogger("wellread")
SEPARATION = 4  # of foreground and background, in deviations of the background
SAMPLE = 8  # fields of a plate a segmenter may look at beforehand


def segment(fields_path, calibration_path, masks_out, section: dict, threads: int = 1) -> None:
    """Segment the good fields of a plate into masks.tif: (F, C = nucleus and cell, Y, X) int32, bad fields all 0."""
    plate = open_plate(fields_path, calibration_path)
    spread = np.linspace(0, len(plate.good) - 1, min(len(plate.good), SAMPLE)).astype(int)
    sample = [_named(plate, plate.good[i]) for i in spread]
    method = pick(section, SEGMENTERS)(sample)
    work = partial(_masks, paths=(fields_path, calibration_path), method=method)
    pairs = progress(ordered(work, plate.fields.index, threads), "segment", len(plate.fields), "fields")
    pages = (page for pair in pairs for page in pair)
    layout = {"shape": (len(plate.fields), 2, *plate.shape), "dtype": np.int32, "metadata": {"axes": "FCYX"}}
    with whole(masks_out) as part:
        tifffile.imwrite(part, pages, bigtiff=True, compression="zlib", photometric="minisblack", **layout)


def _named(plate: Plate, field: int) -> dict[str, np.ndarray]:
    return dict(zip(plate.channels, plate.read(field), strict=True))


def _masks(field: int, paths: tuple[str, str], method) -> np.ndarray:
    plate = open_plate(*paths)
    if plate.fields.loc[field, "status"] != "ok":
        return np.zeros((2, *plate.shape), np.int32)
    nuclei, cells = method(_named(plate, field))
    return np.stack([nuclei, cells]).astype(np.int32)


def otsu_watershed(sample, *, nucleus: str = "DNA", cell: str = "", diameter: float = 0, reach: float = 1.5):
    """Nuclei by Otsu's threshold and a watershed of their shape; bodies by a watershed from them in channel `cell`.

    `diameter` (px) of a typical nucleus; 0 estimates it from the sample. Bodies end `reach` diameters from their
    nucleus at the latest; without a `cell` channel they are simply all that lies so near.
    """
    diameter = diameter or _typical_diameter([field[nucleus] for field in sample])
    log.info("otsu_watershed: nuclei of %.1f px", diameter)
    return partial(_otsu_watershed, nucleus=nucleus, cell=cell, diameter=diameter, reach=reach)


def _otsu_watershed(field: dict[str, np.ndarray], nucleus: str, cell: str, diameter: float, reach: float):
    nuclei = _nuclei(field[nucleus], diameter)
    return nuclei, _bodies(field.get(cell), nuclei, reach * diameter)


def _typical_diameter(planes: list[np.ndarray]) -> float:
    """Median equivalent diameter (px) of the Otsu objects of some fields, specks left out, large ones weighing more."""
    areas = np.concatenate([_areas(_foreground(plane, 1.0)) for plane in planes])
    if not len(areas):
        return 20.0  # nothing to see on this plate: any size will do
    areas = np.sort(areas)
    middle = np.searchsorted(np.cumsum(areas), areas.sum() / 2)
    return float(np.sqrt(4 / np.pi * areas[middle]))


def _areas(mask: np.ndarray) -> np.ndarray:
    areas = np.bincount(measure.label(mask).ravel())[1:]
    return areas[areas >= 20]


def _foreground(plane: np.ndarray, sigma: float) -> np.ndarray:
    """Otsu's foreground, holes filled; nothing where its two classes are no farther apart than halves of noise are.

    Noise cut in two at its middle has means 2.7 deviations of the lower half apart; nuclei stand out much farther.
    """
    smooth = filters.gaussian(plane, sigma)
    if smooth.max() == smooth.min():
        return np.zeros(plane.shape, bool)
    above = smooth > filters.threshold_otsu(smooth)
    if smooth[above].mean() - smooth[~above].mean() < SEPARATION * smooth[~above].std():
        return np.zeros(plane.shape, bool)
    return ndimage.binary_fill_holes(above)


def _nuclei(plane: np.ndarray, diameter: float) -> np.ndarray:
    mask = morphology.remove_small_objects(_foreground(plane, diameter / 16), max_size=int(0.15 * diameter**2))
    depth = filters.gaussian(ndimage.distance_transform_edt(mask), diameter / 12)
    peaks = feature.peak_local_max(
        depth, min_distance=max(int(diameter * 0.4), 1), labels=measure.label(mask), exclude_border=False
    )
    seeds = np.zeros(plane.shape, np.int32)
    seeds[tuple(peaks.T)] = np.arange(1, len(peaks) + 1)
    return segmentation.relabel_sequential(segmentation.watershed(-depth, seeds, mask=mask))[0]


def _bodies(plane: np.ndarray | None, nuclei: np.ndarray, reach: float) -> np.ndarray:
    """Grow every nucleus to its body, downhill in intensity, within `reach` px and the channel's foreground."""
    if plane is None:
        return segmentation.expand_labels(nuclei, reach)
    near = ndimage.distance_transform_edt(nuclei == 0) <= reach
    smooth = filters.gaussian(plane, 1)
    mask = (near & (smooth > filters.threshold_li(smooth))) | (nuclei > 0)
    return segmentation.watershed(-smooth, nuclei, mask=mask)


SEGMENTERS = {"otsu_watershed": otsu_watershed}
