"""Masks made elsewhere: CellProfiler, QuPath, a person, an earlier run."""

from functools import partial

import numpy as np
from skimage.segmentation import expand_labels

from wellread.inputs import label_images
from wellread.runtime.errors import InputError
from wellread.runtime.registry import choice
from wellread.segment.pairing import pair_labels


@choice("segment", patterns=("nucleus", "cell"))
def precomputed(scene, *, nucleus: str = "", cell: str = "", kind: str = "labels", reach: float = 0.0):
    """Label images of nuclei, of cells, or of both, which are then paired (see `pair_labels`).

    `nucleus` and `cell` are patterns of paths (see `references.path_of`). With nuclei alone, they are expanded to
    cells by `reach` (px, or micrometres where the pixel size is known); with cells alone, no cell has a nucleus.
    `kind`: labels, binary (connected components) or outlines. InputError without any pattern, or for a file that does
    not fit.
    """
    if not (nucleus or cell):
        edit = "give `nucleus`, `cell`, or both"
        raise InputError("the path pattern of label images", "none", "segment.precomputed", edit)
    return partial(_precomputed, nucleus=nucleus, cell=cell, kind=kind, reach_px=scene.reach(reach))


def _precomputed(field: dict, metadata: dict, nucleus: str, cell: str, kind: str, reach_px: float):
    shape = next(iter(field.values())).shape
    cells = label_images.read(cell, metadata, shape, kind, plane=1) if cell else None
    if not nucleus:
        return np.zeros_like(cells), cells
    nuclei = label_images.read(nucleus, metadata, shape, kind)
    return pair_labels(nuclei, cells) if cell else (nuclei, expand_labels(nuclei, reach_px))
