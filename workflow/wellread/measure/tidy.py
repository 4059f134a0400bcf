"""What the measures share: their tidy result, the choice of labelled profiles, labels as a matrix."""

import numpy as np
import pandas as pd

from wellread.inputs.cleaning import parts
from wellread.profiles import tables
from wellread.profiles.controls import is_fitting, is_negative
from wellread.runtime.errors import InputError

Z95 = 1.959963984540054  # the 97.5 % point of the normal distribution
DRAWS, MIN_UNITS = 2000, 6  # of the bootstrap


def row(metric: str, value, n, item: str = "", repeat: int = 0) -> dict:
    """One row of the result: a value of all items (item "") or of one; `n` is the number of observations behind it."""
    return {"metric": metric, "item": item, "repeat": repeat, "value": float(value), "n": int(n)}


def table(rows: list[dict]) -> pd.DataFrame:
    """The result of a measure as a tidy table: metric, item, repeat, value, n."""
    types = {"metric": object, "item": object, "repeat": int, "value": float, "n": int}
    return pd.DataFrame(rows, columns=list(types)).astype(types)


def proportion(metric: str, correct: np.ndarray, units: np.ndarray) -> list[dict]:
    """Result rows of the proportion of `correct` (n,) and its 95 % interval; the `units` (n,) are independent.

    Wilson's interval of n / d observations, d the design effect (Kish 1965; Korn and Graubard 1998): how much larger
    the variance of the proportion is over units, such as compounds, than over rows, such as their doses. Where all
    rows are right or wrong, of as many as there are units. A bootstrap over compounds covers too little near 0 and 1.
    """
    share, n = correct.mean(), len(correct) / design_effect(correct - correct.mean(), units)
    root = np.sqrt(share * (1 - share) / n + Z95**2 / (4 * n**2))
    middle, scale = share + Z95**2 / (2 * n), 1 + Z95**2 / n
    values = {
        metric: share,
        f"{metric}_low": (middle - Z95 * root) / scale,
        f"{metric}_high": (middle + Z95 * root) / scale,
    }
    return [row(name, min(max(value, 0), 1), len(correct)) for name, value in values.items()]


def design_effect(residuals: np.ndarray, units: np.ndarray) -> float:
    """Variance of the sum of `residuals` (n,) over units over that over rows, at least 1; n / units if all are 0."""
    code = np.unique(units, return_inverse=True)[1]
    sums, n = np.bincount(code, residuals), len(residuals)
    if not residuals.any() or len(sums) < 2:
        return n / len(sums)
    over_units, over_rows = (len(e) / (len(e) - 1) * (e**2).sum() for e in (sums, residuals))
    return max(1.0, over_units / over_rows)


def mean_interval(metric: str, values: np.ndarray, units: np.ndarray, seed: int) -> list[dict]:
    """Result rows of the mean of `values` (n,) and its 95 % interval by bootstrap over `units` (n,), if these suffice.

    Percentiles of 2000 draws of as many units with replacement, each with all its rows; of six units or more.
    """
    code = np.unique(units, return_inverse=True)[1]
    sizes, m = np.bincount(code), code.max() + 1
    rows = [row(metric, values.mean(), len(values))]
    if m < MIN_UNITS:
        return rows
    drawn = np.random.default_rng([seed, m]).multinomial(m, np.full(m, 1 / m), DRAWS)  # (DRAWS, m)
    means = (drawn @ np.bincount(code, values)) / (drawn @ sizes)
    limits = zip(("low", "high"), np.percentile(means, [2.5, 97.5]), strict=True)
    return rows + [row(f"{metric}_{end}", value, len(values)) for end, value in limits]


def independent_units(meta: pd.DataFrame) -> np.ndarray:
    """What the rows (n,) of profiles are independent in: the treatment; of controls, and without one, every row."""
    names = tables.text_column(meta, "treatment") if tables.column("treatment") in meta else np.full(len(meta), "")
    own = (names == "") | (tables.text_column(meta, "control") != "")
    return np.where(own, [f"row {i}" for i in range(len(meta))], np.char.add("of ", names.astype(str)))


def labelled_profiles(frame: pd.DataFrame, label: str, controls: bool) -> tuple[pd.DataFrame, np.ndarray, list[dict]]:
    """The profiles with a value in the column `label`: metadata, features (n, D), and result rows of `left_out`.

    `controls`: whether the negative controls of the evaluation half are among them; those of the fitting half never
    are. `left_out` counts the other profiles by reason. Raises InputError if no profile is left.
    """
    meta, X = tables.split(frame)
    labels = tables.row_names(meta, [label])
    excluded = is_fitting(meta) if controls else is_negative(meta)
    reasons = {"negative controls": excluded, f"no {label}": ~excluded & (labels == "")}
    keep = ~np.logical_or.reduce(list(reasons.values()))
    if not keep.any():
        found = ", ".join(f"{reason}: {mask.sum()} of {len(meta)}" for reason, mask in reasons.items())
        edit = f"fill in the column {label} of the wells table, or remove the task"
        raise InputError(f"profiles with a {label}", f"none ({found})", "the profiles", edit)
    rows = [row("left_out", mask.sum(), len(meta), reason) for reason, mask in reasons.items()]
    return meta[keep].reset_index(drop=True), X[keep], rows


def multi_hot(labels) -> tuple[list[str], np.ndarray]:
    """The sorted classes and their indicator matrix (n, C) bool; the label `a|b` belongs to both a and b."""
    sets = [set(parts(label)) for label in labels]
    classes = sorted(set().union(*sets))
    column = {name: i for i, name in enumerate(classes)}
    Y = np.zeros((len(sets), len(classes)), bool)
    for indicators, names in zip(Y, sets, strict=True):
        indicators[[column[name] for name in names]] = True
    return classes, Y


def shuffled_among(Y: np.ndarray, units: np.ndarray, rng) -> np.ndarray:
    """Y (n, C) with the labels permuted among the units (n,), whose rows stay together."""
    _, first, unit = np.unique(units, return_index=True, return_inverse=True)
    return Y[rng.permutation(first)[unit]]
