"""Bokeh's plots of plates and maps, still empty: the page's own scripts fill them (`scripts/plots.js`)."""

import json
import re


def plots(names: list[str]) -> dict[str, dict]:
    """{name: {document, root}}: a Bokeh document for every plot, as `embed_items` takes it; the same every time."""
    return {name: _document(name) for name in names}


def _document(name: str) -> dict:
    from bokeh.document import Document

    document, plot = Document(), _plot(name)
    document.add_root(plot)
    text = json.dumps({"document": document.to_json(deferred=False), "root": plot.id})
    ids = {old: f"{name}{i}" for i, old in enumerate(dict.fromkeys(re.findall(r'"(p\d+)"', text)))}
    return json.loads(re.sub(r'"(p\d+)"', lambda found: f'"{ids[found[1]]}"', text))


def _plot(name: str):
    """A Bokeh figure whose sources, one for every kind of point, are called like these."""
    from bokeh.models import CustomJS, HoverTool, Range1d
    from bokeh.plotting import figure

    plot = figure(
        name=name, tools="pan,wheel_zoom,box_zoom,lasso_select,tap,reset",
        output_backend="webgl",
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

    source = ColumnDataSource({"x": [], "y": [], "colour": [], "marker": []}, name=name)
    source.selected.js_on_change("indices", CustomJS(args={"source": source}, code="window.wellread.selected(source)"))
    return source


def _wells(plot):
    """Wells as squares; over them, in white, the markers of labels that share their colour with others."""
    from bokeh.models import ColumnDataSource

    names = ColumnDataSource({"x": [], "y": [], "name": []}, name="plates names")
    marks = ColumnDataSource({"x": [], "y": [], "marker": []}, name="plates marks")
    plot.text("x", "y", "name", source=names, text_font_size="11px", text_baseline="bottom", name="names")
    wells = plot.rect(
        "x", "y", 0.9, 0.9, source=_source("plates wells"), fill_color={"field": "colour"}, line_color=None,
        nonselection_fill_alpha=0.2, selection_line_color="#d00000", selection_line_width=1.5, name="wells",
    )  # fmt: skip
    plot.scatter("x", "y", size=5, marker={"field": "marker"}, source=marks, color="white", name="marks")
    return wells


def _points(plot, kind: str):
    return plot.scatter(
        "x", "y", size=6, marker={"field": "marker"}, source=_source(f"map {kind}"),
        fill_color={"field": "colour"}, line_color=None, fill_alpha=0.85, nonselection_fill_alpha=0.12, name=kind,
    )  # fmt: skip
