"""Figures of profiles, `f(frame, seed, out_png, *, options)`: maps; they return what they show. Others: `matrices`."""

from contextlib import contextmanager

import numpy as np
import pandas as pd

from wellread.pictures.labels import GREYS, OTHER, STYLES, UNLABELLED, label_controls, merge_several, row_labels
from wellread.pictures.projection import two_dimensions
from wellread.profiles import tables
from wellread.profiles.similarity import unit_length
from wellread.runtime.files import whole
from wellread.runtime.registry import choice

MATRIX = "matrix"  # id of a panel with a matrix of rows that can be pointed at


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
    Negative controls are grey, and so are profiles of several labels, joined by `|`, if there are more than eight of
    all. Fewer than ten profiles are drawn by PCA.
    """
    return _map(frame, out_png, label, by, seed=seed, n_neighbors=n_neighbors, min_dist=min_dist)


@choice("draw", columns=("label", "by"), levels=("cell", "fov", "well", "treatment"))
def tsne(
    frame: pd.DataFrame, seed: int, out_png, *, label: str = "", by: str = "", n_neighbors: int = 15
) -> pd.DataFrame:
    """The same by t-SNE (van der Maaten and Hinton 2008); its perplexity is twice `n_neighbors`."""
    return _map(frame, out_png, label, by, seed=seed, n_neighbors=n_neighbors, min_dist=0.0, method="tsne")


def _map(frame: pd.DataFrame, out_png, label: str, by: str, **how) -> pd.DataFrame:
    meta, X = tables.split(frame)
    points, method = two_dimensions(unit_length(X), **how)
    labels = shortened(label_controls(meta, merge_several(row_labels(meta, label, "moa", "treatment"))))
    with saved_figure(out_png, (10, 5), 1, 2) as (figure, (axes,)):
        figure.suptitle(f"{method} of {len(frame)} profiles")
        scatter(axes[0], points, labels)
        scatter(axes[1], points, shortened(merge_several(row_labels(meta, by, "plate", "batch"))))
    return meta.assign(x=points[:, 0], y=points[:, 1])


def shortened(labels: pd.Series) -> pd.Series:
    return labels.map(shorten).astype(object)


def shorten(text: str) -> str:
    """One line of at most 40 characters."""
    text = " ".join(text.split())
    return text if len(text) <= 40 else f"{text[:39]}…"


@contextmanager
def saved_figure(out_png, size: tuple[float, float], rows: int, columns: int):
    """Yield a figure of `size` inches and its panels [row][column], then save it; a `$` stays a `$`.

    The file says where a panel with the id MATRIX has its matrix: see `matrix_place`.
    """
    from matplotlib import style
    from matplotlib.figure import Figure

    with style.context(["default", {"text.parse_math": False, "font.size": 8, "figure.titlesize": 10}]):
        figure = Figure(figsize=size, dpi=140)
        yield figure, figure.subplots(rows, columns, squeeze=False)
        figure.draw_without_rendering()
        page = figure.get_tightbbox().padded(0.1)
        places = {gid: " ".join(matrix_place(axis, page)) for axis in figure.axes if (gid := axis.get_gid()) == MATRIX}
        with whole(out_png) as part:
            figure.savefig(part, bbox_inches=page, metadata={"Software": None} | places)


def matrix_place(axis, page) -> list[str]:
    """Left, top, right and bottom of a panel's matrix, in shares of the picture `page` (a box in inches)."""
    n = len(axis.images[0].get_array())
    corners = axis.transData.transform([(-0.5, -0.5), (n - 0.5, n - 0.5)]) / axis.figure.dpi  # inches, y upwards
    shares = np.abs(corners - (page.x0, page.y1)) / (page.width, page.height)
    return [f"{share:.5f}" for share in shares.ravel()]


def groups_with_styles(labels: pd.Series) -> list[tuple[str, np.ndarray, tuple[str, str]]]:
    """(label, its rows, style) in drawing order, greys first; labels beyond the forty styles become "other"."""
    counts = labels[~labels.isin(["", *GREYS])].value_counts()
    frequent = sorted(counts.index, key=lambda label: (-counts[label], label))[: len(STYLES)]
    styles = GREYS | dict(zip(sorted(frequent), STYLES, strict=False))
    shown = labels.replace("", UNLABELLED)
    shown = shown.where(shown.isin(list(styles)), OTHER)
    rows = {label: np.flatnonzero(shown == label) for label in styles}
    return [(label, rows[label], style) for label, style in styles.items() if len(rows[label])]


def scatter(axis, points: np.ndarray, labels: pd.Series) -> None:
    size = np.clip(4000 / len(points), 2, 40)
    for _, rows, (colour, marker) in groups_with_styles(labels):
        axis.scatter(*points[rows].T, s=size, c=colour, marker=marker, linewidths=size / 60)
    axis.set(xticks=[], yticks=[], title=f"by {labels.name}")
    axis.spines[:].set_color("#cccccc")
    legend_of(axis, labels, (0, -0.01), width=60)


def legend_of(axis, labels: pd.Series, anchor: tuple[float, float], width: int) -> None:
    """A legend outside the axis, in as many columns as fit `width` characters."""
    from matplotlib.lines import Line2D

    names, _, styles = zip(*groups_with_styles(labels), strict=True)
    marks = [Line2D([], [], color=colour, marker=marker, linestyle="") for colour, marker in styles]
    layout = {"loc": "upper left", "bbox_to_anchor": anchor, "frameon": False, "alignment": "left"}
    columns = int(np.clip(width // (max(map(len, names)) + 6), 1, 5))
    legend = axis.legend(marks, range(len(names)), title=labels.name, ncols=columns, **layout)
    for text, name in zip(legend.get_texts(), names, strict=True):
        text.set_text(name)  # given as a label, a name that starts with _ would be left out
