"""The chapter quality: alarms, and how many fields, cells and wells were kept and lost."""

import pandas as pd

from wellread.profiles.ledger import UNITS, is_kept
from wellread.report import svg
from wellread.report.run import Run
from wellread.runtime import table_files


def alarms(run: Run) -> dict:
    """What is not plausible, as `alarms` found it."""
    tables = [table_files.read(path, "alarms") for path in run.paths("alarms")]
    return {"alarms": [row for table in tables for row in table.to_dict("records")]}


def ledger(run: Run) -> dict:
    """The flow chart of all plates, and a table with a row for every plate."""
    paths = run.paths("ledger")
    if not paths:
        return {"rows": []}
    table = table_files.read(paths[0], "ledger")
    stages = [stage for stage in UNITS if stage in set(table["stage"])]
    of_plates = table[table["plate"] != ""]  # features are those of all plates
    rows = [("all plates", table)] if table["plate"].nunique() > 1 else []
    rows += list(of_plates.groupby("plate"))
    return {
        "flow": svg.flow([_stage_counts(table, stage) for stage in stages]),
        "stages": [{"name": stage, "unit": UNITS[stage]} for stage in stages],
        "rows": [
            {"name": name, "cells": [_cell(rows_of_plate, stage) for stage in stages]} for name, rows_of_plate in rows
        ],
        "kept": {stage: _stage_counts(table, stage)["kept"] for stage in stages},
        "lost": {stage: _stage_counts(table, stage)["lost"] for stage in stages},
    }


def _stage_counts(table: pd.DataFrame, stage: str) -> dict:
    """What a stage kept and lost over all plates; of the first model, if it depends on the model."""
    rows = table[table["stage"] == stage]
    rows = rows[rows["model"] == rows["model"].min()]
    kept = is_kept(rows["reason"])
    n = rows["n"]
    return {"stage": stage, "unit": UNITS[stage], "kept": int(n[kept].sum()), "lost": int(n[~kept].sum())}


def _cell(table: pd.DataFrame, stage: str) -> list[dict]:
    """What a plate kept and lost at a stage, with reasons: one entry, or one for each model if they differ."""
    entries = {}
    for model, rows in table[table["stage"] == stage].groupby("model"):
        counts = rows.groupby("reason")["n"].sum()
        reasons = tuple((reason, int(n)) for reason, n in counts.items() if reason != "kept" and n)
        entries.setdefault((int(counts[is_kept(counts.index.to_series())].sum()), reasons), []).append(model)
    named = len(entries) > 1
    return [
        {"kept": kept, "reasons": reasons, "models": ", ".join(models) if named else ""}
        for (kept, reasons), models in entries.items()
    ]
