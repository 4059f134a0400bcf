"""The first chapter, answer: three sentences with names, what baselines give, and what other corrections lose."""

import pandas as pd

from wellread.measure.three_tests import TESTS
from wellread.measure.tidy import UNDECIDABLE
from wellread.report import tasks
from wellread.report.doubt import doubt
from wellread.report.headlines import headline_metrics, headlines
from wellread.report.mechanisms import MOST, class_tables, classes, share_no_class
from wellread.report.run import Run
from wellread.report.wells import item_names
from wellread.runtime import table_files

NAMED = 3  # treatments, pairs and classes that a sentence names
NAMES = ("pert_iname", "compound_name", "name", "compound")  # columns of the wells table that say what an identifier is


def answer(run: Run) -> dict:
    """What page one says of the main model with the main correction; all numbers stand in tables of other steps.

    `active` and `alike` from hits.parquet, `gathered` and `rows` from the answers of the tasks and the ladder.
    """
    every = run.once(tasks.measure)["tasks"]
    rows = [row for task in every if (row := _row(run, task))]
    table, label = _hits(run), next(iter(_labels(run)), "moa")
    active = _active(run, table)
    return {
        "active": active,
        "gathered": [told for task in every if (told := _gathered(run, task))],
        "alike": _alike(table, label) if len(table) else None,
        "baselines": list(dict.fromkeys(name for task in every for name in task["ladder"].get("baseline", []))),
        "rows": rows,
        "exceeds_all": [row["task"] for row in rows if row["less"] and set(row["less"]) == set(row["exceeds"])],
        "corrections": list(dict.fromkeys(row["pair"][1] for task in every for row in task["rows"])),
        "headlines": headlines(run),
        "doubt": doubt(run, rows, active),
    }


def _hits(run: Run) -> pd.DataFrame:
    """The list of hits, empty if there is none, with `item`, its name, and `called`, that and what it is known as."""
    found = [table_files.read(path, "hits") for path in run.paths("hits")]
    if not found or found[0].empty:
        return pd.DataFrame()
    items = item_names(found[0]).tolist()
    column = next((name for name in NAMES if name in found[0]), None)
    known = found[0][column].fillna("").astype(str) if column else [""] * len(items)
    called = [
        f"{name} ({item})" if name and name not in item else item for item, name in zip(items, known, strict=True)
    ]
    return found[0].assign(item=items, called=called)


def _labels(run: Run) -> list[str]:
    return [table["label"] for table in class_tables(run)]


def _active(run: Run, table: pd.DataFrame) -> dict | None:
    """How many treatments of the list of hits are active, by how many tests, and the strongest; None without a list."""
    if table.empty:
        return None
    decided = table[table["active"].notna()]
    most = int(decided["active"].max()) if len(decided) else 0
    strongest = decided[decided["active"] == most] if most else decided.head(0)
    return {
        "model": table["model"].iloc[0],
        "correction": table["correction"].iloc[0],
        "of": len(decided),
        "doses": "dose" in table and table["dose"].nunique() > 1,
        "undecided": len(table) - len(decided),
        "by_tests": [(n, int((decided["active"] >= n).sum())) for n in range(len(TESTS), 0, -1)],
        "strongest": strongest["called"].head(NAMED).tolist(),
        "tests": most,
        "threshold": run.config["hits"].get("threshold", 0.05),
    }


def _gathered(run: Run, task: dict) -> dict:
    """Which classes of a task's first metric are retrieved and which are not, most profiles first: (name, found, of n).

    None is to be named if chance gives as much (`above`). Classes of one profile are left out.
    """
    table, row = classes(run, task["name"]), _main(run, task)
    if not table or row is None:
        return {}
    value = dict(zip([metric["name"] for metric in task["metrics"]], row["values"], strict=True))[table["metrics"][0]]
    described = {metric["name"]: metric["description"] for metric in task["metrics"]}
    told = {"task": task["name"], "label": table["label"], "metric": table["metrics"][0], "value": value}
    words = described[told["metric"]].split(";")[0]
    told["described"] = "" if words.startswith("the same") else words
    own = [(one["name"], round(one["cells"][0][0] * one["cells"][0][1]), one["cells"][0][1])
           for one in table["rows"] if one["cells"][0] and one["cells"][0][1] > 1]  # fmt: skip
    yes = sorted((one for one in own if one[1] > MOST * one[2]), key=lambda one: (-one[1], one[2], one[0]))
    no = sorted((one for one in own if one[1] <= MOST * one[2]), key=lambda one: (one[1], -one[2], one[0]))
    return told | {"above": above_chance(value), "of": len(own), "yes": yes, "no": no}


def above_chance(value: dict | None) -> bool:
    """Whether a value's interval, or without one the value, lies above what chance gives: above 97.5 % of it."""
    if value is None or UNDECIDABLE in value or not value["chance"]:
        return False
    interval = value["interval"]
    return value["value"] > value["chance"][2] and (interval is None or interval[0] > value["chance"][1])


def _alike(table: pd.DataFrame, label: str) -> dict:
    """Pairs of active treatments of different classes of which one is the most similar to the other, closest first."""
    if label not in table or "nearest_1" not in table:
        return {"label": label, "pairs": [], "n": 0, "known": False}
    active = table[table["active"].fillna(0) > 0].set_index("item")
    pairs = {}
    for item, row in active.iterrows():
        if (near := row["nearest_1"]) in active.index and share_no_class(row[label], active.loc[near, label]):
            pairs.setdefault(frozenset((item, near)), (row, active.loc[near], row["nearest_1_cosine"]))
    found = sorted(pairs.values(), key=lambda pair: (-pair[2], pair[0]["called"]))
    told = [((a["called"], a[label]), (b["called"], b[label]), cosine) for a, b, cosine in found[:NAMED]]
    return {"label": label, "pairs": told, "n": len(found), "known": True}


def _main(run: Run, task: dict) -> dict | None:
    return next((row for row in task["rows"] if row["pair"] == run.main), None)


def _row(run: Run, task: dict) -> dict | None:
    """A task's headline with the main model: its value, the rows of the ladder, and the other corrections' values."""
    row = _main(run, task)
    names = [metric["name"] for metric in task["metrics"]]
    metric = next(iter(headline_metrics(task["settings"]["measure"], names)), "")
    if row is None or not metric:
        return None
    at = names.index(metric)
    own = {other["pair"][1]: other["values"][at] for other in task["rows"] if other["pair"][0] == run.main[0]}
    ladder = task["ladder"]
    if len(ladder):
        ladder = ladder[(ladder["model"] == run.main[0]) & (ladder["correction"] == run.main[1])]
    return {
        "task": task["name"],
        "metric": metric,
        "value": row["values"][at],
        "above": above_chance(row["values"][at]),
        "compared": ladder["metric"].iloc[0] if len(ladder) else "",
        "less": {told.baseline: told for told in ladder.itertuples()} if len(ladder) else {},
        "exceeds": sorted(ladder.loc[ladder["low"] > 0, "baseline"]) if len(ladder) else [],
        "below": sorted(ladder.loc[ladder["high"] < 0, "baseline"]) if len(ladder) else [],
        "others": {name: value for name, value in own.items() if name != run.main[1]},
    }
