"""Classical features as a baseline: what CellProfiler measures of a cell, by the package cp_measure."""

import warnings
from functools import partial
from importlib import import_module

import numpy as np
import torch

from wellread.crops.outlines import CELL, NUCLEUS
from wellread.runtime.errors import InputError
from wellread.runtime.parallel import ordered
from wellread.runtime.registry import choice

OBJECTS = ("nucleus", "cell")
SLOW = ("texture", "granularity", "correlation_costes")  # more than the time of all others together


@choice("encoder", baseline=True, masks=True, outlines=True)
def cp_measure(dataset_channels, readout, /, *, slow=False):
    """Shapes, intensities, their radial distribution and correlations of nucleus and cell (Muñoz et al. 2025).

    `slow`: also textures, granularity and Costes' correlation. Intensities are counts between the limits of the plate,
    0 to 1. What is undefined, and the features of a nucleus that is not there, are 0. Features have units of their own:
    correct profiles by `standardize` before they are compared by cosine. Raises InputError without the package.
    """
    readout.check_plain("classical features are what they are")
    try:
        package = import_module("cp_measure.featurizer")
    except ImportError:
        edit = "run with --sdm conda, which makes envs/classical.yaml, or leave the model out"
        raise InputError("the package cp_measure", "not installed", "encoder: cp_measure", edit) from None
    config = package.make_featurizer_config(
        list(dataset_channels),
        objects=list(OBJECTS),
        correlation_costes_params={"scale_max": 255},
        **dict.fromkeys(SLOW, slow),
    )
    return Classical(config, len(dataset_channels), readout.threads)


class Classical:
    """Crops (B, C, S, S) uint8 and their outlines (B, S, S) to features (B, width), a cell at a time on `threads`."""

    def __init__(self, config, channels, threads):
        self.measure, self.threads = partial(features, config=config), threads
        outline = np.zeros((16, 16), np.uint8)
        outline[4:12, 4:12] = NUCLEUS
        self.width = len(self.measure((np.random.default_rng(0).integers(0, 255, (channels, 16, 16)), outline)))

    def __call__(self, crops, outlines):
        cells = zip(crops.cpu().numpy(), outlines, strict=True)
        return torch.from_numpy(np.stack(list(ordered(self.measure, cells, self.threads))))


def features(cell, config):
    """The features (width,) of a crop (C, S, S) and its outline (S, S): those of the nucleus, then of the cell."""
    crop, outline = cell
    masks = np.stack([outline == NUCLEUS, np.isin(outline, (CELL, NUCLEUS))]).astype(np.int32)
    with warnings.catch_warnings(action="ignore"):  # of every feature that is undefined
        values, names, rows = import_module("cp_measure.featurizer").featurize(crop[None] / 255, masks[None], config)
    found = {of: row for (_, of, _), row in zip(rows, values, strict=True)}
    every = np.concatenate([found.get(of, np.zeros(len(names))) for of in OBJECTS])
    return np.nan_to_num(every, nan=0, posinf=0, neginf=0).astype(np.float32)
