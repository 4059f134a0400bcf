"""The interactive half of the page: Bokeh's plots, still empty, and the data that the page's own scripts put there."""

import json
import re
import zlib
from base64 import b64encode
from functools import cache
from pathlib import Path

import numpy as np
import pandas as pd
from markupsafe import Markup

from wellread.report import wells
from wellread.report.field_pictures import field_pictures
from wellread.report.run import Run
from wellread.report.sprites import ACROSS, PER_SHEET, SIDE, sprites
from wellread.runtime import table_files

SCRIPTS = Path(__file__).parent / "scripts"
ALWAYS, OWN = 2, ("tables", "enlarge", "explore", "details", "plots")  # .js, in order; so many also without plots
GAP = 3  # wells between plates
STEPS = 2_000  # places on a map, across and down


def plates(run: Run) -> dict:
    """What wells can be coloured by on plates, and of how many plates and wells; nothing if no well has a profile."""
    table = run.once(wells.well_table)
    if not len(run.profiles()) or not table["row"].notna().any():
        return {}
    pictured = "" if run.settings.get("pixel_size") else "the size of a pixel is not known"
    return {"plates": run.plates, "colours": _titles(run), "n": len(table), "no_scale": pictured}


def maps(run: Run) -> dict:
    """What points of the maps can be coloured by, the models and corrections, and the number of cells on them."""
    pairs = list(run.maps())
    counts = [len(table_files.read(path, "maps", ["kind"], [("kind", "==", "cell")])) for path in run.maps().values()]
    return {"pairs": pairs, "colours": _titles(run), "cells": max(counts, default=0)} if pairs else {}


def data(run: Run) -> dict:
    """All that the scripts show: wells and their columns, maps, pictures of cells; see `scripts/explore.js`."""
    table, cells = run.once(wells.well_table), run.once(sprites)
    items, item = np.unique(table["item"].to_numpy(str), return_inverse=True)
    plates, plate = np.unique(table["plate"].to_numpy(str), return_inverse=True)
    x, y = _places(table, plate)
    return {
        "plates": plates.tolist(),
        "items": items.tolist(),
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
    }


def packed_maps(run: Run, room: int) -> list[dict]:
    """The maps as {title, packed}, that of `main_pair` first; as many as fit into `room` bytes."""
    items = np.unique(run.once(wells.well_table)["item"].to_numpy(str))
    pairs, found = sorted(run.maps(), key=lambda pair: pair != wells.main_pair(run)), []
    for pair in pairs:
        one = {"title": ", ".join(pair), "packed": pack(_map(run, pair, items))}
        room -= len(one["packed"])
        if room < 0:
            break
        found.append(one)
    return found


def pictures(run: Run, room: int) -> dict:
    """The pictures of fields that fit into `room` bytes, by the number of their well."""
    return field_pictures(run, room) if run.has_images and plates(run) else {}


def scripts(plots: bool) -> list[Markup]:
    """The scripts of the page: its tables' and pictures', and with plots Bokeh's (that of WebGL too) and its own."""
    own = [Markup((SCRIPTS / f"{name}.js").read_text(encoding="utf-8")) for name in OWN[: None if plots else ALWAYS]]
    return [*own[:ALWAYS], *_bokeh(), *own[ALWAYS:]] if plots else own


@cache
def _bokeh() -> list[Markup]:
    from bokeh.resources import Resources

    return [Markup(script) for script in Resources(mode="inline", components=["bokeh", "bokeh-gl"]).js_raw[:2]]


def plots(names: list[str]) -> dict:
    """The Bokeh document of the plots `names`, as `embed_items` takes it; the same every time."""
    from bokeh.document import Document

    document = Document()
    made = {name: _plot(name) for name in names}
    for plot in made.values():
        document.add_root(plot)
    roots = {plot.id: f"plot-{name}" for name, plot in made.items()}
    text = json.dumps({"document": document.to_json(deferred=False), "roots": roots})
    ids = {old: f"m{i}" for i, old in enumerate(dict.fromkeys(re.findall(r'"(p\d+)"', text)))}
    return json.loads(re.sub(r'"(p\d+)"', lambda found: f'"{ids[found[1]]}"', text))


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


def _plot(name: str):
    """A Bokeh figure whose sources, one for every kind of point, are called like these."""
    from bokeh.models import CustomJS, HoverTool, Range1d
    from bokeh.plotting import figure

    plot = figure(
        name=name, tools="pan,wheel_zoom,box_zoom,lasso_select,tap,reset",
        output_backend="canvas" if name == "plates" else "webgl",
        x_range=Range1d(0, 1), y_range=Range1d(0, 1), sizing_mode="stretch_width", height=460, lod_threshold=None,
        background_fill_color=None, border_fill_color=None, outline_line_color=None, active_drag=None,
        toolbar_location="above",
    )  # fmt: skip
    plot.grid.visible = plot.axis.visible = False
    plot.toolbar.logo = None
    drawn = [_wells(plot)] if name == "plates" else [_points(plot, kind) for kind in ("cells", "treatments", "wells")]
    hover = CustomJS(code="if (window.wellread) window.wellread.hovered(cb_data)")
    plot.add_tools(HoverTool(tooltips=None, renderers=drawn, callback=hover))
    return plot


def _source(name: str):
    from bokeh.models import ColumnDataSource, CustomJS

    source = ColumnDataSource({"x": [], "y": [], "colour": []}, name=name)
    source.selected.js_on_change("indices", CustomJS(args={"source": source}, code="window.wellread.selected(source)"))
    return source


def _colour(field: str) -> dict:
    return {"field": field}


def _wells(plot):
    plot.text(
        "x", "y", "name", source=_labels("plates names"), text_font_size="11px", text_baseline="bottom", name="names"
    )
    shown = plot.rect(
        "x", "y", 0.9, 0.9, source=_source("plates wells"), fill_color=_colour("colour"), line_color=None,
        nonselection_fill_alpha=0.2, selection_line_color="#d00000", selection_line_width=1.5, name="wells",
    )  # fmt: skip
    return shown


def _labels(name: str):
    from bokeh.models import ColumnDataSource

    return ColumnDataSource({"x": [], "y": [], "name": []}, name=name)


def _points(plot, kind: str):
    return plot.scatter(
        "x", "y", size=6, source=_source(f"map {kind}"), fill_color=_colour("colour"), line_color=None,
        fill_alpha=0.85, nonselection_fill_alpha=0.12, name=kind,
    )  # fmt: skip


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


def _map(run: Run, pair: tuple[str, str], items: np.ndarray) -> dict:
    """The places of all points of a map, scaled to STEPS, and the numbers of what they are."""
    points, table, found = table_files.read(run.maps()[pair], "maps"), run.once(wells.well_table), {}
    for kind, own in points.groupby("kind"):
        who = pd.Index(items).get_indexer(own["item"]) if kind == "treatment" else _numbers(own, table)
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
