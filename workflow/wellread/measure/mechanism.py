"""Does the most similar treatment act by the same mechanism? NSC and NSCB of Ljosa et al. 2013."""

import numpy as np

from wellread import similar, tables
from wellread.errors import InputError
from wellread.measure.tidy import one_hot, row, share, subjects, table


def nearest_class(frame, seed, *, label="moa", compound="treatment", batch="batch", permutations=100):
    """The share of treatments whose nearest neighbour (cosine) shares a label with them.

    `nsc`: the neighbour is another compound. `nscb`: and of another batch, the joined batches of a treatment compared
    as text; no rows where that leaves nothing. Treatments that could not be right, because no admissible neighbour
    shares their label, are left out and counted. `*_chance`: labels permuted among compounds, doses kept together.
    """
    meta, X, rows = subjects(frame, label, controls=False)
    nsc = _score("nsc", meta, X, label, [compound], seed, permutations)
    if not nsc:
        edit = f"fill in the column {label} of the wells table, or remove the task"
        raise InputError(f"two compounds with a {label} in common", "none", "the profiles", edit)
    nscb = _score("nscb", meta, X, label, [compound, batch], seed, permutations)
    return table(rows + nsc + nscb)


def _score(name, meta, X, label, exclude, seed, permutations) -> list[dict]:
    classes, Y = one_hot(tables.text(meta, label))  # (n, C)
    codes = similar.keys(meta, exclude)
    possible = _has_partner(Y, codes)
    if not possible.any():
        return []
    meta, X, Y, codes = meta[possible], X[possible], Y[possible], codes[possible]
    nearest = similar.nearest(X, codes, 1)[0][:, 0]
    correct = _share_one(Y, Y[nearest])

    rows = [row("left_out", (~possible).sum(), len(possible), f"{name}: no admissible neighbour of its {label}")]
    rows += share(name, correct)
    members = zip(classes, Y.T, strict=True)
    rows += [row(f"{name}_class", correct[own].mean(), own.sum(), item) for item, own in members if own.any()]
    items = zip(tables.names(meta, [exclude[0], "dose"]), correct, strict=True)
    rows += [row(f"{name}_treatment", value, 1, item) for item, value in items]
    _, first, compound = np.unique(tables.names(meta, [exclude[0], label]), return_index=True, return_inverse=True)
    for repeat in range(permutations):
        shuffled = Y[np.random.default_rng([seed, repeat]).permutation(first)[compound]]
        rows.append(row(f"{name}_chance", _share_one(shuffled, shuffled[nearest]).mean(), len(Y), "", repeat))
    return rows


def _share_one(Y: np.ndarray, Z: np.ndarray) -> np.ndarray:
    return (Y & Z).any(axis=1)


def _has_partner(Y: np.ndarray, codes: np.ndarray) -> np.ndarray:
    """Whether each row may have a neighbour with one of its own classes."""
    ones = Y.astype(np.float32)
    return np.concatenate([((ones[rows] @ ones.T > 0) & allowed).any(axis=1) for rows, allowed in similar.blocks(codes)])
