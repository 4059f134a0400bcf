"""The chapters of the answers: what the measures say, what the figures show, and what all of it rests on."""

import platform
import re
from importlib.metadata import PackageNotFoundError, version

import pandas as pd

from wellread.pictures import montage
from wellread.report import svg
from wellread.report.run import Run

TOLD = {  # metrics in plain words
    "nsc": "share of treatments whose most similar other compound acts by the same mechanism",
    "nscb": "the same, where that compound must also come from another batch",
    "accuracy": "share of profiles whose nearest neighbours name their label",
    "balanced_accuracy": "the same, every label counting alike however many profiles it has",
    "macro_f1": "mean over the labels of the harmonic mean of precision and recall",
    "mean_average_precision": "how early a well finds its replicates when ranked among controls; 1: all first",
    "mean_normalised_average_precision": "the same, counted from chance: 0 is chance, 1 perfect",
    "fraction_active": "share of treatments that differ from the controls reproducibly (q below the threshold)",
    "fraction_decidable": "share of treatments with wells enough that they could have turned out active",
    "z_prime": "gap between positive and negative controls in units of their spread; above 0.5 is an excellent assay",
    "ssmd": "difference of positive and negative controls over its standard deviation; above 3 is strong",
    "z_prime_optimistic": "Z' on an axis that has seen the wells it places: flattering, for comparison only",
    "ssmd_optimistic": "SSMD on such an axis",
    "spearman": "rank correlation of dose and distance to the controls: 1 if more is always stronger",
}
NO_EFFECT = {"mean_normalised_average_precision": 0.0, "spearman": 0.0}  # chance, where it needs no simulation
SMALL_IS_GOOD = ("p_value", "q_value")
LISTED = 100  # items in full
FIGURE_WIDTH = 1300  # px
PACKAGES = ("numpy", "pandas", "scikit-image", "scikit-learn", "scipy", "torch", "umap-learn", "snakemake")


def measure(run: Run) -> dict:
    """Every task: a table of models x corrections, and the values of single items."""
    return {"tasks": [_task(run, name, paths) for name, paths in run.by_pair("tasks").items()]}


def headlines(run: Run) -> list[dict]:
    """The first metric of every task where it is highest, and among how many."""
    tops = []
    for task in measure(run)["tasks"]:
        rows = [row for row in task["rows"] if row["values"] and row["values"][0]]
        if rows:
            top = max(rows, key=lambda row: row["values"][0]["value"])
            tops.append({"task": task["name"], "metric": task["metrics"][0]["name"], "of": len(rows), **top})
    return tops


def _task(run: Run, name: str, paths: dict) -> dict:
    tables = {pair: pd.read_parquet(path) for pair, path in paths.items()}
    metrics = list(dict.fromkeys(metric for table in tables.values() for metric in _metrics(table)))
    values = {pair: [_value(table, metric) for metric in metrics] for pair, table in tables.items()}
    scale = _scale([own[0] for own in values.values() if own and own[0]])
    return {
        "name": name,
        "settings": run.config["tasks"][name],
        "metrics": [{"name": metric, "told": TOLD.get(metric, "")} for metric in metrics],
        "rows": [
            {"model": model, "correction": correction, "values": own, "strip": _strip(own, scale)}
            for (model, correction), own in values.items()
        ],
        "items": _items(tables),
        "left_out": _left_out(tables),
    }


def _metrics(table: pd.DataFrame) -> list[str]:
    """The metrics that have a value of everything, without intervals and chance."""
    names = table.loc[table["item"] == "", "metric"].unique()
    return [name for name in names if not re.fullmatch("chance_.*|.*_(low|high|chance)", name)]


def _value(table: pd.DataFrame, metric: str) -> dict | None:
    """A metric of everything: value, n, interval (low, high) and chance (2.5 %, mean, 97.5 %), where there are any."""
    overall = table[table["item"] == ""]
    own, low, high = (overall[overall["metric"] == metric + end] for end in ("", "_low", "_high"))
    chance = overall.loc[overall["metric"].isin([f"{metric}_chance", f"chance_{metric}"]), "value"]
    if own.empty:
        return None
    band = (chance.quantile(0.025), chance.mean(), chance.quantile(0.975)) if len(chance) else None
    if metric in NO_EFFECT:
        band = (NO_EFFECT[metric],) * 3
    span = (low["value"].mean(), high["value"].mean()) if len(low) else None
    return {"value": own["value"].mean(), "n": int(own["n"].iloc[0]), "span": span, "chance": band}


def _scale(values: list[dict]) -> tuple[float, float]:
    """From 0 to 1, unless values or chance lie outside."""
    ends = [end for v in values for end in (v["value"], *(v["span"] or ()), *(v["chance"] or ())) if end == end]
    return min([0.0, *ends]), max([1.0, *ends])


def _strip(values: list, scale: tuple[float, float]):
    """The first metric as a picture."""
    first = values[0] if values else None
    return svg.interval(first["value"], first["span"], first["chance"], scale) if first else ""


def _items(tables: dict) -> list[dict]:
    """A table per metric of single items: items x (model, correction), the best on average first."""
    every = pd.concat([table.assign(pair=" · ".join(pair)) for pair, table in tables.items()])
    every = every[(every["item"] != "") & (every["metric"] != "left_out")]
    wide = []
    for metric, rows in every.groupby("metric", sort=False):
        values = rows.pivot_table(index="item", columns="pair", values="value", sort=False)
        towards = 1 if metric in SMALL_IS_GOOD else -1
        values = values.iloc[(towards * values.mean(axis=1)).argsort(kind="stable")]
        shown = [(item, row.tolist()) for item, row in values.head(LISTED).iterrows()]
        wide.append({"metric": metric, "pairs": list(values), "rows": shown, "n": len(values)})
    return wide


def _left_out(tables: dict) -> list[dict]:
    """What measures did not look at, with the reason; once where all models and corrections agree."""
    every = pd.concat(tables.values())
    every = every[(every["metric"] == "left_out") & (every["value"] > 0)]
    every = every.rename(columns={"item": "reason", "value": "left", "n": "of"})
    return every[["reason", "left", "of"]].drop_duplicates().to_dict("records")


def draw(run: Run) -> dict:
    """Every figure, for every model and correction."""
    return {
        "figures": [
            {
                "name": name,
                "pictures": [
                    {"model": model, "correction": correction, "uri": montage.picture_uri(path, FIGURE_WIDTH)}
                    for (model, correction), path in paths.items()
                ],
            }
            for name, paths in run.by_pair("figures").items()
        ]
    }


def provenance(run: Run) -> dict:
    """Versions, and the part of the config that this dataset depends on."""
    nouns = {noun: run.config[noun] for noun in ("models", "corrections", "tasks", "figures")}
    return {
        "python": platform.python_version(),
        "packages": {package: _version(package) for package in PACKAGES},
        "config": {"seed": run.config["seed"], "datasets": {run.dataset: run.settings}, **nouns},
    }


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "not installed where the report was made"
