"""Does the most similar treatment have the same mechanism? NSC and NSCB (Ljosa et al. 2013)."""

import numpy as np
import pandas as pd

from wellread.measure.tidy import (
    labelled_profiles,
    multi_hot,
    one_class,
    one_value,
    proportion,
    row,
    shuffled_among,
    table,
    undecidable,
)
from wellread.profiles import similarity, tables
from wellread.runtime.counted import counted
from wellread.runtime.registry import choice


@choice(
    "measure",
    columns=("label", "compound", "batch", "diffby", "sameby", "split", "folds"),
    needs=("common class",),
    metrics={
        "nsc": "proportion of treatments whose most similar other compound has the same mechanism",
        "nscb": "the same, where that compound must also be of another batch",
    },
    items={"nsc": "nsc_treatment", "nscb": "nscb_treatment"},
)
def nearest_class(
    frame,
    seed,
    *,
    label="moa",
    compound="treatment",
    batch="batch",
    diffby=(),
    sameby=(),
    split="",
    folds=None,
    permutations=100,
) -> pd.DataFrame:
    """The proportion of treatments that have a label in common with their nearest neighbour by cosine similarity.

    NSC (not same compound): the neighbour differs in the column `compound`; NSCB (not same compound or batch): also in
    `batch`, where the batches of a treatment are compared as one text. In both it differs in every column of `diffby`
    and agrees in every one of `sameby`. With the column `split` treatments of its value test are asked, and those of
    train are their neighbours; with `folds`, {by, n}, a neighbour is of another of n folds.

    A treatment that cannot be right, as no admissible neighbour has its `label`, is left out and counted; if that
    leaves none, nsc or nscb is undecidable. `*_chance` is the same for each of `permutations` of the labels among
    compounds, the doses of one together, which intervals take together, too.
    """
    meta, X, rows = labelled_profiles(frame, label, False, split)
    for name, columns in (("nsc", [compound]), ("nscb", [compound, batch])):
        rules = {"diffby": [*columns, *diffby], "sameby": sameby, "split": split, "folds": folds}
        rows += _not_same(name, meta, X, label, rules, seed, permutations)
    return table(rows)


def _not_same(name: str, meta, X, label: str, rules: dict, seed: int, permutations: int) -> list[dict]:
    classes, Y = multi_hot(tables.text_column(meta, label))  # (n, C)
    columns = rules["diffby"]
    if reason := one_class(classes, label, len(meta)) or one_value(meta, columns):
        return [undecidable(name, reason, len(meta))]
    codes, agreement = similarity.pair_codes(meta, **rules, seed=seed)
    asked = similarity.asked(meta, rules["split"])
    answerable = _has_match(Y, codes, agreement)
    if not answerable.any():
        reason = f"no two of {counted(len(meta), 'profile')} with a {label} in common differ in {' and '.join(columns)}"
        return [undecidable(name, reason, len(meta))]
    rows = [row("left_out", (asked & ~answerable).sum(), asked.sum(), f"{name}: nothing to match")]
    kept = answerable | ~asked
    agreement = tuple(code[kept] for code in agreement)
    neighbour = similarity.nearest_neighbours(X[kept], codes[kept], 1, agreement)[0][:, 0]
    meta, Y, own = meta[kept], Y[kept], np.flatnonzero(answerable[kept])  # those that are asked, among all neighbours
    neighbour = neighbour[own]
    rows += _results(name, meta.iloc[own], Y[own], _have_common_class(Y[own], Y[neighbour]), classes, columns[0])
    units = tables.row_names(meta, [columns[0], label])
    for repeat in range(permutations):
        shuffled = shuffled_among(Y, units, np.random.default_rng([seed, repeat]))
        right = _have_common_class(shuffled[own], shuffled[neighbour])
        rows.append(row(f"{name}_chance", right.mean(), len(right), "", repeat))
    return rows


def _results(name: str, meta, Y: np.ndarray, correct: np.ndarray, classes: list[str], compound: str) -> list[dict]:
    """The proportion of `correct` (n,), over all, over the members Y (n, C) of every class, and of every treatment."""
    rows = proportion(name, correct, tables.row_names(meta, [compound]))
    for item, members in zip(classes, Y.T, strict=True):
        rows += [row(f"{name}_class", correct[members].mean(), members.sum(), item)] if members.any() else []
    for item, right in zip(tables.row_names(meta, [compound, "dose"]), correct, strict=True):
        rows.append(row(f"{name}_treatment", right, 1, item))
    return rows


def _has_match(Y: np.ndarray, codes: np.ndarray, agreement) -> np.ndarray:
    """Which rows (n,) have an admissible neighbour with one of their classes Y (n, C)."""
    ones = Y.astype(np.float32)
    match = [(ones[rows] @ ones.T > 0) & allowed for rows, allowed in similarity.neighbour_masks(codes, agreement)]
    return np.concatenate([block.any(axis=1) for block in match])


def _have_common_class(Y: np.ndarray, Z: np.ndarray) -> np.ndarray:
    return (Y & Z).any(axis=1)
