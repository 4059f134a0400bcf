"""What the two tables of a dataset say, as a preview tells it: plates, controls, replicates, layouts, labels."""

import numpy as np
import pandas as pd

from wellread.inputs import decode
from wellread.inputs.formats import BadField
from wellread.inputs.references import parse
from wellread.measure import nulls
from wellread.pictures.plate_layout import plate_layout, row_letters
from wellread.plan.dag import Plan
from wellread.runtime.registry import chosen

SIGNS = {"negative": "-", "positive": "+", "": "o"}  # of a well with images, by its kind of control
UNKNOWN, NO_IMAGE, ELSEWHERE = "?", "x", "."  # images without a row in the wells table, the reverse, neither
LEGEND = "o treated, - negative control, + positive control, ? not in the wells table, x without images, . neither"
SHOWN = 4  # plates whose maps are drawn; classes that are named


def plates(images: pd.DataFrame, wells: pd.DataFrame) -> pd.DataFrame:
    """A row per plate with images: wells, fields, least and most sites of a well, negative and positive controls."""
    of_well = images.groupby(["plate", "well"]).size()
    imaged = of_well.reset_index(name="sites").merge(wells[["plate", "well", "control"]], how="left")
    counts = imaged.groupby("plate").agg(wells=("well", "size"), fields=("sites", "sum"), least=("sites", "min"),
                                         most=("sites", "max"))  # fmt: skip
    for kind in ("negative", "positive"):
        counts[kind] = (imaged["control"] == kind).groupby(imaged["plate"]).sum()
    return counts.reset_index()


def signs(images: pd.DataFrame, wells: pd.DataFrame, plate: str) -> dict[str, str]:
    """{well: its sign in a map} of a plate, see LEGEND."""
    own = wells[wells["plate"] == plate]
    control = dict(zip(own["well"], own["control"], strict=True))
    imaged = set(images.loc[images["plate"] == plate, "well"])
    known = {well: SIGNS[kind] if well in imaged else NO_IMAGE for well, kind in control.items()}
    return dict.fromkeys(imaged, UNKNOWN) | known


def map_lines(of_wells: dict[str, str]) -> list[str]:
    """The map of a plate as lines of text; wells without a row and column in their name are left out."""
    places, rows, columns = plate_layout(of_wells)
    if not places:
        return []
    grid = np.full((rows, columns), ELSEWHERE)
    for well, place in places.items():
        grid[place] = of_wells[well]
    heads = "   " + "".join(f"{column + 1:>3}" if column % 2 == 0 else "   " for column in range(columns))
    return [heads, *(f"{row_letters(r):>3}" + "".join(f"{sign:>3}" for sign in grid[r]) for r in range(rows))]


def files(images: pd.DataFrame, channels: list[str]) -> list[dict]:
    """For every channel the first file: path, field, size, dtype and pixel size (µm), or why it is unreadable."""
    rows = []
    for channel in channels:
        row = images[images[channel] != ""].iloc[0]
        several = parse(row[channel]).files
        path = f"{several[0]} and {len(several) - 1} more planes" if len(several) > 1 else row[channel]
        told = {"channel": channel, "path": path, "field": f"{row['plate']} {row['well']} {row['site']}"}
        rows.append(told | _header(parse(row[channel]).path))
    return rows


def _header(path) -> dict:
    try:
        what = decode.describe(path)
    except BadField as error:
        return {"error": error.detail, "size": "", "dtype": "", "pixel_size": 0.0}
    size = " x ".join(f"{axis} {n}" for axis, n in zip(what.axes, what.shape, strict=True))
    return {"error": "", "size": size, "dtype": str(what.dtype), "pixel_size": what.pixel_size}


def design(images: pd.DataFrame, wells: pd.DataFrame) -> dict:
    """Of wells with images: numbers of treatments, of wells of one (least, median, most), of layouts and plates."""
    imaged = wells.merge(images[["plate", "well"]].drop_duplicates(), on=["plate", "well"])
    treated = imaged[(imaged["treatment"] != "") & (imaged["control"] != "negative")]
    sizes = treated.groupby("treatment").size()
    told = {"treatments": len(sizes), "replicates": (), "layouts": 0, "plates": treated["plate"].nunique()}
    if len(sizes):
        told["replicates"] = int(sizes.min()), float(sizes.median()), int(sizes.max())
        held = nulls.layouts(*(treated[name].to_numpy(object) for name in ("plate", "well", "treatment")))
        told["layouts"] = len(set(held.values()))
    return told


def labels(plan: Plan, dataset: str) -> list[dict]:
    """For every task with a label: its classes among the wells with images, {class: wells}, the largest first."""
    wells, rows = plan.screens[dataset].imaged, []
    for name in dict.fromkeys(name for name, *_ in plan.results(dataset, "tasks", "measure")):
        ((_, options),) = plan.config["tasks"][name]["measure"].items()
        label = (
            options.get("label") if "label" in chosen("measure", plan.config["tasks"][name]["measure"]).columns else ""
        )
        if label and label in wells:
            values = wells.loc[wells[label].astype(str) != "", label].astype(str).str.split("|").explode()
            rows.append({"task": name, "label": label, "classes": values.value_counts().to_dict()})
    return rows
