"""What the measures share: their tidy result, the choice of labelled profiles, labels as a matrix."""

import numpy as np
import pandas as pd
from scipy.stats import binomtest

from wellread.inputs.cleaning import parts
from wellread.profiles import tables
from wellread.profiles.controls import is_fitting, is_negative
from wellread.runtime.errors import InputError

CHANCE = {"mean_normalised_average_precision": 0.0, "spearman": 0.0}  # of metrics that need no permutations


def row(metric: str, value, n, item: str = "", repeat: int = 0) -> dict:
    """One row of the result: a value of all items (item "") or of one; `n` is the number of observations behind it."""
    return {"metric": metric, "item": item, "repeat": repeat, "value": float(value), "n": int(n)}


def table(rows: list[dict]) -> pd.DataFrame:
    """The result of a measure as a tidy table: metric, item, repeat, value, n."""
    types = {"metric": object, "item": object, "repeat": int, "value": float, "n": int}
    return pd.DataFrame(rows, columns=list(types)).astype(types)


def chance_values(answers: pd.DataFrame, metric: str) -> pd.Series:
    """The overall values of a metric with labels that mean nothing, one for every permutation; none if nobody knows."""
    if metric in CHANCE:
        return pd.Series([CHANCE[metric]])
    own = answers["metric"].isin([f"{metric}_chance", f"chance_{metric}"]) & (answers["item"] == "")
    return answers.loc[own, "value"]


def proportion(metric: str, correct: np.ndarray) -> list[dict]:
    """Result rows of the proportion of `correct` (n,) and its 95 % Wilson interval, which assumes independence."""
    interval = binomtest(int(correct.sum()), len(correct)).proportion_ci(method="wilson")
    values = {metric: correct.mean(), f"{metric}_low": interval.low, f"{metric}_high": interval.high}
    return [row(name, value, len(correct)) for name, value in values.items()]


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
