"""Corrections of each feature by itself, within each plate: centre, scale, and a limit.

What a correction is says `profiles.correct`.
"""

import logging

import numpy as np
import pandas as pd

from wellread.profiles import controls, tables
from wellread.profiles.fitting import fitting_controls
from wellread.runtime.errors import InputError
from wellread.runtime.registry import choice

log = logging.getLogger("wellread")

ENOUGH = 32  # wells of fitting controls in every group: their mean is known to 0.18, their deviation to 13 %
FEWEST = 4  # controls that tell something of their centre and spread
SHIFTED, WIDER = 0.75, 2.0  # median over features; of 4 controls beside inactive wells .3 and 1.3


@choice("correction", columns=("by",), needs=("rows in every group",))
def standardize(X, meta, seed, *, by="plate", fit="auto", robust=False, despite=False):
    """Scale every feature to mean 0 and standard deviation 1 within each plate (`by`: plate, batch or another column).

    Both are those of its rows, `fit`="all", or of its fitting controls, "controls"; "auto" takes controls if every
    plate has ENOUGH wells of them. `robust` takes median and 1.4826 MAD (median absolute deviation) instead. A feature
    that does not vary is only centred. All rows harm a plate where most treatments do something: it is warned of. What
    `despite` is for says `plan.leaks`. Raises InputError if there are fewer than two rows to fit.
    """
    fitted, out = _fitted(meta, by, fit), np.empty_like(X)
    for group, here in _groups(meta, by, fitted):
        rows = X[here & fitted]
        if fitted.all():
            _warn_of_disagreement(rows, X[here & controls.is_fitting(meta)], f"{by} {group}")
        centre, scale = _median_and_mad(rows) if robust else (rows.mean(axis=0), rows.std(axis=0, ddof=1))
        constant = scale <= 1e-9 * np.abs(rows).max(axis=0)  # rounding noise must not be blown up
        out[here] = (X[here] - centre) / np.where(constant, 1, scale)
    return out


def _fitted(meta: pd.DataFrame, by: str, fit: str) -> np.ndarray:
    """Which rows (n,) are fitted: all, or the fitting controls if these are asked for or, with "auto", enough."""
    if fit == "all" or (fit == "auto" and not controls.is_fitting(meta).any()):
        return np.ones(len(meta), bool)
    fitting = fitting_controls(meta) if fit == "controls" else controls.is_fitting(meta)
    names = [name for name in ("plate", "well") if tables.column(name) in meta]
    wells = tables.row_names(meta, names) if "well" in names else np.arange(len(meta)).astype(str)
    counts = [len(set(wells[here & fitting])) for _, here in _groups(meta, by)]
    log.info("%d to %d wells of fitting controls in each %s", min(counts), max(counts), by)
    return fitting if fit == "controls" or min(counts) >= ENOUGH else np.ones(len(meta), bool)


def _warn_of_disagreement(rows: np.ndarray, fitting: np.ndarray, where: str) -> None:
    """Warn if all rows (n, D) and the fitting controls (m, D) among them differ in the centre or spread of features."""
    scale = fitting.std(axis=0, ddof=1) if len(fitting) >= FEWEST else np.zeros(rows.shape[1])
    varies = scale > 1e-9 * np.abs(rows).max(axis=0)
    if not varies.any():
        return
    away = np.median(np.abs(rows.mean(axis=0) - fitting.mean(axis=0))[varies] / scale[varies])
    wider = np.median(rows.std(axis=0, ddof=1)[varies] / scale[varies])
    if away > SHIFTED or wider > WIDER:
        log.warning(
            "%s: its mean lies %.1f standard deviations of its controls from theirs, its spread is %.1f times theirs "
            "(medians over features); if most of its wells are active, fit: controls keeps more of what they do",
            where, away, wider,
        )  # fmt: skip


@choice("correction", columns=("by",), needs=("rows in every group",))
def mad_robustize(X, meta, seed, *, by="plate", fit="auto", epsilon=1e-18, despite=False):
    """(x - median) / (1.4826 MAD + `epsilon`) within each plate (`by`), by pycytominer's normalize.

    Median and MAD (median absolute deviation) are those of the rows that `fit` says, as in `standardize`. pycytominer
    itself makes up to 1e18 of a feature whose MAD is 0; here it is only centred. Raises InputError if there are fewer
    than two rows to fit.
    """
    from pycytominer import normalize

    fitted, out = _fitted(meta, by, fit), np.empty_like(X)
    frame = pd.DataFrame(X).rename(columns="x{}".format)
    features, frame = list(frame), frame.assign(fitted=fitted.astype(int))
    for _, here in _groups(meta, by, fitted):
        scaled = normalize(
            frame[here], features=features, meta_features=["fitted"], samples="fitted == 1", method="mad_robustize",
            mad_robustize_epsilon=epsilon,
        )  # fmt: skip
        rows = X[here & fitted]
        centre, mad = _median_and_mad(rows)
        constant = mad <= 1e-9 * np.abs(rows).max(axis=0)
        out[here] = np.where(constant, X[here] - centre, scaled[features].to_numpy())
    return out


def _groups(meta: pd.DataFrame, by: str, fitted: np.ndarray | None = None):
    """Yield every group and its rows (n,) bool; raises InputError if fewer than two of them are `fitted` (n,)."""
    groups = tables.text_column(meta, by)
    for group in np.unique(groups):
        here = groups == group
        if fitted is not None and (here & fitted).sum() < 2:
            edit = "write standardize.fit: all, or mark more wells as negative controls"
            raise InputError("two fitting controls or more", f"{(here & fitted).sum()}", f"{by} {group}", edit)
        yield group, here


def _median_and_mad(rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    centre = np.median(rows, axis=0)
    return centre, 1.4826 * np.median(np.abs(rows - centre), axis=0)


@choice("correction", needs=("negatives in every group",), spends_controls=True)
def zscore(X, meta, seed, *, by="plate"):
    """Scale every feature by mean and sample standard deviation of all negative controls of its plate or batch (`by`).

    As pycytominer's normalize with these controls as samples. Both halves of the controls are fitted, so none is left
    to judge by: for mechanism, not for activity. A feature that does not vary among the controls is only centred.
    Raises InputError if a plate has fewer than two.
    """
    groups, negative = tables.text_column(meta, by), controls.is_negative(meta)
    out = np.empty_like(X)
    for group in np.unique(groups):
        rows = X[(groups == group) & negative]
        if len(rows) < 2:
            edit = "mark more wells as negative controls, or use standardize"
            raise InputError("two negative controls or more", f"{len(rows)}", f"{by} {group}", edit)
        scale = rows.std(axis=0, ddof=1)
        constant = scale <= 1e-9 * np.abs(rows).max(axis=0)
        out[groups == group] = (X[groups == group] - rows.mean(axis=0)) / np.where(constant, 1, scale)
    return out


@choice("correction")
def clip(X, meta, seed, *, limit=50.0):
    """Values beyond -`limit` and `limit` become these, so that no single one outweighs all other features."""
    return np.clip(X, -limit, limit)
