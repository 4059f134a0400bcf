"""The list of hits in the report: the strongest ones, with cells and curves over doses."""

import pandas as pd

from wellread.measure.three_tests import TESTS
from wellread.profiles import tables
from wellread.report.doses import dose_curves
from wellread.report.run import Run
from wellread.report.sprites import strips
from wellread.report.wells import item_names, known_as
from wellread.runtime import table_files

SHOWN = 2000  # rows of the table
FIRST = 100  # of which are laid out before all are asked for
CURVES = 40  # treatments with doses that have a picture
LONGEST = 40  # characters of a label


def hits(run: Run) -> dict:
    """The strongest hits, how many treatments are active by every test, and why some are undecidable; or nothing."""
    table, options = listed(run), run.config.get("hits", {})
    if table.empty:
        return {}
    labels = [name for name in list(table)[_last(table) + 1 :] if table[name].nunique() > 1]
    treatments, positive = by_control(table)
    reasons = treatments.loc[treatments["reason"] != "", "reason"].value_counts(sort=False)
    items = item_names(table)
    names = {item: name for item, name in zip(items, known_as(table), strict=True) if name}
    shown = zip(table.head(SHOWN).to_dict("records"), items, strict=False)
    return {
        "rows": [_row(row, labels, item, names.get(item, "")) for row, item in shown],
        "names": names,
        "strips": strips(run, items.tolist()),
        **dose_curves(run, table, CURVES),
        "n": len(table),
        "first": FIRST,
        "model": table["model"].iloc[0],
        "correction": table["correction"].iloc[0],
        "threshold": options.get("threshold", 0.05),
        "tests": [_test(treatments, name) for name in TESTS],
        "doses": has_doses(table),
        "counts": counts(treatments),
        "positive": counts(positive),
        "undecidable": [(reason, int(n)) for reason, n in reasons.items()],
    }


def listed(run: Run) -> pd.DataFrame:
    """The list of hits, the strongest first; empty without one."""
    found = [table_files.read(path, "hits") for path in run.paths("hits")]
    return found[0] if found else pd.DataFrame()


def by_control(table: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame]:
    """The treatments of a list of hits, and its positive controls, which are no finds: they were known to be active."""
    positive = table["control"] == "positive" if "control" in table else pd.Series(False, table.index)
    return table[~positive], table[positive]


def counts(table: pd.DataFrame) -> dict:
    """Of how many rows some test decides (`of`) or none; `by_tests`: (n, how many are active by n tests or more)."""
    decided = table["active"].dropna()
    by_tests = [(n, int((decided >= n).sum())) for n in range(len(TESTS), 0, -1)]
    return {"of": len(decided), "undecided": len(table) - len(decided), "by_tests": by_tests}


def has_doses(table: pd.DataFrame) -> bool:
    """Whether a list of hits tests treatments at several doses, each by itself."""
    return "dose" in table and table["dose"].nunique() > 1


def _last(table: pd.DataFrame) -> int:
    """Where the last column is that is no label."""
    return max(i for i, name in enumerate(table) if name == "reason" or name.startswith("nearest_"))


def _test(table: pd.DataFrame, name: str) -> dict:
    active = table[f"{name}_active"].dropna()
    return {
        "name": TESTS[name],
        "key": name,
        "active": int(active.sum()),
        "decided": len(active),
        "floor": table[f"{name}_floor"].median(),
    }


def _row(row: dict, labels: list[str], item: str, known: str) -> dict:
    near = [(row[key], row[f"{key}_cosine"]) for key in row if key.startswith("nearest_") and f"{key}_cosine" in row]
    words = [str(row[key]) for key in labels if not pd.isna(row[key]) and row[key] not in ("", row["treatment"], known)]
    return {
        "item": item,
        **{key: row[key] for key in ("treatment", "wells", "cells", "distance", "reason")},
        "dose": "" if pd.isna(row.get("dose")) else tables.number_word(row["dose"]),
        "active": "–" if pd.isna(row["active"]) else f"{row['active']} of {len(TESTS)}",
        "n_active": "" if pd.isna(row["active"]) else int(row["active"]),
        "tests": [{key: row[f"{name}{key}"] for key in ("", "_low", "_high", "_p", "_q")} for name in TESTS],
        "nearest": [(name, cosine) for name, cosine in near if name],
        "labels": ", ".join(dict.fromkeys(word for word in words if len(word) <= LONGEST)),
    }
