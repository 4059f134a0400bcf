"""Corrections by covariances: what varies among the negative controls is noise, and is scaled down.

What a correction is says `profiles.correct`.
"""

import logging

import numpy as np

from wellread.profiles import tables
from wellread.profiles.fitting import fitting_controls
from wellread.runtime.registry import choice

log = logging.getLogger("wellread")


@choice("correction", needs=("fitting controls",))
def sphering(X, meta, seed, *, regularisation=1.0, relative=True, of="wells"):
    """Whiten (ZCA) on the fitting half of the negative controls: x' = (x - mean) V (S + lambda)^(-1/2) V^T.

    V S V^T is the covariance of those controls, divided by n. lambda is `regularisation`, in units of the
    mean eigenvalue if `relative`; at 1 no direction is stretched more than sqrt(2) times as much as an average
    one. The Cell-DINO evaluation code has 1e-5, absolute. "ledoit_wolf" instead shrinks S towards its mean, by the
    weight that Ledoit and Wolf (2004) find optimal. With `of`="positions" the covariance is that of the means of
    control positions over their plates: what positions do on all plates, where treatments keep theirs. Raises
    InputError if there are fewer than two such controls.
    """
    fit = fitting_controls(meta)
    rows = _position_means(X[fit], tables.text_column(meta, "well")[fit]) if of == "positions" else X[fit]
    mean = rows.mean(axis=0)
    S, V = _eigendecomposition(rows - mean)
    if regularisation == "ledoit_wolf":
        from sklearn.covariance import ledoit_wolf_shrinkage

        weight = ledoit_wolf_shrinkage(rows - mean, assume_centered=True)
        regularised = (1 - weight) * S + weight * S.mean()
    else:
        regularised = S + regularisation * (S.mean() if relative else 1)
    _log_spectrum(len(rows), S, regularised)
    return (X - mean) @ _matrix_power(regularised, V, -0.5)


def _position_means(X: np.ndarray, wells: np.ndarray) -> np.ndarray:
    """The means (p, D) of the rows of X (n, D) that have the same name of a well."""
    return np.stack([X[wells == well].mean(axis=0) for well in np.unique(wells)])


def _log_spectrum(n: int, S: np.ndarray, regularised: np.ndarray) -> None:
    low, high = regularised.min(), regularised.max()
    log.info("sphering on %d controls: eigenvalues %.3g to %.3g, mean %.3g", n, S.min(), S.max(), S.mean())
    log.info("sphering: regularised, from %.3g; condition number %.3g", low, high / low)
    if n < 2 * len(S):
        log.warning("sphering: %d controls for %d dimensions, less than two for each", n, len(S))


@choice("correction", columns=("by",), needs=("fitting controls",))
def coral(X, meta, seed, *, by="batch", ridge=1.0, despite=False):
    """Align covariances (CORAL, Sun et al. 2016) of the batches: x' = x (C_b + r)^(-1/2) (C + r)^(1/2).

    C_b is the covariance of the fitting controls of a batch (or another column, `by`), C that of all of them, and r is
    `ridge`. The second step of TVN, for features on the scale that sphering leaves (r = 1 in the DeepProfiler
    notebooks). A batch with fewer fitting controls than dimensions stays as it is, and is logged.
    """
    fit, groups = fitting_controls(meta), tables.text_column(meta, by)
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


@choice("correction", columns=("by",), needs=("fitting controls",))
def tvn(X, meta, seed, *, regularisation=1.0, relative=True, by="batch", ridge=1.0, despite=False):
    """Typical variation normalisation (TVN, Ando et al. 2017): `sphering`, then `coral`, whose options these are."""
    whitened = sphering(X, meta, seed, regularisation=regularisation, relative=relative)
    return coral(whitened, meta, seed, by=by, ridge=ridge)


@choice("correction")
def partial_whitening(X, meta, seed, *, power=0.5, components=100):
    """Scores (n, d) on the first d principal components of all rows, each divided by its standard deviation^`power`.

    `power` 0 is the rotation, whose distances are those of the d components, 1 whitening: scikit-learn's PCA without
    and with `whiten`. d is `components`, at most n - 1 and D; those of no variance are left out.
    """
    from sklearn.decomposition import PCA

    pca = PCA(min(components, len(X) - 1, X.shape[1]), svd_solver="full").fit(X)
    sd = np.sqrt(pca.explained_variance_)
    varies = sd > 1e-9 * sd.max()
    largest = np.take_along_axis(pca.components_, np.abs(pca.components_).argmax(axis=1)[:, None], 1)
    scores = pca.transform(X) * np.sign(largest[:, 0])  # the largest loading of each is positive, on any machine
    return scores[:, varies] / sd[varies] ** power


def _eigendecomposition(centred: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Eigenvalues (D,) and eigenvectors (D, D) of the covariance, divided by n, of centred rows (n, D)."""
    S, V = np.linalg.eigh(centred.T @ centred / len(centred))
    return np.maximum(S, 0), V


def _matrix_power(S: np.ndarray, V: np.ndarray, exponent: float) -> np.ndarray:
    """The power of the symmetric matrix V diag(S) V^T (D, D)."""
    return (V * S**exponent) @ V.T
