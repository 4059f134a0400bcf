"""Baselines that look at no pixel: the number of cells alone, and profiles that belong to other wells.

An encoder of this kind gives every cell an embedding of no dimensions. It is a function of the fields of a plate (their
table and pooled embeddings), a statistic and a seed; it returns the table and the profiles of fields, then of wells.
"""

from functools import partial
from zlib import crc32

import numpy as np
import pandas as pd

from wellread.profiles.pool import KEYS, pool
from wellread.runtime.registry import choice

OCTAVES = 4  # a sixteenth of the plate's median number of cells to sixteen times as many


def embedded(plate: pd.DataFrame, X: np.ndarray, statistic, seed: int):
    """What is no baseline: the profiles of fields are `X` (F, D), those of wells are pooled from their fields."""
    keys, _, wells = pool(plate[["plate", "well"]], X, statistic)
    return (plate, X), (keys.assign(cells=cells_per_well(plate)["cells"]), wells)


@choice("encoder", baseline=True, blind=True)
def cell_count(plate: pd.DataFrame, X: np.ndarray, statistic, seed: int):
    """The number of cells of a field or well as a point on half a circle: (cos a, sin a).

    a is log2 of the number over the plate's median, from -4 to 4, times pi / 8. Measures compare directions, and a
    number by itself has none but its sign. On the circle the cosine of two wells falls with the ratio of their numbers;
    once a correction has moved the controls to the origin, the chord from them to a point still shows it (by a / 2).
    """
    wells = cells_per_well(plate)
    return (plate, _on_circle(plate["cells"])), (wells, _on_circle(wells["cells"]))


@choice("encoder", baseline=True, blind=True)
def shuffled(plate: pd.DataFrame, X: np.ndarray, statistic, seed: int, *, of):
    """The profiles of the model `of`, whose embeddings these are, under the names of other wells of the plate.

    So labels mean nothing, while plates and the similarity of wells stay as they are. All fields of a well move
    together; every well gets those of one other, or its own, at random.
    """
    wells = np.unique(plate["well"])
    rng = np.random.default_rng([seed, *(crc32(str(name).encode()) for name in plate["plate"].unique())])
    moved = plate.assign(well=plate["well"].map(dict(zip(wells, rng.permutation(wells), strict=True))))
    order = moved.sort_values(KEYS, kind="stable").index
    return embedded(moved.loc[order].reset_index(drop=True), X[order], statistic, seed)


def blind(encoder: dict):
    """The function of a section {name: options}, with its options bound."""
    ((name, options),) = encoder.items()
    return partial({"cell_count": cell_count, "shuffled": shuffled}[name], **options)


def cells_per_well(fields: pd.DataFrame) -> pd.DataFrame:
    """The number of `cells` of every `plate` and `well` of a table of fields, sorted."""
    return fields.groupby(["plate", "well"], as_index=False)["cells"].sum()


def _on_circle(cells: pd.Series) -> np.ndarray:
    octaves = np.log2(cells.to_numpy(float) / np.median(cells)) if len(cells) else np.empty(0)
    angle = np.clip(octaves, -OCTAVES, OCTAVES) * np.pi / (2 * OCTAVES)
    return np.stack([np.cos(angle), np.sin(angle)], axis=1)
