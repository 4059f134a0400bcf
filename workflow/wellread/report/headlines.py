"""The headline of every task: the metric that its measure declares, of one model and correction."""

from wellread.measure.tidy import UNDECIDABLE
from wellread.report.run import Run
from wellread.report.tasks import is_number, measure
from wellread.runtime.registry import chosen


def headlines(run: Run) -> list[dict]:
    """For every task the metric that its measure declares as headline, of one model and correction; or why none.

    That of the correction that the config names as headline, if it does, and of the model, baselines apart, with the
    highest value. `beside`: other metrics that its measure declares, such as the share of false positives.
    """
    return [told for task in run.once(measure)["tasks"] if (told := _headline(run, task))]


def headline_metrics(measure: dict, names: list[str]) -> list[str]:
    """Those of the metrics that a measure declares as its headline and those beside it, or else the first."""
    declared = chosen("measure", measure).headline
    return [name for name in declared if name in names] or names[:1]


def _headline(run: Run, task: dict) -> dict | None:
    names, rows = [metric["name"] for metric in task["metrics"]], _candidates(run, task["rows"])
    metric, *beside = headline_metrics(task["settings"]["measure"], names) or [""]
    values = [(row, dict(zip(names, row["values"], strict=True))) for row in rows]
    found = [(row, own) for row, own in values if own.get(metric)]
    numbers = [(row, own) for row, own in found if is_number(own[metric])]
    told = {"task": task["name"], "metric": metric, "of": len(numbers)}
    if not numbers:
        return told | {UNDECIDABLE: found[0][1][metric][UNDECIDABLE]} if found else None
    row, own = max(numbers, key=lambda pair: pair[1][metric]["value"])
    others = {name: own[name]["value"] for name in beside if is_number(own[name])}
    return told | {"value": own[metric], "beside": others, "model": row["model"], "correction": row["correction"]}


def _candidates(run: Run, rows: list[dict]) -> list[dict]:
    """The rows of a task that a headline may tell: of the main correction, not of baselines, if there are such."""
    main = [row for row in rows if row["pair"][1] == run.settings.get("headline")] or rows
    return [row for row in main if not run.is_baseline(row["model"])] or main
