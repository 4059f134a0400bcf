"""Page one: what was kept and lost from image to well, and the answers of the run in a paragraph."""

import pandas as pd

from wellread.profiles.ledger import UNITS, is_kept
from wellread.report import answers, svg
from wellread.report.run import Run


def ledger(run: Run) -> dict:
    """The flow of all plates, a table of every plate, and the headline of every task."""
    paths = run.paths("ledger")
    if not paths:
        return {"rows": [], "answers": answers.headlines(run)}
    table = pd.read_parquet(paths[0])
    stages = [stage for stage in UNITS if stage in set(table["stage"])]
    rows = [("all plates", table)] if table["plate"].nunique() > 1 else []
    rows += list(table.groupby("plate"))
    return {
        "flow": svg.flow([_bar(table, stage) for stage in stages]),
        "stages": [{"name": stage, "unit": UNITS[stage]} for stage in stages],
        "rows": [{"name": name, "cells": [_cell(part, stage) for stage in stages]} for name, part in rows],
        "kept": {stage: _bar(table, stage)["kept"] for stage in stages},
        "lost": {stage: _bar(table, stage)["lost"] for stage in stages},
        "answers": answers.headlines(run),
    }


def _bar(table: pd.DataFrame, stage: str) -> dict:
    """A stage over all plates; of models that differ, the first."""
    rows = table[table["stage"] == stage]
    rows = rows[rows["model"] == rows["model"].min()]
    kept = is_kept(rows["reason"])
    n = rows["n"]
    return {"stage": stage, "unit": UNITS[stage], "kept": int(n[kept].sum()), "lost": int(n[~kept].sum())}


def _cell(table: pd.DataFrame, stage: str) -> list[dict]:
    """What a plate kept and lost at a stage: one entry, or one for every model if they differ."""
    entries = {}
    for model, rows in table[table["stage"] == stage].groupby("model"):
        counts = rows.groupby("reason")["n"].sum()
        told = tuple((reason, int(n)) for reason, n in counts.items() if reason != "kept" and n)
        entries.setdefault((int(counts[is_kept(counts.index.to_series())].sum()), told), []).append(model)
    named = len(entries) > 1
    return [
        {"kept": kept, "told": told, "models": ", ".join(models) if named else ""}
        for (kept, told), models in entries.items()
    ]
