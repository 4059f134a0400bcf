"""The first chapter, answer: three sentences with names, what baselines give, and what other corrections lose."""

import pandas as pd

from wellread.measure.three_tests import TESTS
from wellread.report import tasks
from wellread.report.doubt import doubt
from wellread.report.headlines import OTHERS, above_chance, headlines, of_main
from wellread.report.mechanisms import MOST, class_tables, classes, share_no_class
from wellread.report.run import Run
from wellread.report.wells import item_names, known_as
from wellread.runtime import table_files

NAMED = 3  # treatments, pairs and classes that a sentence names


def answer(run: Run) -> dict:
    """What page one says of the main model with the main correction; all numbers stand in tables of other steps.

    `active` and `alike` from hits.parquet; `gathered`, `rows` from the answers of the tasks and the ladder. `others`:
    the corrections and models that stand beside.
    """
    every = run.once(tasks.measure)["tasks"]
    rows = headlines(run)
    table, label = _hits(run), next((name for name in _labels(run) if name != "control"), "moa")
    active = _active(run, table)
    return {
        "active": active,
        "gathered": [told for task in every if (told := _gathered(run, task))],
        "alike": _alike(table, label) if len(table) else None,
        "baselines": list(dict.fromkeys(name for task in every for name in task["ladder"].get("baseline", []))),
        "rows": rows,
        "exceeds_all": [row["task"] for row in rows if row["less"] and set(row["less"]) == set(row["exceeds"])],
        "others": {what: list(dict.fromkeys(name for row in rows for name in row[what])) for what in OTHERS},
        "doubt": doubt(run, rows, active),
    }


def _hits(run: Run) -> pd.DataFrame:
    """The list of hits, empty if there is none, with `item`, its name, and `called`, that and what it is known as."""
    found = [table_files.read(path, "hits") for path in run.paths("hits")]
    if not found or found[0].empty:
        return pd.DataFrame()
    items = item_names(found[0]).tolist()
    called = [f"{name} ({item})" if name else item for item, name in zip(items, known_as(found[0]), strict=True)]
    return found[0].assign(item=items, called=called)


def _labels(run: Run) -> list[str]:
    return [table["label"] for table in class_tables(run)]


def _active(run: Run, table: pd.DataFrame) -> dict | None:
    """How many treatments of the list of hits are active, by how many tests, and the strongest; None without a list.

    Positive controls, which were known to be, are not counted.
    """
    if table.empty:
        return None
    positive = table["control"] == "positive" if "control" in table else pd.Series(False, table.index)
    decided = table[table["active"].notna() & ~positive]
    most = int(decided["active"].max()) if len(decided) else 0
    strongest = decided[decided["active"] > 0].head(NAMED)
    return {
        "model": table["model"].iloc[0],
        "correction": table["correction"].iloc[0],
        "of": len(decided),
        "doses": "dose" in table and table["dose"].nunique() > 1,
        "undecided": int((table["active"].isna() & ~positive).sum()),
        "positive": int(positive.sum()),
        "by_tests": [(n, int((decided["active"] >= n).sum())) for n in range(len(TESTS), 0, -1)],
        "strongest": list(zip(strongest["called"], strongest["active"].astype(int), strict=True)),
        "tests": most,
        "threshold": run.config["hits"].get("threshold", 0.05),
    }


def _gathered(run: Run, task: dict) -> dict:
    """Which classes of a task's first metric are retrieved and which are not, most profiles first: (name, found, of n).

    None is to be named if chance gives as much (`above`). Classes of one profile are left out.
    """
    table, row = classes(run, task["name"]), of_main(run, task)
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
