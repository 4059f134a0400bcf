"""What the controls say of an assay: how far positive and negative ones are apart, and whether doses lie between."""

import numpy as np
from scipy.stats import spearmanr

from wellread import tables
from wellread.errors import InputError
from wellread.measure.tidy import row, table


def assay_quality(frame, seed):
    """Z' and SSMD of a plate's control wells on the axis from the mean negative to the mean positive control.

    Every well is placed on an axis drawn without it: on an axis that knows its wells even noise parts perfectly once
    there are more dimensions than wells; `*_optimistic` are those values. Z' = 1 - 3 (s+ + s-) / |m+ - m-| (Zhang et
    al. 1999), SSMD = (m+ - m-) / sqrt(s+^2 + s-^2), sample deviations. The overall value is the median of the plates.
    """
    meta, X = tables.split(frame)
    plates, negative = tables.text(meta, "plate"), tables.text(meta, "control_use") == "evaluate"
    positive = tables.text(meta, "control") == "positive"
    rows = []
    for plate in np.unique(plates):
        neg, pos = X[negative & (plates == plate)], X[positive & (plates == plate)]
        if min(len(neg), len(pos)) > 1:
            rows += [row(name, v, len(neg) + len(pos), plate) for name, v in _separation(neg, pos).items()]
    if not rows:
        found = f"{positive.sum()} positive, {negative.sum()} negative ones (half of those in the wells table)"
        edit = "fill in the column control of the wells table, or remove the task"
        raise InputError("two controls of each kind on a plate", found, "the profiles", edit)
    metrics = dict.fromkeys(entry["metric"] for entry in rows)
    values = {metric: [entry["value"] for entry in rows if entry["metric"] == metric] for metric in metrics}
    return table([row(metric, np.median(own), len(own)) for metric, own in values.items()] + rows)


def _separation(neg: np.ndarray, pos: np.ndarray) -> dict[str, float]:
    held_out = (
        np.array([_place(neg[i], np.delete(neg, i, 0), pos) for i in range(len(neg))]),
        np.array([_place(pos[i], neg, np.delete(pos, i, 0)) for i in range(len(pos))]),
    )
    same = _place(neg, neg, pos), _place(pos, neg, pos)
    return {
        "z_prime": z_prime(*held_out),
        "ssmd": ssmd(*held_out),
        "z_prime_optimistic": z_prime(*same),
        "ssmd_optimistic": ssmd(*same),
    }


def _place(x: np.ndarray, neg: np.ndarray, pos: np.ndarray) -> np.ndarray:
    """Where x (..., D) lies between the mean of the negative controls, 0, and that of the positive ones, 1."""
    axis = pos.mean(axis=0) - neg.mean(axis=0)
    return (x - neg.mean(axis=0)) @ axis / (axis @ axis)


def z_prime(neg: np.ndarray, pos: np.ndarray) -> float:
    """1 - 3 (s+ + s-) / |m+ - m-|."""
    return 1 - 3 * (pos.std(ddof=1) + neg.std(ddof=1)) / abs(pos.mean() - neg.mean())


def ssmd(neg: np.ndarray, pos: np.ndarray) -> float:
    """(m+ - m-) / sqrt(s+^2 + s-^2), the strictly standardised mean difference."""
    return (pos.mean() - neg.mean()) / np.sqrt(pos.var(ddof=1) + neg.var(ddof=1))


def dose_response(frame, seed, *, by="treatment"):
    """Spearman correlation of dose with distance to the negative controls, over the wells of every treatment.

    The distance is Euclidean, to the mean of the plate's negative controls (evaluation half): after sphering that
    mean is close to the origin, where a cosine means nothing. The overall value is the mean of the treatments.
    """
    meta, X = tables.split(frame)
    if tables.column("dose") not in meta:
        edit = "add the column dose to the wells table, or remove the task"
        raise InputError("a column called dose", "none", "the profiles", edit)
    dose = meta[tables.column("dose")].to_numpy(float)
    distance = _distance_to_controls(meta, X)
    usable = np.isfinite(dose) & np.isfinite(distance) & (tables.text(meta, "control") != "negative")
    treatments = np.where(usable, tables.names(meta, [by]), "")
    series = [(name, treatments == name) for name in sorted(set(treatments) - {""})]
    series = [(name, own) for name, own in series if len(set(dose[own])) > 2]
    if not series:
        found = f"none in {len(meta)} wells, {usable.sum()} of them with a dose and negative controls on the plate"
        edit = "fill in dose and control in the wells table, or remove the task"
        raise InputError("treatments with three doses or more", found, "the profiles", edit)
    rows = [row("spearman", spearmanr(dose[own], distance[own]).statistic, own.sum(), name) for name, own in series]
    left_out = (tables.text(meta, "control") == "").sum() - sum(own.sum() for _, own in series)
    overall = row("spearman", np.mean([entry["value"] for entry in rows]), len(rows))
    return table([overall, row("left_out", left_out, len(meta), "fewer than 3 doses, or no controls"), *rows])


def _distance_to_controls(meta, X: np.ndarray) -> np.ndarray:
    """Euclidean distance (n,) to the mean negative control of the same plate; NaN on plates that have none."""
    plates, control = tables.text(meta, "plate"), tables.text(meta, "control_use") == "evaluate"
    distance = np.full(len(X), np.nan)
    for plate in np.unique(plates[control]):
        here = plates == plate
        distance[here] = np.linalg.norm(X[here] - X[here & control].mean(axis=0), axis=1)
    return distance
