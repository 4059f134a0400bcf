"""Are batches mixed while labels stay together? iLISI of batches beside the mean average precision of labels."""

import numpy as np
import pandas as pd

from wellread.measure.tidy import (
    independent_units,
    labelled_profiles,
    mean_interval,
    multi_hot,
    row,
    shuffled_among,
    table,
    undecidable,
)
from wellread.profiles import similarity, tables
from wellread.runtime.counted import every
from wellread.runtime.registry import choice


@choice(
    "measure",
    columns=("label", "batch"),
    levels=("well",),
    needs=("classes", "labels and batches"),
    chance_is_best=True,
    metrics={
        "ilisi": "how well batches are mixed among neighbours: 0 if all are of one batch, 1 if of all alike",
        "label_map": "how high wells with the same label rank by similarity (mean average precision); 1: above all",
    },
)
def mixing(frame, seed, *, label="treatment", batch="batch", perplexity=30.0, components=50, permutations=5):
    """How well batches are mixed (iLISI) and how well labels are kept (mean average precision), of treated wells.

    iLISI (Korsunsky et al. 2019) is the inverse Simpson index of the column `batch` among the 3 x `perplexity` nearest
    wells, weighted by distance; of its median x over wells and B batches, (x - 1) / (B - 1) is told, as scIB does. It
    is computed by harmonypy on the first `components` principal components of profiles of length 1. label_map is the
    mean, over wells, of the average precision with which the wells that share a class of `label` rank among all others
    by cosine, and label_map of every class that of its wells. `chance_*` are the same with the column shuffled: batches
    among wells, labels among treatments (among wells if the label is the treatment). Where no two
    wells share a label, or all are of one batch, both are undecidable.
    """
    meta, X, rows = labelled_profiles(frame, label, controls=False)
    meta = meta.assign(_batch=tables.row_names(meta, [batch]))
    rows.append(row("left_out", (meta["_batch"] == "").sum(), len(frame), f"no {batch}"))
    keep = (meta["_batch"] != "").to_numpy()
    meta, X = meta[keep].reset_index(drop=True), X[keep]
    classes, Y = multi_hot(tables.text_column(meta, label))  # (n, C)
    if reason := _why_not(meta["_batch"], Y, batch, label):
        return table(rows + [undecidable(name, reason, len(meta)) for name in ("ilisi", "label_map")])
    rng = np.random.default_rng(seed)
    batches = [meta["_batch"].to_numpy()]
    batches += [rng.permutation(batches[0]) for _ in range(permutations)]
    true, *shuffled = _scaled_lisi(_coordinates(X, components), batches, perplexity)
    rows.append(row("ilisi", true, len(X)))
    rows += [row("chance_ilisi", value, len(X), "", repeat) for repeat, value in enumerate(shuffled)]
    units = np.arange(len(X)) if label == "treatment" else tables.row_names(meta, ["treatment", label])
    labels = [Y, *(shuffled_among(Y, units, np.random.default_rng([seed, i])) for i in range(permutations))]
    true, *shuffled = label_precisions(X, labels)
    asked = np.isfinite(true)
    rows += mean_interval("label_map", true[asked], independent_units(meta)[asked], seed)
    rows += [row("chance_label_map", np.nanmean(ap), len(X), "", repeat) for repeat, ap in enumerate(shuffled)]
    for item, of in zip(classes, Y.T & asked, strict=True):
        rows += [row("label_map", true[of].mean(), of.sum(), item)] if of.any() else []
    return table(rows)


def _why_not(batches: pd.Series, Y: np.ndarray, batch: str, label: str) -> str:
    """Why wells of batches (n,) and classes Y (n, C) tell nothing about mixing; "" if they do."""
    if batches.nunique() < 2:
        return f"one {batch} in {every(len(batches), 'well')}"
    return "" if Y.sum(axis=0).max(initial=0) > 1 else f"no two wells share a {label}"


def _coordinates(X: np.ndarray, components: int) -> np.ndarray:
    """Principal components (n, d) of the rows of X (n, D) at length 1, whose distances are nearly those by cosine."""
    from sklearn.decomposition import PCA

    return PCA(min(components, *X.shape), svd_solver="full").fit_transform(similarity.unit_length(X))


def _scaled_lisi(X: np.ndarray, batches: list[np.ndarray], perplexity: float) -> list[float]:
    """(median LISI - 1) / (B - 1) of several assignments (n,) of the rows of X (n, d) to B batches."""
    from harmonypy import compute_lisi

    columns = {str(i): values for i, values in enumerate(batches)}
    found = compute_lisi(X, pd.DataFrame(columns), list(columns), min(perplexity, max(1, (len(X) - 1) / 3)))
    return list((np.median(found, axis=0) - 1) / (len(set(batches[0])) - 1))


def label_precisions(X: np.ndarray, labels: list[np.ndarray]) -> np.ndarray:
    """Average precision of every row of X (n, D), for each of K `labels` (n, C) bool: (K, n), NaN without positives.

    Positives are the other rows that share a class, ranked with all others by cosine.
    """
    U, found = similarity.unit_length(X), []
    for start in range(0, len(U), similarity.BLOCK_ROWS):
        rows = np.arange(start, min(start + similarity.BLOCK_ROWS, len(U)))
        S = U[rows] @ U.T
        S[np.arange(len(rows)), rows] = -np.inf  # itself, which ranks last and is cut off
        order = np.argsort(-S, axis=1, kind="stable")[:, :-1]
        found.append([_precision(np.take_along_axis(_share_class(Y[rows], Y), order, 1)) for Y in labels])
    return np.concatenate(found, axis=1)


def _share_class(Y: np.ndarray, Z: np.ndarray) -> np.ndarray:
    return Y.astype(np.float32) @ Z.astype(np.float32).T > 0


def _precision(hit: np.ndarray) -> np.ndarray:
    """Average precision (b,) of ranked lists (b, L) of positives and negatives; NaN without positives."""
    n = hit.sum(axis=1)
    precision = (hit.cumsum(axis=1) / np.arange(1, hit.shape[1] + 1) * hit).sum(axis=1)
    return np.where(n > 0, precision / np.maximum(n, 1), np.nan)
