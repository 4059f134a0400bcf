"""Position effects: what row, column and place on a plate do to profiles, whatever was in the well.

What a correction is says `profiles.correct`.
"""

import logging

import numpy as np
import pandas as pd
from scipy.optimize import minimize

from wellread.inputs.well_names import well_row_column
from wellread.profiles import controls, tables
from wellread.runtime.registry import choice

log = logging.getLogger("wellread")

WINSOR = 3.0  # median absolute deviations (as standard deviations) at which values end, for the fit only
MIN_CONTROLS, MIN_SPREAD = 40, 0.75  # fitting controls of a plate, and the share of its rows and columns that have one
REACH = 3.0  # wells: the standard deviation of the smooth surface's kernel


@choice("correction")
def position(X, meta, seed, *, fit="auto"):
    """Take out row, column and smooth position effects of every plate: x' = x - f(position).

    f is the best linear unbiased predictor (Robinson 1991) of a mixed model with random effects of rows, columns and a
    smooth surface (a Gaussian process of 3 wells' reach), whose variances, shared by all features, maximise the
    likelihood. Where there are no such effects their variances are near 0 and little is taken out. It is fitted to the
    wells of `fit`, "all" or the fitting half of the negative "controls", and a well that is fitted gets the prediction
    of all others, so that no treatment takes out its own effect. "auto" takes controls where a plate has 40 of them in
    three quarters of its rows and columns. For the fit, values end at 3 robust standard deviations from the median.
    Plates with wells whose names are no row and column stay as they are, and are logged.
    """
    plates, places = tables.text_column(meta, "plate"), _places(meta)
    out = X.copy()
    for plate in np.unique(plates):
        here = np.flatnonzero(plates == plate)
        at, negative = places[here], controls.is_fitting(meta.iloc[here])
        if np.isnan(at).any() or len(here) < 3:
            log.warning("position: plate %s stays as it is, its wells are not named by row and column", plate)
            continue
        used, why = _fitted(at, negative, fit)
        log.info("position: plate %s, effects from %d %s", plate, used.sum(), why)
        out[here] -= _effects(X[here], at, used, plate)
    return out


def _places(meta: pd.DataFrame) -> np.ndarray:
    """Row and column (n, 2) of every well, NaN where its name does not say."""
    found = {well: well_row_column(well) or (np.nan, np.nan) for well in set(tables.text_column(meta, "well"))}
    return np.array([found[well] for well in tables.text_column(meta, "well")], float).reshape(-1, 2)


def _fitted(at: np.ndarray, negative: np.ndarray, fit: str) -> tuple[np.ndarray, str]:
    """Which wells (n,) of a plate the effects are estimated from, and why, in words."""
    spread = min(len(set(at[negative, i])) / len(set(at[:, i])) for i in (0, 1))
    enough = negative.sum() >= MIN_CONTROLS and spread >= MIN_SPREAD
    if fit == "controls" or (fit == "auto" and enough):
        return negative, f"fitting controls in {spread:.0%} or more of rows and columns"
    why = "as asked for" if fit == "all" else f"as {negative.sum()} fitting controls are too few or not spread enough"
    return np.ones(len(at), bool), f"wells, {why}, each without itself"


def _effects(X: np.ndarray, at: np.ndarray, used: np.ndarray, plate: str) -> np.ndarray:
    """Predicted position effects (n, D) of the wells of a plate, from those `used` (n,)."""
    centre = np.median(X[used], axis=0)
    scale = 1.4826 * np.median(np.abs(X[used] - centre), axis=0)
    scale = np.where(scale > 1e-9 * np.abs(X[used]).max(axis=0), scale, np.inf)  # what does not vary has no effects
    Y = np.clip((X[used] - centre) / scale, -WINSOR, WINSOR)
    Y -= Y.mean(axis=0)
    kernels = _kernels(at, at[used])
    shares = _variances([kernel[used] for kernel in kernels], Y)
    log.info("position: plate %s, variance of rows %.2f, columns %.2f, surface %.2f", plate, *shares)
    K = sum(share * kernel for share, kernel in zip(shares, kernels, strict=True))
    inverse = np.linalg.inv(K[used] + (1 - shares.sum()) * np.eye(used.sum()))
    predicted = K @ (inverse @ Y)
    predicted[used] = Y - (inverse @ Y) / np.diag(inverse)[:, None]  # without the well itself
    return predicted * np.where(np.isfinite(scale), scale, 0)


def _kernels(at: np.ndarray, others: np.ndarray) -> list[np.ndarray]:
    """Covariances (n, m), at variance 1, of row, column and smooth effects of wells at (n, 2) and at (m, 2)."""
    apart = at[:, None] - others  # (n, m, 2)
    return [
        (apart[..., 0] == 0).astype(float),
        (apart[..., 1] == 0).astype(float),
        np.exp(-(apart**2).sum(axis=2) / (2 * REACH**2)),
    ]


def _variances(kernels: list[np.ndarray], Y: np.ndarray) -> np.ndarray:
    """Shares (3,) of variance of row, column and smooth effects, by maximum likelihood from features Y (m, D)."""
    S, size = Y @ Y.T / (Y**2).mean() / Y.shape[1], len(Y)

    def loss(z):
        shares = np.exp(z) / (1 + np.exp(z).sum())
        K = sum(s * k for s, k in zip(shares, kernels, strict=True)) + (1 - shares.sum()) * np.eye(size)
        logdet = np.linalg.slogdet(K)[1]
        inverse = np.linalg.inv(K)
        score = np.array([(inverse * k).sum() - (inverse @ S @ inverse * k).sum() for k in [*kernels, np.eye(size)]])
        every = np.append(shares, 1 - shares.sum())
        return logdet + (inverse * S).sum(), every[:3] * (score[:3] - (every * score).sum())

    found = minimize(loss, np.full(3, -3.0), jac=True, bounds=[(-9, 4)] * 3, method="L-BFGS-B")
    return np.exp(found.x) / (1 + np.exp(found.x).sum())
