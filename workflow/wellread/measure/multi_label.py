"""Scores of predictions of several classes per profile: average precision over all pairs, over classes; F1."""

import numpy as np
import pandas as pd
from sklearn.metrics import average_precision_score


def average_precisions(Y: np.ndarray, P: np.ndarray) -> dict[str, float]:
    """Macro and micro average precision of scores P (n, C) for the truth Y (n, C), each class with a true one."""
    Y = Y > 0
    return {f"{kind}_ap": average_precision_score(Y, P, average=kind) for kind in ("macro", "micro")}


def resampled_micro_ap(Y: np.ndarray, P: np.ndarray, units: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Micro average precision (draws,) of scores P (n, C) for truth Y, profiles weighted by `weights` (draws, units).

    Profiles of one of `units` (n,) have one weight. Scores that are equal count in their order.
    """
    order = np.argsort(-P, axis=None, kind="stable")
    true, of = Y.ravel()[order].astype(float), np.unique(units, return_inverse=True)[1][order // Y.shape[1]]
    found = []
    for own in weights:
        w = own[of].astype(float)
        hits = w * true
        found.append((hits * hits.cumsum() / np.maximum(w.cumsum(), 1)).sum() / max(hits.sum(), 1))
    return np.array(found)


def means_of_units(values: np.ndarray, units: np.ndarray) -> np.ndarray:
    """The means of rows (n, C) of every unit."""
    return pd.DataFrame(values.astype(float)).groupby(units).mean().to_numpy()
