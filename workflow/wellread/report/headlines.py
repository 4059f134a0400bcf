"""The headline of every task: the metric that its measure declares, of the main model with the main correction."""

from wellread.measure.tidy import UNDECIDABLE
from wellread.report.run import Run
from wellread.report.tasks import is_number, measure
from wellread.runtime.registry import chosen

OTHERS = ("corrections", "models")  # what stands beside the main ones


def headlines(run: Run) -> list[dict]:
    """A row for every task that has an answer of the main model with the main correction."""
    return [row for task in run.once(measure)["tasks"] if (row := _row(run, task))]


def headline_metrics(measure: dict, names: list[str]) -> list[str]:
    """Those of the metrics that a measure declares as its headline and those beside it, or else the first."""
    declared = chosen("measure", measure).headline
    return [name for name in declared if name in names] or names[:1]


def of_main(run: Run, task: dict) -> dict | None:
    """The row of a task of the main model with the main correction, if it has one."""
    return next((row for row in task["rows"] if row["pair"] == run.main), None)


def above_chance(value: dict | None) -> bool:
    """Whether a value's interval, or without one the value, lies above what chance gives: above 97.5 % of it."""
    if value is None or UNDECIDABLE in value or not value["chance"]:
        return False
    interval = value["interval"]
    return value["value"] > value["chance"][2] and (interval is None or interval[0] > value["chance"][1])


def _row(run: Run, task: dict) -> dict | None:
    """The headline's value, metrics that its measure declares `beside`, the ladder, and what other pairs give.

    `beside`: such as the share of false positives. `corrections`: the values of the main model with other corrections;
    `models`: those of other models, baselines apart, with the main one. `plain`: differences from baselines of a metric
    that is no mean over items, which the ladder therefore does not compare. `decidable`: the share of items
    that the measure can decide, and their number, if it says so.
    """
    row, names = of_main(run, task), [metric["name"] for metric in task["metrics"]]
    metric, *beside = headline_metrics(task["settings"]["measure"], names) or [""]
    if row is None or not metric:
        return None
    own, at = dict(zip(names, row["values"], strict=True)), names.index(metric)
    of = {other["pair"]: other["values"][at] for other in task["rows"] if other["pair"] != run.main}
    beside_it = {name: value for (name, other), value in of.items() if other == run.main[1]}
    return _against(run, task["ladder"]) | {
        "plain": _plain_differences(run, task, own[metric], beside_it),
        "task": task["name"],
        "metric": metric,
        "value": own[metric],
        "above": above_chance(own[metric]),
        "decidable": own.get("fraction_decidable"),
        "beside": {name: own[name]["value"] for name in beside if is_number(own[name])},
        "corrections": {name: value for (model, name), value in of.items() if model == run.main[0]},
        "models": {name: value for name, value in beside_it.items() if not run.is_baseline(name)},
    }


def _plain_differences(run: Run, task: dict, own: dict | None, others: dict) -> dict[str, float]:
    """{baseline: difference} of a task whose measure has no items; {} of others, which the ladder compares."""
    if chosen("measure", task["settings"]["measure"]).items or not is_number(own):
        return {}
    found = {name: value for name, value in others.items() if run.is_baseline(name) and is_number(value)}
    return {name: own["value"] - value["value"] for name, value in found.items()}


def _against(run: Run, ladder) -> dict:
    """What the ladder of a task says of the main model with the main correction, by baseline."""
    if len(ladder):
        ladder = ladder[(ladder["model"] == run.main[0]) & (ladder["correction"] == run.main[1])]
    if not len(ladder):
        return {"compared": "", "less": {}, "exceeds": [], "below": []}
    return {
        "compared": ladder["metric"].iloc[0],
        "less": {told.baseline: told for told in ladder.itertuples()},
        "exceeds": sorted(ladder.loc[ladder["low"] > 0, "baseline"]),
        "below": sorted(ladder.loc[ladder["high"] < 0, "baseline"]),
    }
