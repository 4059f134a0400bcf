"""From probabilities of border and object to labels, for nuclei and cells of HPA-Cell-Segmentation.

After hpacellseg/utils.py of HPA-Cell-Segmentation 0.1.8 (Human Protein Atlas; Apache License 2.0), which was tuned at
0.08 micrometres per pixel: sizes below are in pixels of that size, and grow with the resolution of a field, but in
`as_published`, which is meant to repeat that program.
"""

import numpy as np
from scipy import ndimage
from skimage import filters, measure, morphology, segmentation

BORDER, EDGE = 0.05, 0.95  # probabilities above which a pixel is border, and from which no seed may lie on it
SEED, NUCLEUS, CELL = 0.15, 0.4, 0.22  # thresholds of the probability of objects
MIN_AREA = {"seed": 500, "hole": 1000, "speck": 8, "nucleus": 2500, "cell": 5500}  # smallest areas, px²
GAP = 6  # px, radius of the closing of cells


def label_cells(nuclei: np.ndarray, cells: np.ndarray, zoom: float) -> tuple[np.ndarray, np.ndarray]:
    """Labels (H, W) int32 of nuclei and cells, each cell i holding nucleus i, from (2, H, W) border and object of both.

    `zoom`: pixels of the field per pixel of 0.08 micrometres. Every nucleus grows to a cell; those whose cell stays
    too small are dropped. Borders are not taken out of cells before they grow: the published program means to, but
    does not, and its thresholds were chosen so.
    """
    min_area = {name: area * zoom**2 for name, area in MIN_AREA.items()}
    core = _nuclei(nuclei[1], nuclei[0] + cells[0], min_area, line=False)
    floor = max(CELL, filters.threshold_otsu(cells[1]) / 2)
    height = -cells[1]
    body = segmentation.watershed(height, core, mask=(cells[1] > floor) | (core > 0))
    body = _solid(_without_small(body, min_area["cell"]), round(GAP * zoom))
    body = _solid(segmentation.watershed(height, body, mask=(cells[0] > BORDER) | (body > 0)), 0)
    body, new, _ = segmentation.relabel_sequential(body)
    core[body == 0] = 0
    return new[core].astype(np.int32), body.astype(np.int32)


def _nuclei(inside: np.ndarray, border: np.ndarray, min_area: dict, line: bool) -> np.ndarray:
    """Labels (H, W) of nuclei from their probability and that of any border, grown from seeds away from borders."""
    seeds = _without_small((inside > SEED) & (border < EDGE), min_area["seed"])
    mask = morphology.remove_small_holes(inside > NUCLEUS, max_size=_below(min_area["hole"]))
    mask = _without_small(mask, min_area["speck"])
    labels = segmentation.watershed(mask.astype(np.uint8), ndimage.label(seeds)[0], mask=mask, watershed_line=line)
    return _without_small(labels, min_area["nucleus"])


def _solid(labels: np.ndarray, gap: int) -> np.ndarray:
    """Labels (H, W), every object closed over `gap` px and its holes filled, where no other object is."""
    disk, padded = morphology.disk(gap), np.pad(labels, gap)
    for label, box in enumerate(ndimage.find_objects(padded), start=1):
        if box is None:
            continue
        part = padded[tuple(slice(max(side.start - gap, 0), side.stop + gap) for side in box)]
        own = ndimage.binary_closing(np.pad(part == label, gap), disk)
        own = ndimage.binary_fill_holes(own)[gap : gap + part.shape[0], gap : gap + part.shape[1]]
        part[own & (part == 0)] = label
    return padded[gap : gap + labels.shape[0], gap : gap + labels.shape[1]]


def _without_small(labels: np.ndarray, min_area: float) -> np.ndarray:
    """Without objects of less than `min_area` px²."""
    return morphology.remove_small_objects(labels, max_size=_below(min_area))


def _below(min_area: float) -> int:
    """The largest whole number below."""
    return int(np.ceil(min_area)) - 1


# As published, errors included


def as_published(nuclei: np.ndarray, cells: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The same from (2, H, W) uint8 (255: certain), as HPA-Cell-Segmentation 0.1.8 has it, whatever the pixel size.

    Its errors: borders of both networks are added in 8 bits; cells are counted in 8 bits, so that the 256th is lost and
    later ones take labels again; cells that touch lose a line of pixels twice; a cell may have no nucleus, or
    several under one label.
    """
    both = (nuclei[0] + cells[0]) / 255  # wraps
    core = measure.label(_nuclei(nuclei[1] / 255, both, MIN_AREA, line=True))
    floor = max(CELL, filters.threshold_otsu(cells[1] / 255) / 2)
    height = -cells[1].astype(float)
    body = segmentation.watershed(height, core, mask=cells[1] / 255 > floor)
    body = _without_small(body, MIN_AREA["cell"]).astype(np.uint8)  # wraps
    body = _apart(morphology.closing(body, morphology.disk(GAP)))
    body = _apart(segmentation.watershed(height, body, mask=(body > 0) | (cells[0] / 255 > BORDER)))
    body = measure.label(_without_small(measure.label(body > 0), MIN_AREA["cell"]))
    core = _without_small(measure.label((core > 0) & (body > 0)), MIN_AREA["nucleus"])
    return np.where(core > 0, body, 0).astype(np.int32), body.astype(np.int32)


def _apart(labels: np.ndarray) -> np.ndarray:
    """New labels of what is left without the boundaries between labels, holes filled."""
    inside = np.where(segmentation.find_boundaries(labels), 0, labels) > 0
    return ndimage.label(ndimage.binary_fill_holes(inside))[0]
