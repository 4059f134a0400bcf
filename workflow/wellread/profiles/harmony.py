"""Mixing of batches in clusters of alike profiles, by harmonypy. What a correction is says `profiles.correct`."""

import logging

import numpy as np
import pandas as pd

from wellread.profiles import tables
from wellread.runtime.errors import InputError
from wellread.runtime.registry import choice

log = logging.getLogger("wellread")


@choice("correction")
def harmony(X, meta, seed, *, by="batch", components=50, theta=2.0, lamb=1.0, sigma=0.1, iterations=10):
    """Harmony (Korsunsky et al. 2019) by batch or plate, on principal components (n, d) that replace the features.

    `components` is d, at most n - 1; `theta` weighs the mixing of batches, `lamb` is the ridge of the regression in
    each cluster, `sigma` the softness of the clusters, `iterations` the most rounds. Needs harmonypy >= 2
    (GPL-3.0-or-later), whose own default for `lamb` corrects much less than 1 does; raises InputError without it.
    """
    scores = _principal_components(X, components)
    groups = pd.DataFrame({by: tables.text_column(meta, by)})
    if groups[by].nunique() < 2:
        log.warning("harmony: only one %s, nothing to correct; the result is the principal components", by)
        return scores
    result = _import_harmonypy().run_harmony(
        scores, groups, [by], theta=theta, lamb=lamb, sigma=sigma, max_iter_harmony=iterations,
        nclust=int(np.clip(len(X) / 30, 1, 100)), random_state=seed, verbose=False, ncores=1,
    )  # fmt: skip
    corrected = np.asarray(result.Z_corr, float)
    if corrected.shape != scores.shape:  # (d, n) before harmonypy 0.2
        raise RuntimeError(f"harmonypy returned {corrected.shape} for {scores.shape}; version 2 is needed")
    return corrected


def _import_harmonypy():
    try:
        import harmonypy
    except ImportError:
        edit = "pip install 'harmonypy>=2', or leave harmony out of corrections"
        raise InputError("the package harmonypy", "not installed", "corrections", edit) from None
    return harmonypy


def _principal_components(X: np.ndarray, components: int) -> np.ndarray:
    """Scores (n, d) on the first principal components, signed so that the largest loading is positive."""
    centred = X - X.mean(axis=0)
    _, axes = np.linalg.svd(centred, full_matrices=False)[1:]
    axes = axes[: min(components, len(X) - 1)]
    largest = np.take_along_axis(axes, np.abs(axes).argmax(axis=1)[:, None], 1)
    return centred @ (axes * np.sign(largest)).T
