"""A chosen chain: of several corrections the one that does best in a task, reported on compounds it was not chosen by.

`corrections: {NAME: {choose: {among: [...], by: TASK}}}`. The compounds (values of a column of the wells table) are
divided into folds by the seed, or by a column of train and test. For every fold the task is measured with each
correction on the profiles of the other folds' compounds, and the negative controls, alone; the best value chooses.
Profiles of different corrections are no one space, so a chosen chain has no profiles of its own: the folder
`profiles/MODEL/NAME` holds `chosen.parquet`, which says whose profiles stand for which compound. Answers are put
together from those of the corrections, item by item, each from the correction that was chosen without it (`nest`).
A correction chosen and reported by the same compounds would look better than it is (Varma and Simon 2006).
"""

import logging

import numpy as np
import pandas as pd

from wellread.inputs.cleaning import parts
from wellread.profiles import tables
from wellread.profiles.controls import is_negative
from wellread.profiles.similarity import TEST, TRAIN
from wellread.runtime.errors import InputError

log = logging.getLogger("wellread")

BELOW = "fraction_below_threshold"  # of items with p-values; what chooses by activity
COLUMNS = ["unit", "fold", "correction", "value", "chosen"]


def choose(candidates: dict, measure, items: dict, seed: int, *, of, folds, split, metric, threshold) -> pd.DataFrame:
    """Which correction stands for which unit, such as a compound: a row for every unit reported and correction.

    `candidates`: {correction: (profiles,) or (profiles, crossed)} as `measure(profiles, seed, *crossed)` takes them;
    `items`: {metric: metric of its items}. Units are the values of the column `of`; see `fold_of_units` for `folds` and
    `split`, `averaged` for the `metric` that chooses ("" is its first) and the `threshold` of p. Columns: unit, its
    fold, correction, value of the metric on the units of other folds, and whether it was chosen: the highest value, of
    equals the first; none where all lack one. Raises InputError if no correction has such a metric.
    """
    first = next(iter(candidates.values()))[0]
    fold_of, rows = fold_of_units(first, of, folds, split, seed), []
    for fold in sorted(set(fold_of.values()) - {TRAIN}):
        training = {unit for unit, own in fold_of.items() if own != fold}
        values = {}
        for name, frames in candidates.items():
            frame, *others = (_of_units(frame, of, training) for frame in frames)
            values[name] = _score(measure(frame, seed, *others), items, threshold, metric)
        best = max(values, key=lambda name: np.nan_to_num(values[name], nan=-np.inf))
        log.info("fold %s: %s of %s", fold, best, {name: round(value, 4) for name, value in values.items()})
        held_out = [unit for unit, own in fold_of.items() if own == fold]
        for name, value in values.items():
            rows += [(unit, fold, name, value, name == best and value == value) for unit in held_out]
    return pd.DataFrame(rows, columns=COLUMNS)


def threshold(measure: dict) -> float:
    """The threshold of p-values of a measure, {name: options}; .05 where it has none."""
    ((_, options),) = measure.items()
    return options.get("threshold", 0.05)


def fold_of_units(meta: pd.DataFrame, of: str, folds: int, split: str, seed: int) -> dict[str, str]:
    """The fold of every unit, a value of the column `of`, but for those of negative controls only.

    The sorted units are dealt to `folds` folds, "0" and so on, at random. With a column `split` those of its value test
    are the only fold, "test", those of train no fold, "train", and others take no part. Raises InputError if a unit is
    in both, or if there are not two units in each of two sets.
    """
    treated = meta[~is_negative(meta)]
    units = [parts(word) for word in tables.text_column(treated, of)]
    if split:
        found = _sets(units, tables.text_column(treated, split), of, split)
    else:
        names = sorted({unit for own in units for unit in own})
        dealt = np.random.default_rng(seed).permutation(len(names)) % folds
        found = {name: str(fold) for name, fold in zip(names, dealt, strict=True)}
    sizes = pd.Series(found, dtype=object).value_counts()
    if len(sizes) < 2 or sizes.min() < 2:
        told = ", ".join(f"{n} in {fold}" for fold, n in sizes.items()) or "none"
        raise InputError(f"two values of {of} or more in every fold", told, "choose", "write fewer folds")
    return found


def _sets(units: list, sets: np.ndarray, of: str, split: str) -> dict[str, str]:
    found = {}
    pairs = [(unit, word) for own, words in zip(units, sets, strict=True) for word in parts(words) for unit in own]
    for unit, word in pairs:
        if word in (TRAIN, TEST) and found.setdefault(unit, word) != word:
            edit = "write one for all its wells: chosen and reported by the same, a chain looks better than it is"
            raise InputError(f"every {of} in train or in test", f"{unit} in both", f"the column {split}", edit)
    return dict(sorted(found.items()))


def _of_units(frame: pd.DataFrame, of: str, units: set[str]) -> pd.DataFrame:
    """The negative controls, and the rows all of whose values of the column `of` are among `units`."""
    own = [bool(named := parts(word)) and units.issuperset(named) for word in tables.text_column(frame, of)]
    return frame[is_negative(frame) | np.array(own, bool)]


def _score(answers: pd.DataFrame, items: dict, threshold: float, metric: str) -> float:
    """The value of a metric, NaN if these answers do not have it."""
    found = averaged(answers, items, threshold)
    own = found.get(metric or next(iter(found), ""), pd.Series(dtype=float))
    return float(own.mean()) if len(own) else np.nan


def averaged(answers: pd.DataFrame, items: dict, threshold: float) -> dict[str, pd.Series]:
    """The metrics that are means over items: {metric: values by item}.

    First, where items have p-values and are decidable (they have q), whether p is below the `threshold`; those that
    `items` names, {metric: metric of its items}; those whose items have the name of the metric.
    """
    single = answers[(answers["item"] != "") & (answers["n"] > 0)]
    by_metric = {name: own.groupby("item", sort=False)["value"].mean() for name, own in single.groupby("metric")}
    overall = answers.loc[answers["item"] == "", "metric"].unique()
    pairs = {name: of_items for name, of_items in items.items() if of_items in by_metric}
    pairs |= {name: name for name in overall if name in by_metric and name not in pairs}
    found = {name: by_metric[of_items] for name, of_items in pairs.items()}
    if "q_value" in by_metric:
        p = by_metric["p_value"][by_metric["q_value"].index]
        found = {BELOW: (p < threshold).astype(float)} | found
    return found
