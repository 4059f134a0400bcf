"""Does the distance to the negative controls grow with the dose, and which dose has half the effect?"""

import numpy as np
import pandas as pd
from scipy.stats import spearmanr

from wellread.measure import ec50
from wellread.measure.dose_curve import curve_rows
from wellread.measure.tidy import mean_interval, row, table, undecidable
from wellread.profiles import controls, tables
from wellread.runtime.registry import choice

LIMITS = ("ec50", "ec50_low", "ec50_high")


@choice(
    "measure",
    columns=("by",),
    levels=("fov", "well"),
    needs=("doses",),
    metrics={
        "spearman": "rank correlation of dose and distance to the controls: 1 if a higher dose is always farther away",
        "fraction_with_ec50": "proportion of treatments with a dose of half the effect whose interval is in the doses",
    },
    items={"spearman": "spearman"},
)
def dose_response(frame, seed, *, by="treatment") -> pd.DataFrame:
    """Spearman correlation of dose and distance to the plate's negative controls, and the dose of half the effect.

    `by` is the column whose values are one dose series each. The distance is Euclidean, to the mean of the evaluation
    half: sphering centres controls at the origin, where cosine similarity is undefined. Treatments with fewer than
    three doses are left out and counted; overall, the mean of the treatments. `ec50`, in units of the dose, with its
    95 % interval, is that of a four-parameter log-logistic effect in noise (`ec50.fit`), fitted to the distances of
    wells. The controls of the same plates, each at its distance to the mean of the others, count together as one more
    dose, 0. Beside it stand the fitted curve with its interval, and the wells (`dose_curve.DRAWN`). Where there is no
    such dose, or its interval reaches beyond the doses, there is a row `ec50_REASON` instead. If no treatment is left,
    it is undecidable.
    """
    meta, X = tables.split(frame)
    if tables.column("dose") not in meta:
        return table([undecidable("spearman", "no column dose in the wells table", len(meta))])
    dose = pd.to_numeric(meta[tables.column("dose")], errors="coerce").to_numpy(float)
    distance = _distance_to_controls(meta, X)
    treated = ~controls.is_negative(meta)
    usable = treated & np.isfinite(dose) & np.isfinite(distance)
    items = np.where(usable, tables.row_names(meta, [by]), "")
    series = {item: items == item for item in sorted(set(items) - {""})}
    series = {item: wells for item, wells in series.items() if len(set(dose[wells])) > 2}
    if not series:
        found = f"{usable.sum()} of {treated.sum()} wells have a dose, and controls on their plate"
        return table([undecidable("spearman", f"no {by} of three doses or more; {found}", len(meta))])
    rho = {item: spearmanr(dose[wells], distance[wells]).statistic for item, wells in series.items()}
    left_out = treated & ~np.logical_or.reduce(list(series.values()))
    rows = [row("left_out", left_out.sum(), treated.sum(), "fewer than 3 doses, or no controls on its plate")]
    rows += mean_interval("spearman", np.array(list(rho.values())), np.array(list(rho)), seed)
    rows += [row("spearman", rho[item], wells.sum(), item) for item, wells in series.items()]
    return table(rows + _half_effects(meta, dose, distance, _distance_of_controls(meta, X), series))


def _distance_to_controls(meta: pd.DataFrame, X: np.ndarray) -> np.ndarray:
    """Distance (n,) to the mean negative control of the same plate; NaN where a plate has none."""
    plates, control = tables.text_column(meta, "plate"), controls.is_evaluation(meta)
    distance = np.full(len(X), np.nan)
    for plate in np.unique(plates[control]):
        here = plates == plate
        distance[here] = np.linalg.norm(X[here] - X[here & control].mean(axis=0), axis=1)
    return distance


def _distance_of_controls(meta: pd.DataFrame, X: np.ndarray) -> np.ndarray:
    """Distance (n,) of every negative control to the mean of the others of its plate (evaluation half); else NaN."""
    plates, control = tables.text_column(meta, "plate"), controls.is_evaluation(meta)
    distance = np.full(len(X), np.nan)
    for plate in np.unique(plates[control]):
        here = np.flatnonzero((plates == plate) & control)
        if len(here) > 1:
            distance[here] = np.linalg.norm(X[here] - X[here].mean(axis=0), axis=1) * len(here) / (len(here) - 1)
    return distance


def _half_effects(meta: pd.DataFrame, dose, distance, of_controls, series: dict) -> list[dict]:
    """Result rows of the EC50 of every series, {item: wells (n,) bool}, or of why it has none."""
    wells, plates = tables.row_names(meta, ["plate", "well"]), tables.text_column(meta, "plate")
    found, curves = {}, []
    for item, own in series.items():
        beside = np.isfinite(of_controls) & np.isin(plates, plates[own])
        (x, y), (_, zero) = _per_well(wells, dose, distance, own), _per_well(wells, dose, of_controls, beside)
        weight = len(x) / len(set(x)) / max(len(zero), 1)
        weights = np.concatenate([np.ones(len(x)), np.full(len(zero), weight)])
        at = np.concatenate([np.maximum(x, 0), np.zeros(len(zero))])
        found[item] = ec50.fit(at, np.concatenate([y, zero]), weights)
        if not isinstance(found[item], str):
            curves += curve_rows(item, at, np.concatenate([y, zero]), weights, found[item])
    missing = [answer for answer in found.values() if isinstance(answer, str)]
    rows = [row("left_out", missing.count(key), len(series), reason) for key, reason in ec50.REASONS.items()]
    rows.append(row("fraction_with_ec50", 1 - len(missing) / len(series), len(series)))
    for item, answer in found.items():
        named = {f"ec50_{answer}": 1} if isinstance(answer, str) else dict(zip(LIMITS, answer, strict=True))
        rows += [row(metric, value, series[item].sum(), item) for metric, value in named.items()]
    return rows + curves


def _per_well(wells, dose, distance, own) -> tuple[np.ndarray, np.ndarray]:
    """Dose and distance, means over the fields of a well, of the wells (k,) of `own` (n,)."""
    means = pd.DataFrame({"dose": dose[own], "distance": distance[own]}).groupby(wells[own]).mean()
    return means["dose"].to_numpy(), means["distance"].to_numpy()
