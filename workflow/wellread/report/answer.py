"""The first chapter, answer: three sentences with names, what baselines give, and what other corrections lose."""

import pandas as pd

from wellread.measure.three_tests import TESTS
from wellread.profiles.subset import condition
from wellread.report import tasks
from wellread.report.doubt import doubt
from wellread.report.headlines import OTHERS, above_chance, headlines, of_main
from wellread.report.hits import by_control, counts, has_doses, listed
from wellread.report.mechanisms import MOST, class_tables, classes, of_several, share_no_class
from wellread.report.run import Run
from wellread.report.tasks import is_number
from wellread.report.wells import item_names, known_as
from wellread.runtime.counted import counted

NAMED = 3  # treatments, pairs and classes that a sentence names


def answer(run: Run) -> dict:
    """What page one says of the main model with the main correction; all numbers stand in tables of other steps.

    `active` and `alike` from hits.parquet; `gathered`, `rows` from the answers of the tasks and the ladder. `others`:
    the corrections and models that stand beside.
    """
    every = run.once(tasks.measure)["tasks"]
    table, label = _hits(run), next((name for name in _labels(run) if name != "control"), "moa")
    active = _active(run, table)
    rows = [row | {"counted": _counted(run, row, table)} for row in headlines(run)]
    compared = [name for task in every for name in task["ladder"].get("baseline", [])]
    return {
        "active": active,
        "gathered": [told for task in every if (told := _gathered(run, task))],
        "alike": _alike(table, label) if len(table) else None,
        "baselines": list(dict.fromkeys([*compared, *(name for row in rows for name in row["plain"])])),
        "rows": rows,
        "exceeds_all": [row["task"] for row in rows if row["less"] and set(row["less"]) == set(row["exceeds"])],
        "others": {what: list(dict.fromkeys(name for row in rows for name in row[what])) for what in OTHERS},
        "doubt": doubt(run, rows, active),
    }


def _hits(run: Run) -> pd.DataFrame:
    """The list of hits, empty if there is none, with `item`, its name, and `called`, that and what it is known as."""
    table = listed(run)
    if table.empty:
        return table
    items = item_names(table).tolist()
    called = [f"{name} ({item})" if name else item for item, name in zip(items, known_as(table), strict=True)]
    return table.assign(item=items, called=called)


def _labels(run: Run) -> list[str]:
    return [table["label"] for table in class_tables(run)]


def _active(run: Run, table: pd.DataFrame) -> dict | None:
    """How many treatments of the list of hits are active, by how many tests, and the strongest; None without a list.

    Positive controls, which were known to be, are not counted.
    """
    if table.empty:
        return None
    treatments, positive = by_control(table)
    strongest = treatments[treatments["active"].fillna(0) > 0].head(NAMED)
    return counts(treatments) | {
        "model": table["model"].iloc[0],
        "correction": table["correction"].iloc[0],
        "doses": has_doses(table),
        "positive": len(positive),
        "strongest": list(zip(strongest["called"], strongest["active"].astype(int), strict=True)),
        "tests": int(treatments["active"].fillna(0).max()) if len(treatments) else 0,
        "silent": [words for name, words in TESTS.items() if treatments[f"{name}_active"].isna().all()],
        "threshold": run.config["hits"].get("threshold", 0.05),
    }


def _counted(run: Run, row: dict, table: pd.DataFrame) -> str:
    """Of a share of active treatments: how many, of what, and of how many nothing can be said; else ""."""
    if row["metric"] != "fraction_active" or not is_number(row["value"]):
        return ""
    entry, (options,) = run.config["tasks"][row["task"]], run.config["tasks"][row["task"]]["measure"].values()
    same, conditions = options.get("sameby", ["treatment"]), entry.get("where", {})
    every = run.wells if table.empty else table
    counted_too = len(by_control(every)[1]) and options.get("negatives", "controls") == "controls"
    told = f"{round(row['value']['value'] * row['value']['n'])} of {counted(row['value']['n'], 'treatment')}"
    told += f", told apart by {' and '.join(same)}" if same != ["treatment"] else ""
    told += f", where {'; '.join(condition(*pair) for pair in conditions.items())}" if conditions else ""
    told += ", all doses of one tested together" if has_doses(every) and "dose" not in {*same, *conditions} else ""
    told += ", positive controls counted too" if counted_too else ""
    undecidable = row["decidable"]["n"] - row["value"]["n"] if is_number(row["decidable"]) else 0
    return told + (f"; {undecidable} more undecidable" if undecidable else "")


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
    own = of_several(table["rows"])
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
