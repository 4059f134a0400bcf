"""Pictures of fields and cells, and how the masks compare with the truth where there is one."""

import pandas as pd

from wellread.pictures import montage
from wellread.report.run import Run

WIDTH = 1500  # px
TOLD = ("true", "found", "f1_0.50", "f1_0.70", "f1_0.90", "ap", "aji", "mean_iou", "missed", "extra", "merged", "split")
WORDS = {"true": "true objects", "f1_0.50": "F1 at IoU .5", "f1_0.70": "at .7", "f1_0.90": "at .9"}
WORDS |= {"ap": "AP, .5 to .95", "aji": "AJI", "mean_iou": "IoU of matched"}


def look(run: Run) -> dict:
    """Every picture of fields, cells and plates, in the order of the config."""
    found = run.by_folder("looks")
    return {
        "pictures": [
            {"name": n, "uri": montage.picture_uri(found[n], WIDTH)} for n in run.config["figures"] if n in found
        ]
    }


def scores(run: Run) -> list[dict]:
    """Every comparison of masks with label images: what it looked at, its overall figures, and fields left out."""
    found = run.by_folder("scores")
    return [_score(run, name, found[name]) for name in run.config["tasks"] if name in found]


def _score(run: Run, name: str, path) -> dict:
    told = pd.read_parquet(path)
    overall = told[told["item"] == ""].set_index("metric")["value"]
    columns = [metric for metric in TOLD if metric in overall]
    return {
        "name": name,
        "of": run.config["tasks"][name]["measure"]["segmentation"].get("of", "nucleus"),
        "fields": told.loc[(told["metric"] == "true") & (told["item"] != ""), "item"].nunique(),
        "columns": [WORDS.get(metric, metric) for metric in columns],
        "values": [overall[metric] for metric in columns],
        "per_field": overall.get("f1_0.50_mean"),
        "left_out": {item: int(n) for item, n in told[told["metric"] == "left_out"][["item", "value"]].to_numpy() if n},
    }
