"""Does the distance to the negative controls grow with the dose?"""

import numpy as np
import pandas as pd
from scipy.stats import spearmanr

from wellread.measure.tidy import row, table
from wellread.profiles import controls, tables
from wellread.runtime.errors import InputError
from wellread.runtime.registry import choice


@choice(
    "measure",
    columns=("by",),
    levels=("fov", "well"),
    needs=("doses",),
    metrics={
        "spearman": "rank correlation of dose and distance to the controls: 1 if a higher dose is always farther away",
    },
    items={"spearman": "spearman"},
)
def dose_response(frame, seed, *, by="treatment") -> pd.DataFrame:
    """Spearman correlation of dose and distance to the plate's negative controls, over the wells of a treatment.

    `by` is the column whose values are one dose series each. The distance is Euclidean, to the mean of the evaluation
    half: sphering centres controls at the origin, where cosine similarity is undefined. Treatments with fewer than
    three doses are left out and counted; overall, the mean of the treatments. Raises InputError if none is left.
    """
    meta, X = tables.split(frame)
    if tables.column("dose") not in meta:
        edit = "add the column dose to the wells table, or remove the task"
        raise InputError("a column called dose", "none", "the profiles", edit)
    dose = pd.to_numeric(meta[tables.column("dose")], errors="coerce").to_numpy(float)
    distance = _distance_to_controls(meta, X)
    treated = ~controls.is_negative(meta)
    usable = treated & np.isfinite(dose) & np.isfinite(distance)
    items = np.where(usable, tables.row_names(meta, [by]), "")
    series = {item: items == item for item in sorted(set(items) - {""})}
    series = {item: wells for item, wells in series.items() if len(set(dose[wells])) > 2}
    if not series:
        found = f"none; {usable.sum()} of {treated.sum()} wells have a dose, and controls on their plate"
        edit = "fill in the columns dose and control of the wells table, or remove the task"
        raise InputError("treatments of three doses or more", found, "the profiles", edit)
    rho = {item: spearmanr(dose[wells], distance[wells]).statistic for item, wells in series.items()}
    left_out = treated & ~np.logical_or.reduce(list(series.values()))
    rows = [row("left_out", left_out.sum(), treated.sum(), "fewer than 3 doses, or no controls on its plate")]
    rows.append(row("spearman", np.mean(list(rho.values())), len(rho)))
    return table(rows + [row("spearman", rho[item], wells.sum(), item) for item, wells in series.items()])


def _distance_to_controls(meta: pd.DataFrame, X: np.ndarray) -> np.ndarray:
    """Distance (n,) to the mean negative control of the same plate; NaN where a plate has none."""
    plates, control = tables.text_column(meta, "plate"), controls.is_evaluation(meta)
    distance = np.full(len(X), np.nan)
    for plate in np.unique(plates[control]):
        here = plates == plate
        distance[here] = np.linalg.norm(X[here] - X[here & control].mean(axis=0), axis=1)
    return distance
