"""Figures of answers, `f(answers, metrics, out_png, *, options)`: of tasks, datasets, models and corrections together.

`answers` are paths DATASET/tasks/TASK/MODEL_CORRECTION.parquet of measures, `metrics` {task: those that are drawn}.
They return the numbers that they show; all of these were written by the measures.
"""

from contextlib import contextmanager
from itertools import product
from pathlib import Path

import numpy as np
import pandas as pd

from wellread.inputs import spreadsheets
from wellread.measure.tabulate import KEYS, tabulate
from wellread.pictures.draw import saved_figure
from wellread.pictures.labels import COLOURS
from wellread.runtime import table_files
from wellread.runtime.errors import InputError
from wellread.runtime.registry import choice

LINE_STYLES = [(COLOURS[i % 8], "os^DvPX*<>"[i % 10]) for i in range(40)]  # no two alike, and each two cues
BAR_STYLES = [(colour, hatch) for hatch, colour in product(("", "////", "....", "xxxx", "++++"), COLOURS)]
PANEL = 3.4  # inches, width and, about, height of a panel
ACROSS = 4  # panels in a row at most
OF_LABELS = "_of_labels"  # what the metric of one share of the labels ends with


@choice("chart")
def bars(answers, metrics: dict[str, list[str]], out_png) -> pd.DataFrame:
    """Bars of every model (and correction) with their intervals, a panel per task and metric (Cell-DINO, Fig. 4).

    Groups of bars are datasets. Whiskers are the 95 % interval of the measure, or where it gives none the standard
    deviation over repeats; a dashed line is what shuffled labels give. Returns the table of `tabulate`.
    """
    table = _with_series(tabulate(answers, metrics))
    panels = list(table.groupby(["task", "metric"], sort=False))
    with _panels(out_png, len(panels), _widest(panels)) as (figure, axes):
        figure.suptitle("Whiskers: 95 % interval, or ± sd over repeats; dashed: shuffled labels", y=1.0)
        for axis, ((task, metric), own) in zip(axes, panels, strict=False):
            _draw_bars(axis, own, list(table["series"].unique()))
            axis.set(title=task, ylabel=_words(metric))
        _bar_legend(figure, list(table["series"].unique()))
    return table


@choice("chart")
def low_shot(answers, metrics: dict[str, list[str]], out_png) -> pd.DataFrame:
    """Curves of a metric over the share of the training labels, a panel per dataset and task (Cell-DINO, Fig. 6).

    Of tasks of the measure low_shot; others are left out. Points are means over repeats, bands their standard
    deviation, where there are several repeats. Returns a row per point. InputError if no task has shares.
    """
    rows = _answers(answers)
    own = rows[rows["metric"].str.endswith(OF_LABELS)]
    if own.empty:
        edit = "name tasks of the measure low_shot in tables.NAME.tasks"
        raise InputError("answers by the share of labels", "none", "tables", edit)
    own = own.assign(share=own["item"].str.removesuffix("%").astype(float))
    keys = [*KEYS, "share"]
    found = own.groupby(keys, sort=False).agg(value=("value", "mean"), sd=("value", "std"), repeats=("value", "size"),
                                              n=("n", "mean")).reset_index()  # fmt: skip
    found = _with_series(found.sort_values(keys, kind="stable"))
    panels = list(found.groupby(["dataset", "task"], sort=False))
    with _panels(out_png, len(panels), PANEL) as (figure, axes):
        figure.suptitle(f"Mean ± sd over {_span(found['repeats'])} draws of the labels", y=1.0)
        for axis, ((dataset, task), rows) in zip(axes, panels, strict=False):
            _draw_curves(axis, rows, list(found["series"].unique()))
            metric = rows["metric"].iloc[0].removesuffix(OF_LABELS)
            axis.set(title=f"{dataset}: {task}", ylabel=_words(metric))
        _line_legend(figure, list(found["series"].unique()))
    return found


@choice("chart")
def repeats(answers, metrics: dict[str, list[str]], out_png) -> pd.DataFrame:
    """Box plots over repeats, a panel per dataset, task and metric (Cell-DINO, Fig. 7).

    Boxes hold the middle half, the line is the median, whiskers reach to the farthest value within 1.5 times the
    height of the box; every repeat is a point; a dashed line is what shuffled labels give. Metrics of one value in all
    repeats of all models have no panel, if others have. Returns the points.
    """
    table, rows = tabulate(answers, metrics), _answers(answers)
    wanted = rows["metric"].isin({name for names in metrics.values() for name in names}) & (rows["item"] == "")
    found = _with_series(rows[wanted].merge(table[[*KEYS, "chance"]], on=KEYS))
    panels = list(found.groupby(["dataset", "task", "metric"], sort=False))
    panels = [(key, own) for key, own in panels if own["value"].nunique() > 1] or panels
    names = list(found["series"].unique())
    with _panels(out_png, len(panels), max(PANEL, 0.5 * len(names) + 1)) as (figure, axes):
        figure.suptitle(f"{_span(found.groupby(KEYS).size())} repeats; dashed: shuffled labels", y=1.0)
        for axis, ((dataset, task, metric), own) in zip(axes, panels, strict=False):
            _draw_boxes(axis, own, names)
            axis.set(title=f"{dataset}: {task}", ylabel=_words(metric))
        for axis in axes[: -axes[0].get_gridspec().ncols]:
            axis.tick_params(labelbottom=False)  # the panel below it has the names
    return found


@choice("chart", files=("scores",))
def leaderboard(answers, metrics: dict[str, list[str]], out_png, *, scores: str, column: str = "score") -> pd.DataFrame:
    """Where our values stand in the distribution of scores that others were given (Cell-DINO, Fig. 5).

    `scores`: a table whose `column` holds one score per team, of the same metric on the same images; the paper's are
    those of a Kaggle challenge. Returns the table of `tabulate` with the rank of every value. InputError without
    numbers in this column.
    """
    others = spreadsheets.read(scores, "tables").get(column, pd.Series(dtype=object))
    others = pd.to_numeric(others, errors="coerce").dropna().to_numpy()
    if not len(others):
        raise InputError(f"numbers in the column {column}", "none", scores, "column, or the table of scores")
    table = _with_series(tabulate(answers, metrics)).dropna(subset="value")
    table["rank"] = [1 + int((others > value).sum()) for value in table["value"]]
    with saved_figure(out_png, (7, 4), 1, 1) as (_, ((axis,),)):
        axis.hist(others, bins=40, color="#c9c9c9")
        for row, (colour, marker) in zip(table.itertuples(), LINE_STYLES, strict=False):
            told = f"{row.series}, {row.dataset} {row.task}: {row.value:.3f}, rank {row.rank} of {len(others) + 1}"
            axis.axvline(row.value, color=colour)
            axis.plot(row.value, 0.97, marker, color=colour, transform=axis.get_xaxis_transform(), label=told)
        metric = _words(table["metric"].iloc[0]) if len(table) else ""
        axis.set(xlabel=metric, ylabel="teams", title=f"{len(others)} scores of others")
        _axes_style(axis)
        axis.legend(loc="upper left", bbox_to_anchor=(0, -0.14), frameon=False)
    return table


def _answers(paths) -> pd.DataFrame:
    """All rows of answers, with KEYS besides item, repeat, value and n."""
    parts = []
    for path in map(Path, paths):
        model, correction = path.stem.split("_", 1)
        own = table_files.read(path, "answers")
        place = {"dataset": path.parents[2].name, "task": path.parent.name, "model": model, "correction": correction}
        parts.append(own.assign(**place))
    return pd.concat(parts, ignore_index=True)


def _with_series(table: pd.DataFrame) -> pd.DataFrame:
    """The table with a column `series`: the model, and the correction where there are several."""
    both = table["model"] + ", " + table["correction"]
    return table.assign(series=table["model"] if table["correction"].nunique() == 1 else both)


@contextmanager
def _panels(out_png, n: int, width: float):
    """Yield a figure and its `n` panels of a `width` in inches, in rows of ACROSS or fewer."""
    across = max(1, min(n, ACROSS, int(ACROSS * PANEL // width)))
    down = max(1, -(-n // across))
    with saved_figure(out_png, (across * width, down * PANEL), down, across) as (figure, axes):
        figure.subplots_adjust(wspace=0.35, hspace=0.45)
        flat = [axis for row in axes for axis in row]
        for axis in flat[n:]:
            axis.set_visible(False)
        yield figure, flat[:n]


def _widest(panels) -> float:
    """The width of a panel of bars, inches: a quarter for every bar."""
    return max([PANEL, *(0.25 * len(own) + 1 for _, own in panels)])


def _draw_bars(axis, own: pd.DataFrame, names: list[str]) -> None:
    datasets, width = list(own["dataset"].unique()), 0.8 / len(names)
    for row in own.itertuples():
        at = names.index(row.series)
        x = datasets.index(row.dataset) + (at - (len(names) - 1) / 2) * width
        colour, hatch = BAR_STYLES[at % len(BAR_STYLES)]
        axis.bar(x, row.value, 0.9 * width, color=colour, hatch=hatch, edgecolor="white", linewidth=0)
        low, high = (row.low, row.high) if pd.notna(row.low) else (row.value - row.sd, row.value + row.sd)
        axis.plot([x, x], [low, high], color="black", linewidth=1)
        axis.plot([x - width / 2, x + width / 2], [row.chance] * 2, "--", color="#444444", linewidth=1)
        if pd.isna(row.value):
            axis.text(x, 0, "undecidable", rotation=90, ha="center", va="bottom", fontsize=6, color="#555555")
    counts = [own.loc[own["dataset"] == name, "n"].max() for name in datasets]
    axis.set_xticks(range(len(datasets)), [f"{d}\nn = {n}" for d, n in zip(datasets, counts, strict=True)])
    axis.set_ylim(bottom=min(0, axis.get_ylim()[0]))
    _axes_style(axis)


def _draw_curves(axis, own: pd.DataFrame, names: list[str]) -> None:
    for series, rows in own.groupby("series", sort=False):
        colour, marker = LINE_STYLES[names.index(series) % len(LINE_STYLES)]
        axis.plot(rows["share"], rows["value"], f"-{marker}", color=colour, markersize=4, linewidth=1.2)
        low, high = rows["value"] - rows["sd"], rows["value"] + rows["sd"]
        axis.fill_between(rows["share"], low, high, color=colour, alpha=0.18, linewidth=0)
    shares = sorted(own["share"].unique())
    axis.set_xscale("log")
    axis.set_xticks(shares, [f"{share:g}" for share in shares])
    axis.minorticks_off()
    axis.set_xlabel(f"training labels (%), n = {own['n'].min():.0f} to {own['n'].max():.0f} profiles")
    _axes_style(axis)


def _draw_boxes(axis, own: pd.DataFrame, names: list[str]) -> None:
    rng = np.random.default_rng(0)  # of the places of points beside each other
    for series, rows in own.groupby("series", sort=False):
        at, values = names.index(series), rows["value"].dropna().to_numpy()
        colour, marker = LINE_STYLES[at % len(LINE_STYLES)]
        lines = {"color": colour, "linewidth": 1.2}
        axis.boxplot(values, positions=[at], widths=0.6, showfliers=False, boxprops=lines, whiskerprops=lines,
                     capprops=lines, medianprops={"color": "black"}, manage_ticks=False)  # fmt: skip
        axis.plot(at + rng.uniform(-0.18, 0.18, len(values)), values, marker, color=colour, markersize=3, alpha=0.6)
        axis.plot([at - 0.4, at + 0.4], [rows["chance"].iloc[0]] * 2, "--", color="#444444", linewidth=1)
    axis.set_xticks(range(len(names)), names, rotation=30, ha="right")
    axis.set_xlim(-0.6, len(names) - 0.4)
    _axes_style(axis)


def _axes_style(axis) -> None:
    axis.spines[["top", "right"]].set_visible(False)
    axis.grid(axis="y", color="#e6e6e6", linewidth=0.6)
    axis.set_axisbelow(True)


def _bar_legend(figure, names: list[str]) -> None:
    from matplotlib.patches import Patch

    styles = [BAR_STYLES[at % len(BAR_STYLES)] for at in range(len(names))]
    _legend_below(figure, [Patch(facecolor=c, hatch=h, edgecolor="white", linewidth=0) for c, h in styles], names)


def _line_legend(figure, names: list[str]) -> None:
    from matplotlib.lines import Line2D

    styles = [LINE_STYLES[at % len(LINE_STYLES)] for at in range(len(names))]
    _legend_below(figure, [Line2D([], [], color=c, marker=m, markersize=4) for c, m in styles], names)


def _legend_below(figure, marks: list, names: list[str]) -> None:
    columns = int(max(1, min(len(names), 14 * figure.get_figwidth() // (max(map(len, names)) + 6))))
    figure.legend(marks, names, loc="upper center", bbox_to_anchor=(0.5, 0.0), frameon=False, ncols=columns)


def _words(metric: str) -> str:
    return metric.replace("_", " ").replace("f1", "F1")


def _span(counts) -> str:
    """Such as `3`, or `1 to 3`."""
    low, high = int(min(counts)), int(max(counts))
    return f"{low}" if low == high else f"{low} to {high}"
