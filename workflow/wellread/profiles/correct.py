"""Corrections of profiles for plate and batch effects, fitted on controls or on all rows, never on labels.

A correction is `f(X, meta, seed, *, options) -> X`, from profiles (n, D) to profiles (n, D), or (n, d) of harmony. Its
`meta` has the columns `VISIBLE_COLUMNS` and no others, so that no correction can use the labels that tasks evaluate.
TVN (typical variation normalisation, Ando et al. 2017) is the chain of `sphering` and `coral`.
"""

import logging

import numpy as np
import pandas as pd

from wellread.profiles import controls, tables
from wellread.runtime.errors import InputError
from wellread.runtime.registry import choice, pick

log = logging.getLogger("wellread")

VISIBLE_COLUMNS = ["plate", "batch", "control", "control_use"]


def correct(frame: pd.DataFrame, steps: list[dict], *, seed: int) -> pd.DataFrame:
    """Apply the corrections `steps`, each `{name: options}`, one after the other; rows keep their order."""
    meta, X = tables.split(frame)
    visible = meta[[tables.column(name) for name in VISIBLE_COLUMNS]]
    for step in steps:
        X = pick("correction", step)(X, visible, seed)
    return tables.join(meta, X)


@choice("correction", needs=("fitting controls",))
def sphering(X, meta, seed, *, regularisation=1.0, relative=True):
    """Whiten (ZCA) on the fitting half of the negative controls: x' = (x - mean) V (S + lambda)^(-1/2) V^T.

    V S V^T is the covariance of those controls, divided by n. lambda is `regularisation`, in units of the
    mean eigenvalue if `relative`; at 1 no direction is stretched more than sqrt(2) times as much as an average
    one. The Cell-DINO evaluation code has 1e-5, absolute. "ledoit_wolf" instead shrinks S towards its mean, by the
    weight that Ledoit and Wolf (2004) find optimal. Raises InputError if there are fewer than two such controls.
    """
    fit = _fitting_controls(meta)
    mean = X[fit].mean(axis=0)
    S, V = _eigendecomposition(X[fit] - mean)
    if regularisation == "ledoit_wolf":
        from sklearn.covariance import ledoit_wolf_shrinkage

        weight = ledoit_wolf_shrinkage(X[fit] - mean, assume_centered=True)
        regularised = (1 - weight) * S + weight * S.mean()
    else:
        regularised = S + regularisation * (S.mean() if relative else 1)
    _log_spectrum(fit.sum(), S, regularised)
    return (X - mean) @ _matrix_power(regularised, V, -0.5)


def _log_spectrum(n: int, S: np.ndarray, regularised: np.ndarray) -> None:
    low, high = regularised.min(), regularised.max()
    log.info("sphering on %d controls: eigenvalues %.3g to %.3g, mean %.3g", n, S.min(), S.max(), S.mean())
    log.info("sphering: regularised, from %.3g; condition number %.3g", low, high / low)
    if n < 2 * len(S):
        log.warning("sphering: %d controls for %d dimensions, less than two for each", n, len(S))


@choice("correction", needs=("rows in every group",))
def standardize(X, meta, seed, *, by="plate", fit="all", robust=False):
    """Scale every feature to mean 0 and standard deviation 1 within each plate or batch (`by`).

    Both are those of its rows, `fit`="all", or of its fitting controls, "controls"; `robust` takes median and
    1.4826 MAD (median absolute deviation) instead. A feature that does not vary is only centred. Raises InputError if
    there are fewer than two rows to fit.
    """
    groups = tables.text_column(meta, by)
    fitted = _fitting_controls(meta) if fit == "controls" else np.ones(len(X), bool)
    out = np.empty_like(X)
    for group in np.unique(groups):
        here = groups == group
        rows = X[here & fitted]
        if len(rows) < 2:
            edit = "write standardize.fit: all, or mark more wells as negative controls"
            raise InputError("two fitting controls or more", f"{len(rows)}", f"{by} {group}", edit)
        centre, scale = _median_and_mad(rows) if robust else (rows.mean(axis=0), rows.std(axis=0, ddof=1))
        constant = scale <= 1e-9 * np.abs(rows).max(axis=0)  # rounding noise must not be blown up
        out[here] = (X[here] - centre) / np.where(constant, 1, scale)
    return out


def _median_and_mad(rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    centre = np.median(rows, axis=0)
    return centre, 1.4826 * np.median(np.abs(rows - centre), axis=0)


@choice("correction", needs=("fitting controls",))
def coral(X, meta, seed, *, by="batch", ridge=1.0):
    """Align covariances (CORAL, Sun et al. 2016) of the batches: x' = x (C_b + r)^(-1/2) (C + r)^(1/2).

    C_b is the covariance of the fitting controls of a batch (or plate, `by`), C that of all fitting controls, and r is
    `ridge`. The second step of TVN, for features on the scale that sphering leaves (r = 1 in the DeepProfiler
    notebooks). A batch with fewer fitting controls than dimensions stays as it is, and is logged.
    """
    fit, groups = _fitting_controls(meta), tables.text_column(meta, by)
    S, V = _eigendecomposition(X[fit] - X[fit].mean(axis=0))
    recolouring, out = _matrix_power(S + ridge, V, 0.5), X.copy()
    small = []
    for group in np.unique(groups):
        here = groups == group
        rows = X[here & fit]
        if len(rows) < X.shape[1]:
            small.append(group)
            continue
        S, V = _eigendecomposition(rows - rows.mean(axis=0))
        out[here] = X[here] @ _matrix_power(S + ridge, V, -0.5) @ recolouring
    if small:
        log.warning("coral: fewer fitting controls than dimensions, left as they are: %s", ", ".join(small))
    return out


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


def _fitting_controls(meta: pd.DataFrame) -> np.ndarray:
    """Which rows (n,) are controls to fit on; raises InputError if there are fewer than two."""
    fit = controls.is_fitting(meta)
    if fit.sum() < 2:
        edit = "write negative in the column control of the wells table, or leave this correction out"
        raise InputError("negative controls to fit on, two or more", f"{fit.sum()}", "the profiles", edit)
    return fit


def _eigendecomposition(centred: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Eigenvalues (D,) and eigenvectors (D, D) of the covariance, divided by n, of centred rows (n, D)."""
    S, V = np.linalg.eigh(centred.T @ centred / len(centred))
    return np.maximum(S, 0), V


def _matrix_power(S: np.ndarray, V: np.ndarray, exponent: float) -> np.ndarray:
    """The power of the symmetric matrix V diag(S) V^T (D, D)."""
    return (V * S**exponent) @ V.T
