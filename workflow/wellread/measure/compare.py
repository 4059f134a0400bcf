"""How far models exceed baselines: paired differences of a task's items, with bootstrap intervals over compounds."""

from pathlib import Path
from zlib import crc32

import numpy as np
import pandas as pd
from scipy.stats import bootstrap

from wellread.measure.tidy import chance_values
from wellread.runtime import table_files

CHANCE = "shuffled labels"  # the baseline that every model has: its own profiles
EXPLAINED = "explained by cell count"  # what is said of a task, see `verdict`
RESAMPLES = 2000
FEWEST = 5  # compounds: of fewer the bootstrap tells nothing
BEST = 1 - 1e-9  # the highest value of every metric that is a mean over items, but for rounding
COLUMNS = ["task", "metric", "correction", "model", "baseline", "value", "baseline_value", "difference", "low", "high"]
COLUMNS += ["items", "compounds"]


def compare(answers, baselines: list[str], items: dict, *, seed: int) -> pd.DataFrame:
    """The ladder: a row for every task, metric, correction and pair (model, baseline), of baselines themselves, too.

    `answers` are the paths TASK/MODEL_CORRECTION.parquet of measures; `items`: {task: {metric: metric of its items}}
    for metrics that are a mean over items. `value` and `baseline_value` are those means over the items that both have,
    `difference` the first less the second, `low` and `high` its 95 % percentile interval over resampled compounds
    (Efron and Tibshirani 1993, chapter 13), whose doses stay together; NaN for fewer than five compounds. "shuffled
    labels" is a baseline of every model where its measure tells a value by chance.
    """
    values = pd.concat([own for path in map(Path, answers) for own in _values(path, items)], ignore_index=True)
    rows = []
    for place, own in values.groupby(["task", "metric", "correction"], sort=False):
        wide = own.pivot(index="item", columns="model", values=["value", CHANCE])
        for model, baseline in _pairs(list(own["model"].unique()), baselines):
            others = wide[CHANCE, model] if baseline == CHANCE else wide["value", baseline]
            found = paired_difference(wide["value", model], others, [seed, crc32("/".join(place[:2]).encode())])
            rows += [(*place, model, baseline, *found)] if found else []
    return pd.DataFrame(rows, columns=COLUMNS)


def _pairs(models: list[str], baselines: list[str]) -> list[tuple[str, str]]:
    """Every model with every baseline that is another one of them, and with chance."""
    return [(m, b) for m in models for b in [*baselines, CHANCE] if b == CHANCE or (b in models and b != m)]


def _values(path: Path, items: dict):
    """The values of single items, of every metric of a task, and what chance gives on average."""
    table = table_files.read(path, "answers")
    model, correction = path.stem.split("_", 1)
    for metric, of_items in items[path.parent.name].items():
        rows = table[(table["metric"] == of_items) & (table["item"] != "") & (table["n"] > 0)]
        means = rows.groupby("item", sort=False)["value"].mean().reset_index()
        place = {"task": path.parent.name, "metric": metric, "model": model, "correction": correction}
        yield means.assign(**place, **{CHANCE: chance_values(table, metric).mean()})


def paired_difference(values: pd.Series, others: pd.Series, seed) -> tuple:
    """Both means, the difference, its interval (low, high), and the numbers of items and of compounds; () of no items.

    The series are by item, such as `taxol @ 0.3`, what stands before the @ is the compound.
    """
    both = pd.DataFrame({"value": values, "other": others}).dropna()
    if both.empty:
        return ()
    differences = (both["value"] - both["other"]).groupby([item.split(" @ ")[0] for item in both.index])
    sums, sizes = differences.sum().to_numpy(), differences.size().to_numpy()
    interval = _interval(sums, sizes, np.random.default_rng(seed)) if len(sums) >= FEWEST else (np.nan, np.nan)
    return *both.mean(), sums.sum() / sizes.sum(), *interval, len(both), len(sums)


def _interval(sums: np.ndarray, sizes: np.ndarray, rng) -> tuple[float, float]:
    """The 95 % interval of sum(sums) / sum(sizes) over resampled compounds."""

    def mean(sums, sizes, axis):
        return sums.sum(axis=axis) / sizes.sum(axis=axis)

    options = {"paired": True, "vectorized": True, "method": "percentile", "n_resamples": RESAMPLES, "rng": rng}
    return tuple(bootstrap((sums, sizes), mean, **options).confidence_interval)


def both_best(ladder: pd.DataFrame) -> pd.Series:
    """In which rows of a ladder a model and its baseline both have the highest value, so that none can be above."""
    return (ladder["value"] >= BEST) & (ladder["baseline_value"] >= BEST)


def verdict(ladder: pd.DataFrame, count: str, baselines) -> str:
    """What the rows of a ladder say, in words, about the model `count`, whose profiles are numbers of cells.

    One exceeds another if the interval of their difference is above 0. A model that is none of `baselines` and, with
    some correction, exceeds both the number of cells and shuffled labels is "beyond cell count". If there is none, and
    with some correction the number of cells exceeds shuffled labels, the screen is "explained by cell count".
    """
    exceeds = {(row.correction, row.model, row.baseline) for row in ladder.itertuples() if row.low > 0}
    rows = ladder[(ladder["baseline"] == count) & ~ladder["model"].isin([*baselines])]
    if rows.empty:
        return ""
    if rows["low"].isna().all():
        return f"undecidable: {rows['compounds'].max()} compounds, {FEWEST} are needed"
    above = [
        (c, model) for c, model, baseline in sorted(exceeds) if baseline == count and (c, model, CHANCE) in exceeds
    ]
    if better := sorted({model for _, model in above if model not in baselines}):
        return f"beyond cell count: {', '.join(better)}"
    if any((correction, count, CHANCE) in exceeds for correction in ladder["correction"]):
        return EXPLAINED
    return "no model exceeds cell count, and cell count does not exceed shuffled labels"
