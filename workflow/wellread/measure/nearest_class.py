"""Does the most similar treatment have the same mechanism? NSC and NSCB (Ljosa et al. 2013)."""

import numpy as np
import pandas as pd

from wellread.measure.tidy import labelled_profiles, multi_hot, proportion, row, shuffled_among, table
from wellread.profiles import similarity, tables
from wellread.runtime.errors import InputError
from wellread.runtime.registry import choice


@choice(
    "measure",
    columns=("label", "compound", "batch"),
    needs=("common class",),
    metrics={
        "nsc": "proportion of treatments whose most similar other compound has the same mechanism",
        "nscb": "the same, where that compound must also be of another batch",
    },
)
def nearest_class(frame, seed, *, label="moa", compound="treatment", batch="batch", permutations=100) -> pd.DataFrame:
    """The proportion of treatments that have a label in common with their nearest neighbour by cosine similarity.

    NSC (not same compound): the neighbour differs in the column `compound`; NSCB (not same compound or batch): also in
    `batch`, where the batches of a treatment are compared as one text. A treatment that cannot be right, as no
    admissible neighbour has its `label`, is left out and counted; if that leaves none, there is no nscb. Intervals take
    compounds for independent, not their doses. `*_chance` is
    the same for each of `permutations` of the labels among compounds, the doses of one together. Raises InputError if
    no two compounds have a label in common.
    """
    meta, X, rows = labelled_profiles(frame, label, controls=False)
    nsc = _not_same("nsc", meta, X, label, [compound], seed, permutations)
    nscb = _not_same("nscb", meta, X, label, [compound, batch], seed, permutations)
    if not nsc:
        edit = f"fill in the column {label} of the wells table, or remove the task"
        raise InputError(f"two compounds with a {label} in common", "none", "the profiles", edit)
    return table(rows + nsc + nscb)


def _not_same(name: str, meta, X, label: str, exclude, seed: int, permutations: int) -> list[dict]:
    classes, Y = multi_hot(tables.text_column(meta, label))  # (n, C)
    codes = similarity.exclusion_codes(meta, exclude)
    answerable = _has_match(Y, codes)
    if not answerable.any():
        return []
    meta, Y = meta[answerable], Y[answerable]
    neighbour = similarity.nearest_neighbours(X[answerable], codes[answerable], 1)[0][:, 0]
    correct = _have_common_class(Y, Y[neighbour])
    compound = exclude[0]
    rows = [row("left_out", (~answerable).sum(), len(answerable), f"{name}: nothing to match")]
    rows += proportion(name, correct, tables.row_names(meta, [compound]))
    for item, members in zip(classes, Y.T, strict=True):
        rows += [row(f"{name}_class", correct[members].mean(), members.sum(), item)] if members.any() else []
    for item, right in zip(tables.row_names(meta, [compound, "dose"]), correct, strict=True):
        rows.append(row(f"{name}_treatment", right, 1, item))
    units = tables.row_names(meta, [compound, label])
    for repeat in range(permutations):
        shuffled = shuffled_among(Y, units, np.random.default_rng([seed, repeat]))
        rows.append(row(f"{name}_chance", _have_common_class(shuffled, shuffled[neighbour]).mean(), len(Y), "", repeat))
    return rows


def _has_match(Y: np.ndarray, codes: np.ndarray) -> np.ndarray:
    """Which rows (n,) have an admissible neighbour with one of their classes Y (n, C)."""
    ones = Y.astype(np.float32)
    match = [(ones[rows] @ ones.T > 0) & allowed for rows, allowed in similarity.neighbour_masks(codes)]
    return np.concatenate([block.any(axis=1) for block in match])


def _have_common_class(Y: np.ndarray, Z: np.ndarray) -> np.ndarray:
    return (Y & Z).any(axis=1)
