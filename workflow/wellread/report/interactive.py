"""The interactive half of the page: the data that its scripts show, in Bokeh's plots (`plots`) among others."""

import json
import zlib
from base64 import b64encode
from functools import cache
from pathlib import Path

import numpy as np
import pandas as pd
from markupsafe import Markup

from wellread.pictures.labels import GREYS, MARKERS, NEGATIVE, OTHER, STYLES, UNLABELLED
from wellread.report import wells
from wellread.report.field_pictures import field_pictures
from wellread.report.printed import printed_map, printed_plates
from wellread.report.run import Run
from wellread.report.sprites import ACROSS, PER_SHEET, SIDE, sprites
from wellread.runtime import table_files

SCRIPTS = Path(__file__).parent / "scripts"
OWN = ("tables", "enlarge", "explore", "details", "beside", "plots")  # .js, in order
ALWAYS = 2  # of them also without plots
GAP = 3  # wells between plates
STEPS = 2_000  # places on a map, across and down


def plates(run: Run) -> dict:
    """What wells can be coloured by on plates, and of how many plates and wells; nothing if no well has a profile."""
    table = run.once(wells.well_table)
    if not len(run.profiles()) or not table["row"].notna().any():
        return {}
    pictured = "" if run.settings.get("pixel_size") else "the size of a pixel is not known"
    told = {"plates": run.plates, "colours": _titles(run), "n": len(table), "no_scale": pictured}
    return told | {"printed": printed_plates(run, table)}


def maps(run: Run) -> dict:
    """What points of the maps can be coloured by, the models and corrections, and the number of cells on them."""
    pairs = list(run.maps())
    counts = [len(table_files.read(path, "maps", ["kind"], [("kind", "==", "cell")])) for path in run.maps().values()]
    if not pairs:
        return {}
    method = {"umap": "UMAP", "tsne": "t-SNE"}[run.config.get("map", {}).get("method", "umap")]
    told = {"pairs": pairs, "colours": _titles(run), "cells": max(counts, default=0), "method": method}
    return told | {"printed": printed_map(run, main_first(run)[0])}


def main_first(run: Run) -> list[tuple[str, str]]:
    """The models and corrections that have maps, those of `main_pair` first."""
    return sorted(run.maps(), key=lambda pair: pair != wells.main_pair(run))


def data(run: Run) -> dict:
    """All that the scripts show: wells and their columns, maps, pictures of cells; see `scripts/explore.js`."""
    table, cells = run.once(wells.well_table), run.once(sprites)
    item = np.searchsorted(items(run), table["item"].to_numpy(str))
    plates, plate = np.unique(table["plate"].to_numpy(str), return_inverse=True)
    x, y = _places(table, plate)
    return {
        "plates": plates.tolist(),
        "items": items(run).tolist(),
        "wells": {"plate": plate.tolist(), "well": table["well"].tolist(), "item": item.tolist(), "x": x, "y": y}
        | {"control": (table.get("label control", table["item"]) == "negative").astype(int).tolist()},
        "across": _across(len(plates)),
        "size": _plate_size(table),
        "columns": [_column(table[name], name) for name in wells.columns(run)],
        "sprites": {
            "side": SIDE,
            "across": ACROSS,
            "perSheet": PER_SHEET,
            "well": _numbers(cells.cells, table).tolist(),
        },
        "channels": run.settings.get("channels", []),
        "pixelSize": run.settings.get("pixel_size", 0),
        "styles": _styles(),
    }


def items(run: Run) -> np.ndarray:
    """The names of all treatments with their doses, sorted: what numbers of items stand for."""
    return np.unique(run.once(wells.well_table)["item"].to_numpy(str))


def _styles() -> dict:
    """The styles of labels, those of the figures of profiles too, with Bokeh's names of markers."""
    greys = {name: GREYS[key] for name, key in (("none", UNLABELLED), ("other", OTHER), ("controls", NEGATIVE))}
    own = {name: (colour, MARKERS[marker]) for name, (colour, marker) in greys.items()}
    return own | {"labels": [(colour, MARKERS[marker]) for colour, marker in STYLES]}


def packed_maps(run: Run, room: int) -> list[dict]:
    """The maps as {title, packed}, that of `main_pair` first; as many as fit into `room` bytes."""
    found = []
    for pair in main_first(run):
        one = {"title": ", ".join(pair), "packed": pack(_map(run, pair))}
        room -= len(one["packed"])
        if room < 0:
            break
        found.append(one)
    return found


def pictures(run: Run, room: int) -> dict:
    """The pictures of fields that fit into `room` bytes, by the number of their well."""
    return field_pictures(run, room) if run.has_images and plates(run) else {}


def scripts(plots: bool) -> list[Markup]:
    """The page's own scripts: those of tables and pictures, and with plots all."""
    return [Markup((SCRIPTS / f"{name}.js").read_text(encoding="utf-8")) for name in OWN[: None if plots else ALWAYS]]


@cache
def library() -> list[Markup]:
    """The scripts of Bokeh, with that of WebGL, which the page holds as text and runs when it draws its first plot."""
    from bokeh.resources import Resources

    return [Markup(script) for script in Resources(mode="inline", components=["bokeh", "bokeh-gl"]).js_raw[:2]]


def pack(value) -> str:
    """A value as JSON, deflated, in base64: a fourth of its bytes; the page's scripts unpack it."""
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    return b64encode(zlib.compress(text.encode(), 9)).decode()


def as_json(value) -> Markup:
    """A value as JSON that can stand in a script element: no name of a user ends it."""
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    return Markup(text.replace("&", "\\u0026").replace("<", "\\u003c").replace(">", "\\u003e"))


def _titles(run: Run) -> list[str]:
    return [wells.title(name) for name in wells.columns(run)]


def _across(n: int) -> int:
    """How many plates stand side by side, of n."""
    return int(np.ceil(np.sqrt(n * 0.9)))


def _plate_size(table: pd.DataFrame) -> list[int]:
    """Rows and columns that have wells on some plate, and the first of each, counted from 0."""
    spans = [(int(table[name].min()), int(table[name].max())) for name in ("row", "column")]
    return [last - first + 1 for first, last in spans] + [first for first, _ in spans]


def _places(table: pd.DataFrame, plate: np.ndarray) -> tuple[list, list]:
    """Where every well lies on the picture of all plates, y upwards; None where its name does not say."""
    rows, columns, first_row, first_column = _plate_size(table)
    down, right = np.divmod(plate, _across(plate.max(initial=0) + 1))
    x = table["column"] - first_column + right * (columns + GAP)
    y = -(table["row"] - first_row + down * (rows + GAP))
    return _rounded(x), _rounded(y)


def _column(values: pd.Series, name: str) -> dict:
    """A column to colour by: numbers with the limits of their colours, percentiles 2 and 98, or codes of labels."""
    told = {"title": wells.title(name)}
    if name.startswith("number "):
        low, high = np.nanpercentile(values.astype(float), [2, 98])
        return told | {"values": _rounded(values), "low": _rounded([low])[0], "high": _rounded([high])[0]}
    labels, codes = np.unique(values.fillna("").to_numpy(str), return_inverse=True)
    return told | {"labels": labels.tolist(), "values": codes.tolist()}


def _map(run: Run, pair: tuple[str, str]) -> dict:
    """The places of all points of a map, scaled to STEPS, and the numbers of what they are."""
    points, table, found = table_files.read(run.maps()[pair], "maps"), run.once(wells.well_table), {}
    for kind, own in points.groupby("kind"):
        who = pd.Index(items(run)).get_indexer(own["item"]) if kind == "treatment" else _numbers(own, table)
        found[f"{kind}s"] = {"of": who.tolist(), "x": _scaled(own["x"]), "y": _scaled(own["y"])}
        if kind == "cell":
            shown = run.once(sprites).cells.reset_index().set_index(["plate", "row"])["index"]
            keys = pd.MultiIndex.from_frame(own[["plate", "row"]])
            found["cells"]["picture"] = shown.reindex(keys).fillna(-1).astype(int).tolist()
    return found


def _numbers(own: pd.DataFrame, table: pd.DataFrame) -> np.ndarray:
    """The number of every row's well in the table of wells."""
    return pd.MultiIndex.from_frame(table[["plate", "well"]]).get_indexer(
        pd.MultiIndex.from_frame(own[["plate", "well"]])
    )


def _scaled(values: pd.Series) -> list[int]:
    low, high = values.min(), values.max()
    return np.round(STEPS * (values - low) / max(high - low, 1e-9)).astype(int).tolist()


def _rounded(values) -> list:
    """Numbers with four significant digits, whole ones without a point; None where there is none."""
    numbers = [None if value != value or value is None else float(f"{value:.4g}") for value in values]
    return [int(n) if n is not None and n.is_integer() else n for n in numbers]
