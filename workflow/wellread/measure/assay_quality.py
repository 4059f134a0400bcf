"""How well positive and negative controls are separated: Z' and SSMD."""

import numpy as np
import pandas as pd

from wellread.measure.tidy import row, table, undecidable
from wellread.profiles import controls, tables
from wellread.runtime.registry import choice


@choice(
    "measure",
    levels=("fov", "well"),
    needs=("both controls",),
    metrics={
        "z_prime": "separation of positive and negative controls relative to their spread; above 0.5 is excellent",
        "ssmd": "difference of positive and negative controls over its standard deviation; above 3 is strong",
        "z_prime_optimistic": "Z' on an axis that is computed from the same wells: too optimistic, for comparison only",
        "ssmd_optimistic": "SSMD on such an axis",
    },
)
def assay_quality(frame, seed) -> pd.DataFrame:
    """Z' and SSMD of each plate's control wells, projected on the axis between their means; overall, the median.

    Every well is projected on an axis that is computed without it. `*_optimistic` are the values on the axis of all
    wells, where even noise separates perfectly once there are more dimensions than wells. Negatives are those of the
    evaluation half. If no plate has two wells of both kinds, Z' is undecidable.
    """
    meta, X = tables.split(frame)
    plates, control = tables.text_column(meta, "plate"), tables.text_column(meta, "control")
    negative, positive = controls.is_evaluation(meta), control == "positive"
    pairs = {p: (X[negative & (plates == p)], X[positive & (plates == p)]) for p in np.unique(plates)}
    pairs = {plate: (neg, pos) for plate, (neg, pos) in pairs.items() if min(len(neg), len(pos)) > 1}
    if not pairs:
        found = f"{positive.sum()} positive and {(control == 'negative').sum()} negative controls in all"
        reason = f"{found}; one plate needs 2 positive ones and 2 negative ones of the evaluation half"
        return table([undecidable("z_prime", reason, len(meta))])
    values = pd.DataFrame({plate: _separation(neg, pos) for plate, (neg, pos) in pairs.items()})
    rows = [row(metric, value, len(pairs)) for metric, value in values.median(axis=1).items()]
    for plate, (neg, pos) in pairs.items():
        rows += [row(metric, value, len(neg) + len(pos), plate) for metric, value in values[plate].items()]
    return table(rows)


def _separation(neg: np.ndarray, pos: np.ndarray) -> dict[str, float]:
    """The metrics of one plate, from its negatives (n, D) and positives (p, D)."""
    centre = (neg.mean(axis=0) + pos.mean(axis=0)) / 2
    neg, pos = neg - centre, pos - centre  # (n, D), (p, D)
    axis = pos.mean(axis=0) - neg.mean(axis=0)
    held_out, in_sample = _held_out(neg, pos), (neg @ axis, pos @ axis)
    return {
        "z_prime": z_prime(*held_out),
        "ssmd": ssmd(*held_out),
        "z_prime_optimistic": z_prime(*in_sample),
        "ssmd_optimistic": ssmd(*in_sample),
    }


def _held_out(neg: np.ndarray, pos: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Projections of the controls (n,), (p,) on axes computed without them, in units of the axes' lengths.

    Each axis leaves out one control of either kind: leaving out only one would bias the difference of the means.
    """
    axes = _means_without_each(pos) - _means_without_each(neg)[:, None]  # (n, p, D)
    axes /= (axes**2).sum(axis=2, keepdims=True)
    return np.einsum("nd,npd->np", neg, axes).mean(axis=1), np.einsum("pd,npd->np", pos, axes).mean(axis=0)


def _means_without_each(X: np.ndarray) -> np.ndarray:
    """The means (n, D) of X (n, D) without each of its rows."""
    return (X.sum(axis=0) - X) / (len(X) - 1)


def z_prime(neg: np.ndarray, pos: np.ndarray) -> float:
    """Z' = 1 - 3 (s+ + s-) / |m+ - m-|, with sample standard deviations (Zhang et al. 1999)."""
    return 1 - 3 * (pos.std(ddof=1) + neg.std(ddof=1)) / abs(pos.mean() - neg.mean())


def ssmd(neg: np.ndarray, pos: np.ndarray) -> float:
    """Strictly standardised mean difference, (m+ - m-) / sqrt(s+^2 + s-^2) (Zhang 2007)."""
    return (pos.mean() - neg.mean()) / np.sqrt(pos.var(ddof=1) + neg.var(ddof=1))
