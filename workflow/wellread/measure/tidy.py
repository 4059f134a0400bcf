"""What the measures share: their tidy result, the choice of labelled profiles, labels as a matrix."""

import numpy as np
import pandas as pd

from wellread.inputs.cleaning import parts
from wellread.profiles import similarity, tables
from wellread.profiles.controls import is_fitting, is_negative
from wellread.runtime.counted import every

UNDECIDABLE = "undecidable"
CORRECTED, SPENT = "corrected_for_label", "judged_by_fitted_controls"  # marks of results
Z95 = 1.959963984540054  # the 97.5 % point of the normal distribution
DRAWS, MIN_UNITS = 2000, 6  # of the bootstrap

CHANCE = {"mean_normalised_average_precision": 0.0, "spearman": 0.0}  # of metrics that need no permutations


def row(metric: str, value, n, item: str = "", repeat: int = 0) -> dict:
    """One row of the result: a value of all items (item "") or of one; `n` is the number of observations behind it."""
    return {"metric": metric, "item": item, "repeat": repeat, "value": float(value), "n": int(n)}


def undecidable(metric: str, reason: str, n) -> dict:
    """The row of a metric that a design cannot answer, in place of its number: the value is NaN, the item says why.

    Such as `nscb: one batch in all 22 rows`; `n` is the number of observations that there were. See `undecided`.
    """
    return row(UNDECIDABLE, np.nan, n, f"{metric}: {reason}")


def undecided(answers: pd.DataFrame) -> dict[str, tuple[str, int]]:
    """The metrics of a tidy table that could not be answered: {metric: (reason, n)}."""
    rows = answers[answers["metric"] == UNDECIDABLE]
    told = [item.split(": ", 1) for item in rows["item"]]
    return {metric: (reason, int(n)) for (metric, reason), n in zip(told, rows["n"], strict=True)}


def table(rows: list[dict]) -> pd.DataFrame:
    """The result of a measure as a tidy table: metric, item, repeat, value, n."""
    types = {"metric": object, "item": object, "repeat": int, "value": float, "n": int}
    return pd.DataFrame(rows, columns=list(types)).astype(types)


def with_left_out(answers: pd.DataFrame, reasons: dict[str, int], n: int) -> pd.DataFrame:
    """A result with rows of `left_out`, {reason: how many of `n`}, before its own."""
    return pd.concat([table([row("left_out", count, n, reason) for reason, count in reasons.items()]), answers])


def chance_values(answers: pd.DataFrame, metric: str) -> pd.Series:
    """The overall values of a metric with labels that mean nothing, one for every permutation; none if nobody knows."""
    if metric in CHANCE:
        return pd.Series([CHANCE[metric]])
    own = answers["metric"].isin([f"{metric}_chance", f"chance_{metric}"]) & (answers["item"] == "")
    return answers.loc[own, "value"]


def marked(answers: pd.DataFrame, marks) -> pd.DataFrame:
    """A result with a row for each of its `marks`, pairs (kind, of what), such as a column a correction was fitted by.

    Kinds are `corrected_for_label` and `judged_by_fitted_controls`.
    """
    return pd.concat([answers, table([row(kind, 1, 1, name) for kind, name in marks])]) if marks else answers


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
    m, rows = len(np.unique(units)), [row(metric, values.mean(), len(values))]
    if m < MIN_UNITS:
        return rows
    limits = zip(("low", "high"), resampled_mean(values, units, [seed, m]), strict=True)
    return rows + [row(f"{metric}_{end}", value, len(values)) for end, value in limits]


def resampled_mean(values: np.ndarray, units: np.ndarray, seed) -> np.ndarray:
    """The limits (2,) of the 95 % percentile interval of the mean of `values` (n,) by bootstrap over `units` (n,)."""
    code = np.unique(units, return_inverse=True)[1]
    sizes, m = np.bincount(code), code.max() + 1
    drawn = np.random.default_rng(seed).multinomial(m, np.full(m, 1 / m), DRAWS)  # (DRAWS, m)
    return np.percentile((drawn @ np.bincount(code, values)) / (drawn @ sizes), [2.5, 97.5])


def independent_units(meta: pd.DataFrame) -> np.ndarray:
    """What the rows (n,) of profiles are independent in: the treatment; of controls, and without one, every row."""
    names = tables.text_column(meta, "treatment") if tables.column("treatment") in meta else np.full(len(meta), "")
    own = (names == "") | (tables.text_column(meta, "control") != "")
    return np.where(own, [f"row {i}" for i in range(len(meta))], np.char.add("of ", names.astype(str)))


def labelled_profiles(
    frame: pd.DataFrame, label: str, controls: bool, split: str = ""
) -> tuple[pd.DataFrame, np.ndarray, list[dict]]:
    """The profiles with a value in the column `label`: metadata, features (n, D), and result rows of `left_out`.

    `controls`: whether the negative controls of the evaluation half are among them; those of the fitting half never
    are; with the column `split`, only those of its values `train` and `test`. `left_out` counts the other profiles by
    reason.
    """
    meta, X = tables.split(frame)
    labels = tables.row_names(meta, [label])
    excluded = is_fitting(meta) if controls else is_negative(meta)
    reasons = {"negative controls": excluded, f"no {label}": ~excluded & (labels == "")}
    if split:
        others = ~np.isin(tables.text_column(meta, split), [similarity.TRAIN, similarity.TEST])
        reasons[f"neither train nor test in {split}"] = others & ~excluded & (labels != "")
    keep = ~np.logical_or.reduce(list(reasons.values()))
    rows = [row("left_out", mask.sum(), len(meta), reason) for reason, mask in reasons.items()]
    return meta[keep].reset_index(drop=True), X[keep], rows


def one_class(classes: list[str], label: str, n: int) -> str:
    """Why `n` profiles of so few `classes` of a label cannot be told apart; "" if they can."""
    if len(classes) > 1:
        return ""
    return f"one {label}, {classes[0]}, in {every(n, 'profile')}" if classes else f"no profile with a {label}"


def one_value(meta: pd.DataFrame, columns) -> str:
    """Why no two rows of metadata differ in all `columns`, pairs such as plate+well too; "" if one cannot say."""
    if not len(meta):
        return "no profile to compare"
    alike = [name for name in columns if len(set(tables.row_names(meta, name.split("+")))) < 2]
    return f"one {alike[0]} in {every(len(meta), 'profile')}" if alike else ""


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
