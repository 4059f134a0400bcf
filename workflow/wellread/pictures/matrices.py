"""Figures of profiles, `f(frame, seed, out_png, *, options)`: matrices of similarity; they return what they show."""

import numpy as np
import pandas as pd

from wellread.pictures.draw import MATRIX, groups_with_styles, legend_of, saved_figure, shorten, shortened
from wellread.pictures.labels import label_controls, row_labels
from wellread.profiles import tables
from wellread.profiles.similarity import cosine_similarity
from wellread.runtime.errors import InputError
from wellread.runtime.registry import choice

MAX_NAMED_ROWS = 60  # names of more rows of a heat map would be illegible
MAX_ROWS = 2000  # leaf ordering takes minutes from there on
PANEL = 2.6  # inches, side of a matrix beside others


@choice("draw", columns=("label",), needs=("few rows",))
def similarity(frame: pd.DataFrame, seed: int, out_png, *, label: str = "", clusters: int = 0) -> pd.DataFrame:
    """Heat map of the cosine similarity of all pairs of rows, meant for treatments; `seed` is not used.

    Rows are ordered by average linkage on 1 - cosine with optimal leaf ordering. Returns the matrix in that order,
    after the names, labels, and what the strips show of its rows. The marks beside the rows show the column `label`
    (empty: moa, else treatment), the strips at the right batch and dose where they differ: a grey level per batch, the
    darker the higher the dose. `clusters`: into how many the tree is cut; they are framed, and a column `cluster` tells
    whose a row is, from 1 (Cell-DINO, Fig. 8B). Raises InputError for more than MAX_ROWS rows.
    """
    meta, X = tables.split(frame)
    cosine = cosine_similarity(X)  # (n, n)
    order, members = _leaf_order(cosine), _clusters(cosine, clusters)
    cosine, meta = cosine[np.ix_(order, order)], meta.iloc[order].reset_index(drop=True)
    names = [shorten(name) for name in tables.row_names(meta, ["treatment", "dose"])]
    labels = shortened(label_controls(meta, row_labels(meta, label, "moa", "treatment")))
    side = np.clip(0.16 * len(names), 3.5, 11)
    with saved_figure(out_png, (1.25 * side, side), 1, 1) as (figure, ((axis,),)):
        axis.set_title(f"Cosine similarity of {len(names)} profiles")
        _heat_map(figure, axis, cosine, names)
        _frames(axis, members[order])
        _label_marks(axis, labels)
        strips = _strips(meta)
        if strips:
            _draw_strips(axis, strips)
    shown = {name: values for name, values in strips.items() if name != labels.name}
    cut = {"cluster": members[order]} if clusters else {}
    rows = pd.DataFrame({"name": names, labels.name: labels, **shown, **cut})
    return pd.concat([rows, pd.DataFrame(cosine, columns=names)], axis=1)


@choice("draw", columns=("label",), levels=("cell",), needs=("values",))
def heterogeneity(
    frame: pd.DataFrame, seed: int, out_png, *, label: str, values: list[str] = (), cells: int = 100
) -> pd.DataFrame:
    """How alike single cells of one label are: a matrix of cosine similarity per value (Cell-DINO, Fig. 8A).

    `label`: a column such as gene; `values`: those that are drawn, empty: the six with most cells. Of every value up to
    `cells` cells, drawn at random; rows are ordered as in `similarity`, and all matrices have one scale of colours.
    Above each stands the mean similarity of two cells, the standard deviation, and their number. Returns a row per
    value with these.
    """
    meta, X = tables.split(frame)
    names = row_labels(meta, label, label)
    chosen = list(values) or names[names != ""].value_counts().sort_index().nlargest(6).index.tolist()
    rng = np.random.default_rng(seed)
    rows = {name: rng.permutation(np.flatnonzero(names == name))[:cells] for name in chosen}
    matrices = {name: _ordered(cosine_similarity(X[own])) for name, own in rows.items()}
    pairs = {name: matrix[np.triu_indices(len(matrix), 1)] for name, matrix in matrices.items()}
    low, high = np.percentile(np.concatenate([[0.0], *pairs.values()]), [1, 99])
    across = min(len(chosen), 3)
    down = -(-len(chosen) // across)
    summary = [_summary_row(name, len(rows[name]), pairs[name]) for name in chosen]
    with saved_figure(out_png, (across * PANEL + 1, down * (PANEL + 0.4)), down, across) as (figure, axes):
        figure.suptitle("Cosine similarity of single cells: mean ± sd over pairs", y=1.02)
        flat = [axis for row in axes for axis in row]
        for axis, one in zip(flat, summary, strict=False):
            picture = axis.imshow(matrices[one["value"]], cmap="viridis", vmin=low, vmax=high)
            axis.set(xticks=[], yticks=[], xlabel=f"{one['cells']} cells")
            axis.set_title(f"{shorten(one['value'])}\n{one['mean']:.2f} ± {one['sd']:.2f}")
        for axis in flat[len(chosen) :]:
            axis.set_visible(False)
        figure.colorbar(picture, ax=flat, label="cosine", shrink=0.6, extend="both")
    return pd.DataFrame(summary)


def _summary_row(name: str, n: int, pairs: np.ndarray) -> dict:
    mean, sd = (pairs.mean(), pairs.std()) if len(pairs) else (np.nan, np.nan)
    return {"value": name, "cells": n, "mean": mean, "sd": sd}


def _ordered(cosine: np.ndarray) -> np.ndarray:
    order = _leaf_order(cosine)
    return cosine[np.ix_(order, order)]


def _leaf_order(cosine: np.ndarray) -> np.ndarray:
    """Row order along the tree of average linkage (Bar-Joseph et al. 2001: similar rows side by side)."""
    from scipy.cluster.hierarchy import leaves_list

    return np.arange(len(cosine)) if len(cosine) < 3 else leaves_list(_tree(cosine))


def _clusters(cosine: np.ndarray, n: int) -> np.ndarray:
    """The cluster of every row, from 1, of the `n` that the tree is cut into; 1 for all if n is 0."""
    from scipy.cluster.hierarchy import fcluster

    if n < 2 or len(cosine) < 3:
        return np.ones(len(cosine), int)
    return fcluster(_tree(cosine), n, "maxclust")


def _tree(cosine: np.ndarray) -> np.ndarray:
    """Average linkage on 1 - cosine; InputError for more than MAX_ROWS rows."""
    from scipy.cluster.hierarchy import linkage

    if len(cosine) > MAX_ROWS:
        edit = "draw it of treatments: level: treatment"
        raise InputError(f"a heat map of at most {MAX_ROWS} rows", f"{len(cosine)} rows", "figures", edit)
    distances = np.maximum(1 - cosine[np.triu_indices(len(cosine), 1)], 0)
    return linkage(distances, "average", optimal_ordering=True)


def _frames(axis, members: np.ndarray) -> None:
    """A black frame around every cluster on the diagonal, where there are several."""
    from matplotlib.patches import Rectangle

    starts = np.flatnonzero(np.diff(members, prepend=-1))
    for start, end in zip(starts, [*starts[1:], len(members)], strict=True):
        if len(starts) > 1:
            side = end - start
            axis.add_patch(Rectangle((start - 0.5, start - 0.5), side, side, fill=False, edgecolor="black"))


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
    axis.set_gid(MATRIX)


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
    for _, rows, (colour, marker) in groups_with_styles(labels):
        axis.scatter(np.full(len(rows), at), rows, s=size, c=colour, marker=marker, linewidths=0)
    axis.set_xlim(left=2 * at + 0.5)
    legend_of(axis, labels, (1.3, 1.02), width=0)
