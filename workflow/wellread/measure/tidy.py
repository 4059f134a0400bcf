"""What the measures share: their tidy result, which rows they look at, labels as a matrix."""

import numpy as np
import pandas as pd
from scipy.stats import binomtest

from wellread.profiles import tables
from wellread.profiles.controls import is_fitting, is_negative
from wellread.runtime.errors import InputError


def row(metric: str, value, n, item: str = "", repeat: int = 0) -> dict:
    """One number, of everything (item "") or of one item; `n` is how many things it rests on."""
    return {"metric": metric, "item": item, "repeat": repeat, "value": float(value), "n": int(n)}


def table(rows: list[dict]) -> pd.DataFrame:
    """The tidy table of a measure: metric, item, repeat, value, n."""
    types = {"metric": object, "item": object, "repeat": int, "value": float, "n": int}
    return pd.DataFrame(rows, columns=list(types)).astype(types)


def share(metric: str, correct: np.ndarray) -> list[dict]:
    """The share of `correct` (n,) and its 95 % Wilson interval, which takes the n to be independent."""
    interval = binomtest(int(correct.sum()), len(correct)).proportion_ci(method="wilson")
    values = {metric: correct.mean(), f"{metric}_low": interval.low, f"{metric}_high": interval.high}
    return [row(name, value, len(correct)) for name, value in values.items()]


def subjects(frame: pd.DataFrame, label: str, controls: bool):
    """The rows that have a label, with the negative controls of the evaluation half or without any.

    Returns metadata, features (n, D), and rows of the metric `left_out`: how many others, for each reason.
    """
    meta, X = tables.split(frame)
    labels = tables.row_names(meta, [label])
    dropped = is_fitting(meta) if controls else is_negative(meta)
    reasons = {"negative controls": dropped, f"no {label}": ~dropped & (labels == "")}
    keep = ~np.logical_or.reduce(list(reasons.values()))
    if not keep.any():
        found = ", ".join(f"{reason}: {mask.sum()} of {len(meta)}" for reason, mask in reasons.items())
        edit = f"fill in the column {label} of the wells table, or remove the task"
        raise InputError(f"profiles with a {label}", f"none ({found})", "the profiles", edit)
    rows = [row("left_out", mask.sum(), len(meta), reason) for reason, mask in reasons.items()]
    return meta[keep].reset_index(drop=True), X[keep], rows


def one_hot(labels) -> tuple[list[str], np.ndarray]:
    """The sorted classes and which of them each row has (n, C) bool; `a|b` has both a and b."""
    sets = [set(label.split("|")) - {""} for label in labels]
    classes = sorted(set().union(*sets))
    place = {name: i for i, name in enumerate(classes)}
    Y = np.zeros((len(sets), len(classes)), bool)
    for own, names in zip(Y, sets, strict=True):
        own[[place[name] for name in names]] = True
    return classes, Y
