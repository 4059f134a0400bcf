"""The answers of a chosen chain (`choose`): every item from the correction that was chosen without its compound."""

import numpy as np
import pandas as pd
from scipy.stats import false_discovery_control

from wellread.measure.choose import averaged
from wellread.measure.tidy import mean_interval, row, table, undecidable, undecided

OF_CONTROLS = ("fakes_below_threshold", "fakes_active")  # that have no items; averaged over what they stand for
RANKED = ("q_value", "active")  # depend on all other items


def nest(choices: pd.DataFrame, answers: dict[str, pd.DataFrame], items: dict, threshold: float, seed: int):
    """Put the answers of a task, {correction: tidy table}, together by the table `choices` of `choose.choose`.

    Returns every metric that is a mean over items (`choose.averaged`), over all units that were reported, with a 95 %
    interval by bootstrap over units; items themselves; of items with p-values q anew, by Benjamini-Hochberg over all;
    `chosen`, the share of folds of every correction, and of every fold its choice with the value it was chosen by.
    `left_out` counts items whose unit is in no fold. Metrics that no item has are not there.
    """
    taken = {name: _held_out(own, choices, name) for name, own in answers.items()}
    rows = _choice_rows(choices)
    together = pd.concat([own[~own["metric"].isin(RANKED)] for own in taken.values()], ignore_index=True)
    together = pd.concat([together, _ranked(taken, threshold)], ignore_index=True)
    metrics = dict.fromkeys(name for own in answers.values() for name in averaged(own, items, threshold))
    heads = pd.concat([together, table([row(name, np.nan, 0) for name in metrics])])
    values = {name: own for name, own in averaged(heads, items, threshold).items() if name in metrics}
    for name, own in values.items():
        rows += mean_interval(name, own.to_numpy(), np.array([_unit(item) for item in own.index]), seed)
    rows += _of_controls(choices, answers)
    if not values:
        rows += _reasons(answers, items, len(choices))
    active = together.loc[together["metric"] == "active", "value"]
    rows += [row("fraction_active", active.mean(), len(active))] if len(active) else []
    missing = {item for own in answers.values() for item in _items(own)["item"]} - set(together["item"])
    rows.append(row("left_out", len(missing), len(missing) + together["item"].nunique(), "not in a fold of choose"))
    return pd.concat([table(rows), together], ignore_index=True)


def _unit(item: str) -> str:
    return item.split(" @ ")[0]


def _items(answers: pd.DataFrame) -> pd.DataFrame:
    """The rows of single items of metrics, without remarks."""
    return answers[(answers["item"] != "") & (answers["n"] > 0) & ~answers["metric"].isin(["left_out", "undecidable"])]


def _held_out(answers: pd.DataFrame, choices: pd.DataFrame, name: str) -> pd.DataFrame:
    """The items of a correction whose unit it was chosen for."""
    units = set(choices.loc[choices["chosen"] & (choices["correction"] == name), "unit"])
    own = _items(answers)
    return own[np.array([_unit(item) in units for item in own["item"]], bool)]


def _ranked(taken: dict[str, pd.DataFrame], threshold: float) -> pd.DataFrame:
    """q-values, and which are below the threshold, of all items that can be decided, whatever their correction."""
    every = pd.concat(taken.values())
    wide = every[every["metric"].isin(["p_value", "q_value"])].pivot(index="item", columns="metric", values="value")
    if "q_value" not in wide or not len(wide := wide.dropna()):
        return table([])
    n = every[every["metric"] == "p_value"].set_index("item")["n"]
    q = pd.Series(false_discovery_control(wide["p_value"]), wide.index)
    both = {"q_value": q, "active": q < threshold}
    return table([row(metric, own[item], n[item], item) for metric, own in both.items() for item in wide.index])


def _choice_rows(choices: pd.DataFrame) -> list[dict]:
    """How often every correction was chosen; for every fold the choice, and the value of it that chose."""
    folds = choices.drop_duplicates(["fold", "correction"])
    rows = [
        row("chosen", own.mean(), len(own), name) for name, own in folds.groupby("correction", sort=False)["chosen"]
    ]
    sizes = choices.groupby("fold")["unit"].nunique()
    picked = folds[folds["chosen"]]
    return rows + [
        row("chosen_by", one.value, sizes[one.fold], f"fold {one.fold}: {one.correction}")
        for one in picked.itertuples()
    ]


def _of_controls(choices: pd.DataFrame, answers: dict[str, pd.DataFrame]) -> list[dict]:
    """Metrics of controls alone, averaged over the units that their correction stands for."""
    shares = choices.loc[choices["chosen"], "correction"].value_counts(normalize=True)
    rows = []
    for metric in OF_CONTROLS:
        found = [own[(own["metric"] == metric) & (own["item"] == "")] for own in map(answers.get, shares.index)]
        if found and all(len(own) for own in found):
            value = sum(own["value"].mean() * share for own, share in zip(found, shares, strict=True))
            rows.append(row(metric, value, min(own["n"].iloc[0] for own in found)))
    return rows


def _reasons(answers: dict[str, pd.DataFrame], items: dict, n: int) -> list[dict]:
    """Why a task has no nested value: what its own answers cannot decide, or that it has no items of compounds."""
    told = {metric: reason for own in answers.values() for metric, (reason, _) in undecided(own).items()}
    told = told or {next(iter(items), "value"): "no item of this task is one of the units that choose divides"}
    return [undecidable(metric, reason, n) for metric, reason in told.items()]
