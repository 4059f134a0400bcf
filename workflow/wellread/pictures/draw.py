"""Figures of profiles, `f(frame, seed, out_png, *, options)`: a map and a heat map; they return what they show."""

from contextlib import contextmanager

import numpy as np
import pandas as pd

from wellread.pictures.labels import COLOURS as COLOURS
from wellread.pictures.labels import GREYS, OTHER, STYLES, UNLABELLED, label_controls, row_labels
from wellread.pictures.projection import two_dimensions
from wellread.profiles import tables
from wellread.profiles.similarity import cosine_similarity, unit_length
from wellread.runtime.errors import InputError
from wellread.runtime.files import whole
from wellread.runtime.registry import choice

MAX_NAMED_ROWS = 60  # names of more rows of a heat map would be illegible
MAX_ROWS = 2000  # leaf ordering takes minutes from there on


@choice("draw", columns=("label", "by"), levels=("cell", "fov", "well", "treatment"))
def umap(
    frame: pd.DataFrame,
    seed: int,
    out_png,
    *,
    label: str = "",
    by: str = "",
    n_neighbors: int = 15,
    min_dist: float = 0.1,
) -> pd.DataFrame:
    """UMAP of the profiles by cosine distance, drawn twice: coloured by the column `label`, and by the column `by`.

    Returns the metadata of every row with its coordinates x, y. `label` is a column of the wells table (empty: moa,
    else treatment), so is `by` (empty: plate, else batch). `n_neighbors` and `min_dist` are those of umap-learn.
    Negative controls are grey. Fewer than ten profiles are drawn by PCA.
    """
    meta, X = tables.split(frame)
    points, method = two_dimensions(unit_length(X), seed, n_neighbors, min_dist)
    labels = _shortened(label_controls(meta, row_labels(meta, label, "moa", "treatment")))
    with saved_figure(out_png, (10, 5), 1, 2) as (figure, (axes,)):
        figure.suptitle(f"{method} of {len(frame)} profiles")
        _scatter(axes[0], points, labels)
        _scatter(axes[1], points, _shortened(row_labels(meta, by, "plate", "batch")))
    return meta.assign(x=points[:, 0], y=points[:, 1])


@choice("draw", columns=("label",), needs=("few rows",))
def similarity(frame: pd.DataFrame, seed: int, out_png, *, label: str = "") -> pd.DataFrame:
    """Heat map of the cosine similarity of all pairs of rows, meant for treatments; `seed` is not used.

    Rows are ordered by average linkage on 1 - cosine with optimal leaf ordering. Returns the matrix in that order,
    after the names, labels, and what the strips show of its rows. The marks beside the rows show the column `label`
    (empty: moa, else treatment), the strips at the right batch and dose where they differ: a grey level per batch, the
    darker the higher the dose. Raises InputError for more than MAX_ROWS rows.
    """
    meta, X = tables.split(frame)
    cosine = cosine_similarity(X)  # (n, n)
    order = _leaf_order(cosine)
    cosine, meta = cosine[np.ix_(order, order)], meta.iloc[order].reset_index(drop=True)
    names = [_shorten(name) for name in tables.row_names(meta, ["treatment", "dose"])]
    labels = _shortened(label_controls(meta, row_labels(meta, label, "moa", "treatment")))
    side = np.clip(0.16 * len(names), 3.5, 11)
    with saved_figure(out_png, (1.25 * side, side), 1, 1) as (figure, ((axis,),)):
        axis.set_title(f"Cosine similarity of {len(names)} profiles")
        _heat_map(figure, axis, cosine, names)
        _label_marks(axis, labels)
        strips = _strips(meta)
        if strips:
            _draw_strips(axis, strips)
    shown = {name: values for name, values in strips.items() if name != labels.name}
    rows = pd.DataFrame({"name": names, labels.name: labels, **shown})
    return pd.concat([rows, pd.DataFrame(cosine, columns=names)], axis=1)


def _leaf_order(cosine: np.ndarray) -> np.ndarray:
    """Row order along the tree of average linkage (Bar-Joseph et al. 2001: similar rows side by side)."""
    from scipy.cluster.hierarchy import leaves_list, linkage

    if len(cosine) > MAX_ROWS:
        edit = "draw it of treatments: level: treatment"
        raise InputError(f"a heat map of at most {MAX_ROWS} rows", f"{len(cosine)} rows", "figures", edit)
    if len(cosine) < 3:
        return np.arange(len(cosine))
    distances = np.maximum(1 - cosine[np.triu_indices(len(cosine), 1)], 0)
    return leaves_list(linkage(distances, "average", optimal_ordering=True))


def _shortened(labels: pd.Series) -> pd.Series:
    return labels.map(_shorten).astype(object)


def _shorten(text: str) -> str:
    """One line of at most 40 characters."""
    text = " ".join(text.split())
    return text if len(text) <= 40 else f"{text[:39]}…"


@contextmanager
def saved_figure(out_png, size: tuple[float, float], rows: int, columns: int):
    """Yield a figure of `size` inches and its panels [row][column], then save it; a `$` stays a `$`."""
    from matplotlib import style
    from matplotlib.figure import Figure

    with style.context(["default", {"text.parse_math": False, "font.size": 8, "figure.titlesize": 10}]):
        figure = Figure(figsize=size, dpi=140)
        yield figure, figure.subplots(rows, columns, squeeze=False)
        with whole(out_png) as part:
            figure.savefig(part, bbox_inches="tight", metadata={"Software": None})


def _groups_with_styles(labels: pd.Series) -> list[tuple[str, np.ndarray, tuple[str, str]]]:
    """(label, its rows, style) in drawing order, greys first; labels beyond the forty styles become "other"."""
    counts = labels[~labels.isin(["", *GREYS])].value_counts()
    frequent = sorted(counts.index, key=lambda label: (-counts[label], label))[: len(STYLES)]
    styles = GREYS | dict(zip(sorted(frequent), STYLES, strict=False))
    shown = labels.replace("", UNLABELLED)
    shown = shown.where(shown.isin(list(styles)), OTHER)
    rows = {label: np.flatnonzero(shown == label) for label in styles}
    return [(label, rows[label], style) for label, style in styles.items() if len(rows[label])]


def _scatter(axis, points: np.ndarray, labels: pd.Series) -> None:
    size = np.clip(4000 / len(points), 2, 40)
    for _, rows, (colour, marker) in _groups_with_styles(labels):
        axis.scatter(*points[rows].T, s=size, c=colour, marker=marker, linewidths=size / 60)
    axis.set(xticks=[], yticks=[], title=f"by {labels.name}")
    axis.spines[:].set_color("#cccccc")
    _legend(axis, labels, (0, -0.01), width=60)


def _legend(axis, labels: pd.Series, anchor: tuple[float, float], width: int) -> None:
    """A legend outside the axis, in as many columns as fit `width` characters."""
    from matplotlib.lines import Line2D

    names, _, styles = zip(*_groups_with_styles(labels), strict=True)
    marks = [Line2D([], [], color=colour, marker=marker, linestyle="") for colour, marker in styles]
    layout = {"loc": "upper left", "bbox_to_anchor": anchor, "frameon": False, "alignment": "left"}
    columns = int(np.clip(width // (max(map(len, names)) + 6), 1, 5))
    legend = axis.legend(marks, range(len(names)), title=labels.name, ncols=columns, **layout)
    for text, name in zip(legend.get_texts(), names, strict=True):
        text.set_text(name)  # given as a label, a name that starts with _ would be left out


def _heat_map(figure, axis, cosine: np.ndarray, names: list[str]) -> None:
    """Colours span percentiles 1 to 99 off the diagonal, so that a few very similar pairs do not fade all others."""
    others = cosine[~np.eye(len(cosine), dtype=bool)]
    low, high = np.percentile(others, [1, 99]) if len(others) else (-1, 1)
    limit = max(-low, high)
    colours = ("RdBu_r", -limit, limit) if low < 0 else ("viridis", low, high)
    picture = axis.imshow(cosine, **dict(zip(("cmap", "vmin", "vmax"), colours, strict=True)))
    figure.colorbar(picture, ax=axis, label="cosine", shrink=0.5, extend="both")
    shown = range(len(names)) if len(names) <= MAX_NAMED_ROWS else range(0)
    axis.set_xticks(shown, [names[i] for i in shown], rotation=90)
    axis.set_yticks(shown, [names[i] for i in shown])
    axis.tick_params(length=0)
    axis.spines[:].set_visible(False)


def _strips(meta: pd.DataFrame) -> dict[str, np.ndarray]:
    """{batch, dose: value of every row} of those columns in which rows differ."""
    columns = {name: tables.column(name) for name in ("batch", "dose")}
    found = {name: meta[column].to_numpy() for name, column in columns.items() if column in meta}
    return {name: values for name, values in found.items() if pd.Series(values).nunique() > 1}


def _draw_strips(axis, strips: dict[str, np.ndarray]) -> None:
    """Columns of grey to the right of a heat map, the darker the later in sorted order; each with its name below."""
    n = len(next(iter(strips.values())))
    width = max(0.6, 0.02 * n)
    for i, (name, values) in enumerate(strips.items()):
        codes = pd.Series(values).rank(method="dense").fillna(0).to_numpy()
        left = n - 0.2 + i * 1.3 * width
        shades = 1 - 0.85 * (codes / codes.max())
        axis.imshow(
            shades[:, None], cmap="gray", vmin=0, vmax=1, extent=(left, left + width, n - 0.5, -0.5), aspect="auto"
        )
        axis.text(left + width / 2, n - 0.3, name, rotation=90, ha="center", va="top", fontsize=6)
    axis.set(xlim=(axis.get_xlim()[0], n + 1.3 * width * len(strips)), ylim=(n - 0.5, -0.5), aspect="equal")


def _label_marks(axis, labels: pd.Series) -> None:
    """The rows' labels as marks along the left edge."""
    at, size = -0.8 - 0.02 * len(labels), np.clip((450 / len(labels)) ** 2, 6, 30)  # size: points squared
    for _, rows, (colour, marker) in _groups_with_styles(labels):
        axis.scatter(np.full(len(rows), at), rows, s=size, c=colour, marker=marker, linewidths=0)
    axis.set_xlim(left=2 * at + 0.5)
    _legend(axis, labels, (1.3, 1.02), width=0)
