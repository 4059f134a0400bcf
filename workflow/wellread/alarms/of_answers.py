"""Alarms about answers: those that a design cannot give, those that chance would also give, or a baseline."""

from pathlib import Path

import pandas as pd

from wellread.alarms.alarm import Alarm, names
from wellread.measure.compare import CHANCE, EXPLAINED, both_best, verdict
from wellread.measure.tidy import UNDECIDABLE, chance_values, undecided
from wellread.runtime import table_files


def found(inputs: dict, how: dict, limits: dict) -> list[Alarm]:
    """The alarms of all tasks, and those of their comparison with baselines."""
    tables = {}
    for path in map(Path, inputs.get("tasks", [])):
        tables.setdefault(path.parent.name, {})[path.stem] = table_files.read(path, "answers")
    alarms = [alarm for task, own in tables.items() for alarm in of_task(task, own, how)]
    for path in inputs.get("ladder", []):
        alarms += of_ladder(table_files.read(path, "ladder"), how)
    return alarms


def of_task(task: str, tables: dict[str, pd.DataFrame], how: dict) -> list[Alarm]:
    """What the answers of a task, {MODEL_CORRECTION: table}, cannot say; baselines are expected to say little."""
    own = {pair: table for pair, table in tables.items() if pair.split("_")[0] not in how["baselines"]}
    headline = how["headlines"].get(task, "")
    reasons = dict.fromkeys(filter(None, (why_undecided(table, headline) for table in own.values())))
    of, edit = f"task {task}", "add to the design or the wells table what it lacks, or leave the task out"
    alarms = [Alarm("undecidable", of, reason, "a design that can answer expected", edit) for reason in reasons]
    by_chance = [pair.replace("_", " with ", 1) for pair, table in own.items() if is_chance(table)]
    if by_chance and task not in how["mixed"]:
        edit = "report no effect; more replicates, or another model or correction, may show one"
        words = names("chance gives as much as model", by_chance)
        alarms.append(Alarm("chance", of, words, "an interval above chance expected", edit))
    return alarms


def why_undecided(table: pd.DataFrame, headline: str) -> str:
    """Why the headline of a task, or else its first metric, has no value; "" if it has one.

    Other metrics may ask for more than a design needs.
    """
    reasons = undecided(table)
    first = table.loc[table["item"].eq("") | table["metric"].eq(UNDECIDABLE), "metric"].head(1).eq(UNDECIDABLE).any()
    metric = headline or (next(iter(reasons), "") if first else "")
    return reasons.get(metric, ("", 0))[0]


def is_chance(table: pd.DataFrame) -> bool:
    """Whether the first metric of which chance is known is not above it.

    Its interval reaches the mean by chance, or, where that has a spread, its value the upper 2.5 % of it.
    """
    overall = table[table["item"] == ""].groupby("metric", sort=False)["value"].mean().dropna()
    metric = next((name for name in overall.index if len(chance_values(table, name))), "")
    if not metric:
        return False
    chance = chance_values(table, metric)
    low = overall.get(f"{metric}_low", overall[metric])
    return bool(low <= chance.mean() or (len(chance) > 1 and overall[metric] <= chance.quantile(0.975)))


def of_ladder(ladder: pd.DataFrame, how: dict) -> list[Alarm]:
    """Tasks that the number of cells explains, and models that with no correction are above a baseline."""
    alarms = []
    for (task, metric), rows in ladder.groupby(["task", "metric"], sort=False):
        of = f"task {task}, {metric.replace('_', ' ')}"
        if any(verdict(rows, count, how["baselines"]) == EXPLAINED for count in how["counts"]):
            edit = "normalise by the number of cells, or report toxicity, not a mechanism"
            alarms.append(Alarm("cell_count", of, EXPLAINED, "a model beyond the number of cells expected", edit))
        alarms += [
            Alarm("baseline", of, words, "a model above its baselines expected", "report the baseline")
            for words in below(rows, how["baselines"])
        ]
    return alarms


def below(rows: pd.DataFrame, baselines: list[str]) -> list[str]:
    """Models that are not above a baseline in any correction, in words, but for those that have the highest value."""
    rows = rows[~rows["model"].isin(baselines) & rows["baseline"].isin(baselines) & (rows["baseline"] != CHANCE)]
    best = set(rows.loc[both_best(rows), ["model", "baseline"]].itertuples(index=False, name=None))
    highest = rows.groupby(["model", "baseline"], sort=False)["difference"].max()
    lost = highest[(highest <= 0) & ~highest.index.isin(best)].reset_index()
    return [not_above(baseline, own) for baseline, own in lost.groupby("baseline", sort=False)]


def not_above(baseline: str, lost: pd.DataFrame) -> str:
    """In words: the `model`s that are not above a baseline, and by which `difference` at best."""
    *most, last = lost["model"]
    low, high = (f"{value:+.2g}" for value in (lost["difference"].min(), lost["difference"].max()))
    which = f"{', '.join(most)} and {last} are" if most else f"{last} is"
    by = high if low == high else f"{low} to {high}"
    return f"{which} not above {baseline} with any correction ({by} at best)"
