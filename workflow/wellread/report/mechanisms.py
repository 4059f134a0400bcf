"""The chapter mechanisms: which classes of a label are retrieved, at every level of strictness, and which are not."""

from wellread.inputs.cleaning import parts
from wellread.report.run import Run
from wellread.runtime import table_files

OF_CLASSES = {"nsc": "nsc_class", "nscb": "nscb_class", "balanced_accuracy": "recall"}  # metric: that of its classes
MOST = 0.5  # a class is called retrieved if more than this share of its profiles is


def class_tables(run: Run) -> list[dict]:
    """For every task on classes of a label, with the main model and correction: a table of classes by metrics."""
    return [table for name in run.by_pair("tasks") if (table := classes(run, name))]


def classes(run: Run, task: str) -> dict:
    """The share of every class that is retrieved, by metric, the best first; {} of a task that has no classes.

    `rows`: {name, cells: per metric (share, n) or None}, `several`: how many have two profiles or more by the first
    metric, which are those that page one counts. Profiles of a treatment are no class here.
    """
    path, label = run.by_pair("tasks")[task].get(run.main), label_of(run, task)
    if path is None or label in ("", "treatment"):
        return {}
    table = table_files.read(path, "answers")
    metrics = list(dict.fromkeys(filter(None, (_metric_of(name) for name in table["metric"]))))
    found = {
        metric: {row.item: (row.value, int(row.n)) for row in _rows(table, metric).itertuples()} for metric in metrics
    }
    found = {metric: own for metric, own in found.items() if own}
    if not found:
        return {}
    first, names = next(iter(found.values())), sorted({name for own in found.values() for name in own})
    names.sort(key=lambda name: (-first.get(name, (-1, 0))[0], name))
    rows = [{"name": name, "cells": [own.get(name) for own in found.values()]} for name in names]
    return {"task": task, "label": label, "metrics": list(found), "rows": rows, "several": len(of_several(rows))}


def of_several(rows: list[dict]) -> list[tuple[str, int, int]]:
    """(class, how many of its profiles are retrieved, of how many) by the first metric; classes of one are left out."""
    firsts = [(row["name"], *row["cells"][0]) for row in rows if row["cells"][0]]
    return [(name, round(share * n), n) for name, share, n in firsts if n > 1]


def label_of(run: Run, task: str) -> str:
    """The label whose classes a task asks for: `label`, or the one column of `sameby`; "" if there is none."""
    (options,) = run.config["tasks"][task]["measure"].values()
    sameby = options.get("sameby", [])
    return options.get("label", sameby[0] if len(sameby) == 1 else "")


def share_no_class(one: str, other: str) -> bool:
    """Whether both labels are known and have no class in common; `a|b` has two."""
    return bool(one and other) and not set(parts(one)) & set(parts(other))


def _metric_of(name: str) -> str:
    """The overall metric that a metric of classes stands behind: `nsc_class` behind `nsc`; "" for others."""
    whole = {own: metric for metric, own in OF_CLASSES.items()}
    levels = name.startswith("recall_") and not name.endswith(("_low", "_high", "_chance", "_if_any_well"))
    return whole.get(name, name if levels else "")


def _rows(table, metric: str):
    """The rows of a metric's classes that anything was asked of."""
    return table[(table["metric"] == OF_CLASSES.get(metric, metric)) & (table["item"] != "") & (table["n"] > 0)]
