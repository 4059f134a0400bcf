"""Does the most similar treatment act by the same mechanism? NSC and NSCB (Ljosa et al. 2013)."""

import numpy as np
import pandas as pd

from wellread.measure.tidy import one_hot, row, share, subjects, table
from wellread.profiles import similarity, tables
from wellread.runtime.errors import InputError
from wellread.runtime.registry import choice


@choice("measure", columns=("label", "compound", "batch"))
def nearest_class(frame, seed, *, label="moa", compound="treatment", batch="batch", permutations=100) -> pd.DataFrame:
    """The share of treatments whose nearest neighbour by cosine has a label in common with them.

    For `nsc` the neighbour is another compound; for `nscb` also of another batch, the batches of a treatment
    compared as one text. A treatment that could not be right, as no admissible neighbour has its label, is
    left out and counted; if that leaves none, there is no nscb. `*_chance` permutes labels among compounds,
    the doses of one together.
    """
    meta, X, rows = subjects(frame, label, controls=False)
    nsc = _score("nsc", meta, X, label, [compound], seed, permutations)
    nscb = _score("nscb", meta, X, label, [compound, batch], seed, permutations)
    if not nsc:
        edit = f"fill in the column {label} of the wells table, or remove the task"
        raise InputError(f"two compounds with a {label} in common", "none", "the profiles", edit)
    return table(rows + nsc + nscb)


def _score(name: str, meta, X, label: str, exclude, seed: int, permutations: int) -> list[dict]:
    classes, Y = one_hot(tables.text_column(meta, label))  # (n, C)
    codes = similarity.exclusion_codes(meta, exclude)
    possible = _has_partner(Y, codes)
    if not possible.any():
        return []
    meta, Y = meta[possible], Y[possible]
    nearest = similarity.nearest_neighbours(X[possible], codes[possible], 1)[0][:, 0]
    correct = _agree(Y, Y[nearest])
    compound = exclude[0]
    rows = [row("left_out", (~possible).sum(), len(possible), f"{name}: nothing to match")]
    rows += share(name, correct)
    for item, own in zip(classes, Y.T, strict=True):
        rows += [row(f"{name}_class", correct[own].mean(), own.sum(), item)] if own.any() else []
    for item, right in zip(tables.row_names(meta, [compound, "dose"]), correct, strict=True):
        rows.append(row(f"{name}_treatment", right, 1, item))
    units = tables.row_names(meta, [compound, label])
    for repeat in range(permutations):
        shuffled = _shuffled(Y, units, np.random.default_rng([seed, repeat]))
        rows.append(row(f"{name}_chance", _agree(shuffled, shuffled[nearest]).mean(), len(Y), "", repeat))
    return rows


def _has_partner(Y: np.ndarray, codes: np.ndarray) -> np.ndarray:
    """Which rows (n,) may have a neighbour with one of their own classes."""
    ones = Y.astype(np.float32)
    partner = [(ones[rows] @ ones.T > 0) & allowed for rows, allowed in similarity.neighbour_masks(codes)]
    return np.concatenate([block.any(axis=1) for block in partner])


def _agree(Y: np.ndarray, Z: np.ndarray) -> np.ndarray:
    return (Y & Z).any(axis=1)


def _shuffled(Y: np.ndarray, units: np.ndarray, rng) -> np.ndarray:
    """Y with the labels of whole units exchanged."""
    _, first, unit = np.unique(units, return_index=True, return_inverse=True)
    return Y[rng.permutation(first)[unit]]
