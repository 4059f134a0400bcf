"""From probabilities of border and object to labels, for nuclei and cells of HPA-Cell-Segmentation.

After hpacellseg/utils.py of HPA-Cell-Segmentation 0.1.8 (Human Protein Atlas; Apache License 2.0), which was tuned at
0.08 micrometres per pixel: sizes below are in pixels of that size, and grow with the resolution of a field, but in
`as_published`, which is meant to repeat that programme.
"""

import numpy as np
from scipy import ndimage
from skimage import filters, measure, morphology, segmentation

BORDER, EDGE = 0.05, 0.95  # probabilities of a border that is one, and of one that no nucleus begins on
SEED, NUCLEUS, CELL = 0.15, 0.4, 0.22  # probabilities of objects
LEAST = {"seed": 500, "hole": 1000, "speck": 8, "nucleus": 2500, "cell": 5500}  # px²
GAP = 6  # px


def labelled(nuclei: np.ndarray, cells: np.ndarray, zoom: float) -> tuple[np.ndarray, np.ndarray]:
    """Labels (H, W) int32 of nuclei and cells, each cell i holding nucleus i, from (2, H, W) border and object of both.

    `zoom`: pixels of the field per pixel of 0.08 micrometres. Every nucleus grows to a cell; those whose cell stays
    too small are dropped. Borders are not taken out of cells before they grow: the published programme means to, but
    does not, and its thresholds were chosen so.
    """
    least = {name: area * zoom**2 for name, area in LEAST.items()}
    core = _nuclei(nuclei[1], nuclei[0] + cells[0], least, line=False)
    floor = max(CELL, filters.threshold_otsu(cells[1]) / 2)
    height = -cells[1]
    body = segmentation.watershed(height, core, mask=(cells[1] > floor) | (core > 0))
    body = _solid(_without_small(body, least["cell"]), round(GAP * zoom))
    body = _solid(segmentation.watershed(height, body, mask=(cells[0] > BORDER) | (body > 0)), 0)
    body, new, _ = segmentation.relabel_sequential(body)
    core[body == 0] = 0
    return new[core].astype(np.int32), body.astype(np.int32)


def _nuclei(inside: np.ndarray, border: np.ndarray, least: dict, line: bool) -> np.ndarray:
    """Labels of nuclei from their probability and that of any border, grown from what lies apart of borders."""
    seeds = _without_small((inside > SEED) & (border < EDGE), least["seed"])
    mask = morphology.remove_small_holes(inside > NUCLEUS, max_size=_below(least["hole"]))
    mask = _without_small(mask, least["speck"])
    labels = segmentation.watershed(mask.astype(np.uint8), ndimage.label(seeds)[0], mask=mask, watershed_line=line)
    return _without_small(labels, least["nucleus"])


def _solid(labels: np.ndarray, gap: int) -> np.ndarray:
    """Every object closed over `gap` px and without holes, as far as nothing else is there."""
    disk, padded = morphology.disk(gap), np.pad(labels, gap)
    for label, box in enumerate(ndimage.find_objects(padded), start=1):
        if box is None:
            continue
        part = padded[tuple(slice(max(side.start - gap, 0), side.stop + gap) for side in box)]
        own = ndimage.binary_closing(np.pad(part == label, gap), disk)
        own = ndimage.binary_fill_holes(own)[gap : gap + part.shape[0], gap : gap + part.shape[1]]
        part[own & (part == 0)] = label
    return padded[gap : gap + labels.shape[0], gap : gap + labels.shape[1]]


def _without_small(labels: np.ndarray, least: float) -> np.ndarray:
    return morphology.remove_small_objects(labels, max_size=_below(least))


def _below(least: float) -> int:
    """The largest whole number below."""
    return int(np.ceil(least)) - 1


# As published, slips and all


def as_published(nuclei: np.ndarray, cells: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The same from (2, H, W) uint8 (255: certain), as HPA-Cell-Segmentation 0.1.8 has it, whatever the pixel size.

    Its slips: borders of both networks are added in 8 bits; cells are counted in 8 bits, so that the 256th is lost and
    later ones take labels again; cells that touch lose a line of their pixels twice; a cell may have no nucleus, or
    several under one label.
    """
    both = (nuclei[0] + cells[0]) / 255  # wraps
    core = measure.label(_nuclei(nuclei[1] / 255, both, LEAST, line=True))
    floor = max(CELL, filters.threshold_otsu(cells[1] / 255) / 2)
    height = -cells[1].astype(float)
    body = segmentation.watershed(height, core, mask=cells[1] / 255 > floor)
    body = _without_small(body, LEAST["cell"]).astype(np.uint8)  # wraps
    body = _apart(morphology.closing(body, morphology.disk(GAP)))
    body = _apart(segmentation.watershed(height, body, mask=(body > 0) | (cells[0] / 255 > BORDER)))
    body = measure.label(_without_small(measure.label(body > 0), LEAST["cell"]))
    core = _without_small(measure.label((core > 0) & (body > 0)), LEAST["nucleus"])
    return np.where(core > 0, body, 0).astype(np.int32), body.astype(np.int32)


def _apart(labels: np.ndarray) -> np.ndarray:
    """Labels of what is left between lines, holes filled."""
    inside = np.where(segmentation.find_boundaries(labels), 0, labels) > 0
    return ndimage.label(ndimage.binary_fill_holes(inside))[0]
