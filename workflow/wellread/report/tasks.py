"""The results of the tasks: the section measure, and the segmentation scores."""

import re

import pandas as pd

from wellread.measure import compare
from wellread.measure.dose_curve import DRAWN
from wellread.measure.tidy import CORRECTED, SPENT, UNDECIDABLE, chance_values, undecided
from wellread.report import svg
from wellread.report.run import Run
from wellread.runtime import table_files
from wellread.runtime.registry import chosen

LOWER_IS_BETTER = ("p_value", "q_value")
NO_ITEMS = (
    "left_out",
    UNDECIDABLE,
    CORRECTED,
    SPENT,
    "chosen",
    "chosen_by",
    *DRAWN,
)  # metrics whose items are remarks, pictures
MAX_ITEMS = 100  # rows of the table of single items
SEGMENTATION = {  # metrics of masks: the heads of their columns
    "true": "true objects", "found": "found", "f1_0.50": "F1 at IoU .5", "f1_0.70": "at .7", "f1_0.90": "at .9",
    "ap": "AP, .5 to .95", "aji": "AJI", "mean_iou": "IoU of matched",
    "missed": "missed", "extra": "extra", "merged": "merged", "split": "split",
}  # fmt: skip


def measure(run: Run) -> dict:
    """Every task on profiles: a table of models x corrections, and the values of single items."""
    return {"tasks": [_task(run, name, paths) for name, paths in run.by_pair("tasks").items()]}


def all_tasks(run: Run) -> dict:
    """What `measure` gives, made once for all chapters."""
    return run.once(measure)


def _task(run: Run, name: str, paths: dict) -> dict:
    tables = {pair: table_files.read(path, "answers") for pair, path in paths.items()}
    metrics = list(dict.fromkeys(metric for table in tables.values() for metric in _metrics(table)))
    values = {pair: [_value(table, metric) for metric in metrics] for pair, table in tables.items()}
    scale = _scale([own[0] for own in values.values() if own and is_number(own[0])])
    described = chosen("measure", run.config["tasks"][name]["measure"]).metrics
    return {
        "name": name,
        "settings": run.config["tasks"][name],
        "looked_at": run.looked_at("tasks", name),
        "metrics": [{"name": metric, "description": described.get(metric, "")} for metric in metrics],
        "rows": [
            {
                "model": model,
                "pair": (model, correction),
                "correction": correction + _mark(tables[model, correction]) + _chosen(tables[model, correction]),
                "values": own,
                "picture": _interval_picture(own, scale),
            }
            for (model, correction), own in values.items()
        ],
        "items": _items(tables),
        "left_out": _left_out(tables),
        "ladder": _ladder(run, name),
        "verdict": _verdict(run, name),
    }


def _ladder(run: Run, task: str) -> pd.DataFrame:
    """The rows of a task's first metric that compare a model with a baseline; none if there are no baselines.

    `best`: whether both have the highest value.
    """
    tables = [table_files.read(path, "ladder") for path in run.paths("ladder")]
    rows = pd.concat([table[table["task"] == task] for table in tables]) if tables else pd.DataFrame()
    return rows[rows["metric"] == rows["metric"].iloc[0]].assign(best=compare.both_best) if len(rows) else rows


def _verdict(run: Run, task: str) -> str:
    """What the ladder of a task says of every model that is the number of cells; nothing if there is none."""
    rows, models = _ladder(run, task), run.config["models"]
    counts = [name for name in models if "cell_count" in models[name].get("encoder", {})]
    found = [compare.verdict(rows, name, rows["baseline"].unique()) for name in counts] if len(rows) else []
    return "; ".join(filter(None, found))


def _mark(table: pd.DataFrame) -> str:
    """What a correction is called besides its name if it was fitted by a column or controls that it is judged by."""
    words = {CORRECTED: "corrected for {}, which is measured", SPENT: "{} was fitted on the controls that judge"}
    told = {kind: list(table.loc[table["metric"] == kind, "item"]) for kind in words}
    found = [words[kind].format(", ".join(names)) for kind, names in told.items() if names]
    return f" ({'; '.join(found)})" if found else ""


def _chosen(table: pd.DataFrame) -> str:
    """What was chosen in each fold, of a chosen chain."""
    rows = table[table["metric"] == "chosen_by"]
    return f" (nested; {', '.join(rows['item'])})" if len(rows) else ""


def _metrics(table: pd.DataFrame) -> list[str]:
    """The metrics that have an overall value or cannot be decided, without limits of intervals and chance."""
    why = table["metric"] == UNDECIDABLE
    names = table["metric"].where(~why, table["item"].str.split(": ").str[0])[why | (table["item"] == "")].unique()
    return [name for name in names if not re.fullmatch("chance_.*|.*_(low|high|chance)", name)]


def _value(table: pd.DataFrame, metric: str) -> dict | None:
    """The overall value of a metric: value, n, interval (low, high) and chance (2.5 %, mean, 97.5 %); or why none."""
    if metric in (why := undecided(table)):
        return {UNDECIDABLE: why[metric][0], "n": why[metric][1]}
    overall = table[table["item"] == ""]
    own, low, high = (overall[overall["metric"] == metric + end] for end in ("", "_low", "_high"))
    chance = chance_values(table, metric)
    if own.empty:
        return None
    band = (chance.quantile(0.025), chance.mean(), chance.quantile(0.975)) if len(chance) else None
    limits = (low["value"].mean(), high["value"].mean()) if len(low) else None
    return {"value": own["value"].mean(), "n": int(own["n"].iloc[0]), "interval": limits, "chance": band}


def is_number(value: dict | None) -> bool:
    """Whether a metric has a value that is not undecidable."""
    return value is not None and "value" in value


def _scale(values: list[dict]) -> tuple[float, float]:
    """From 0 to 1, unless values or chance lie outside."""
    ends = [end for v in values for end in (v["value"], *(v["interval"] or ()), *(v["chance"] or ())) if end == end]
    return min([0.0, *ends]), max([1.0, *ends])


def _interval_picture(values: list, scale: tuple[float, float]):
    """The first metric as a picture."""
    first = values[0] if values else None
    return svg.interval(first["value"], first["interval"], first["chance"], scale) if is_number(first) else ""


def _items(tables: dict) -> list[dict]:
    """A table per metric of single items: items x (model, correction), the best on average first."""
    every = pd.concat([table.assign(pair=" · ".join(pair)) for pair, table in tables.items()])
    every = every[(every["item"] != "") & ~every["metric"].isin(NO_ITEMS)]
    wide = []
    for metric, rows in every.groupby("metric", sort=False):
        values = rows.pivot_table(index="item", columns="pair", values="value", sort=False)
        sign = 1 if metric in LOWER_IS_BETTER else -1
        values = values.iloc[(sign * values.mean(axis=1)).argsort(kind="stable")]
        shown = [(item, row.tolist()) for item, row in values.head(MAX_ITEMS).iterrows()]
        wide.append({"metric": metric, "pairs": list(values), "rows": shown, "n": len(values)})
    return wide


def _left_out(tables: dict) -> list[dict]:
    """How many profiles were left out, with the reason; once where all models and corrections agree."""
    every = pd.concat(tables.values())
    every = every[(every["metric"] == "left_out") & (every["value"] > 0)]
    every = every.rename(columns={"item": "reason", "value": "left", "n": "of"})
    return every[["reason", "left", "of"]].drop_duplicates().to_dict("records")


def segmentation_scores(run: Run) -> list[dict]:
    """Every comparison of masks with label images: its overall metrics, and how many fields were left out."""
    paths = run.by_folder("scores")
    return [_segmentation_score(run, name, paths[name]) for name in run.config["tasks"] if name in paths]


def _segmentation_score(run: Run, name: str, path) -> dict:
    table = table_files.read(path, "answers")
    overall = table[table["item"] == ""].set_index("metric")["value"]
    columns = [metric for metric in SEGMENTATION if metric in overall]
    left_out = table[table["metric"] == "left_out"][["item", "value"]].to_numpy()
    return {
        "name": name,
        "of": run.config["tasks"][name]["measure"]["segmentation"].get("of", "nucleus"),
        "fields": table.loc[(table["metric"] == "true") & (table["item"] != ""), "item"].nunique(),
        "columns": [SEGMENTATION[metric] for metric in columns],
        "values": [overall[metric] for metric in columns],
        "per_field": overall.get("f1_0.50_mean"),
        "left_out": {reason: int(n) for reason, n in left_out if n},
    }
