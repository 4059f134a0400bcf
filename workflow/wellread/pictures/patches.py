"""Figures of patch tokens, `f(tokens, out_png, *, label, values, each, options)`; they return the numbers they show.

`tokens`: the .npz that `encoder.tokens` wrote; `label`, `values`, `each` say of which cells, and are used there.
"""

import numpy as np
import pandas as pd
from sklearn.decomposition import PCA

from wellread.pictures import montage
from wellread.pictures.draw import saved_figure, shorten
from wellread.runtime.registry import choice

INSIDE = 0.5  # of a patch must be covered by the cell
ACROSS, SIDE = 8, 1.3  # cells in a row at most, inches


@choice("patches", columns=("label",), needs=("values",))
def pca(tokens, out_png, *, label: str, values=(), each: int = 2) -> pd.DataFrame:
    """The first three principal components of the patch tokens of all cells as red, green and blue (Cell-DINO, Fig. 9).

    Only patches of which the cell covers more than INSIDE are looked at, and others are black. A component runs from
    its percentile 1 to 99; its largest loading is positive. Every value of the column `label` (or of those, `values`)
    has `each` cells. Returns a row per patch: cell, label, row, column, and the components, NaN outside of the cell.
    """
    with np.load(tokens, allow_pickle=False) as file:
        X, inside, crops, labels, channels = (file[k] for k in ("tokens", "inside", "crops", "labels", "channels"))
    within = inside > INSIDE
    found, share = components(X[within])
    scores = np.full((*within.shape, 3), np.nan)
    scores[within] = found
    low, high = np.percentile(found, [1, 99], axis=0) if len(found) else (np.zeros(3), np.ones(3))
    colours = np.nan_to_num(np.clip((scores - low) / np.maximum(high - low, 1e-12), 0, 1))
    grid = round(within.shape[1] ** 0.5)
    maps = colours.reshape(-1, grid, grid, 3)
    told = ", ".join(f"{name} {100 * one:.0f} %" for name, one in zip(("red", "green", "blue"), share, strict=False))
    _draw(out_png, crops, channels, labels, maps, f"Components of patch tokens, share of variance: {told}")
    columns = {f"component_{i + 1}": scores[..., i].ravel() for i in range(3)}
    return _places(labels, grid).assign(**columns)


@choice("patches", columns=("label",), needs=("values",))
def match(tokens, out_png, *, label: str, values=(), each: int = 2, at: list[float] = (0.5, 0.5)) -> pd.DataFrame:
    """Where in all cells the encoder sees what it sees at one place of the first (Cell-DINO, Fig. 9).

    The place is a patch of the first cell, `at` these shares of its height and width. Maps show the cosine of its token
    with all others on one scale from 0 to 1; a cross marks the place, and in every other cell the patch most like it.
    Returns a row per patch: cell, label, row, column, cosine.
    """
    with np.load(tokens, allow_pickle=False) as file:
        X, crops, labels, channels = (file[name] for name in ("tokens", "crops", "labels", "channels"))
    grid = round(X.shape[1] ** 0.5)
    row, column = (min(int(share * grid), grid - 1) for share in at)
    unit = X / np.maximum(np.linalg.norm(X, axis=2, keepdims=True), 1e-12)
    cosine = unit @ unit[0, row * grid + column]  # (n, P)
    maps, best = cosine.reshape(-1, grid, grid), cosine.argmax(axis=1)
    marks = [divmod(int(place), grid) for place in best]
    title = "Cosine with the patch that is marked in the first cell; marks in others: the patch most like it"
    _draw(out_png, crops, channels, labels, maps, title, marks)
    return _places(labels, grid).assign(cosine=cosine.ravel())


def components(x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Three principal components of tokens x (n, D), (n, 3), and their shares of the variance (3,); 0 for lacking ones.

    The largest loading of a component is positive, so that a figure is the same every time.
    """
    k = min(3, max(len(x) - 1, 0), x.shape[1])
    scores, share = np.zeros((len(x), 3)), np.zeros(3)
    if k:
        model = PCA(k, svd_solver="full").fit(x.astype(np.float64))
        signs = np.sign(model.components_[np.arange(k), np.abs(model.components_).argmax(axis=1)])
        scores[:, :k], share[:k] = model.transform(x.astype(np.float64)) * signs, model.explained_variance_ratio_
    return scores, share


def _places(labels: np.ndarray, grid: int) -> pd.DataFrame:
    cells, rows, columns = np.indices((len(labels), grid, grid)).reshape(3, -1)
    return pd.DataFrame({"cell": cells, "label": labels[cells], "row": rows, "column": columns})


def _draw(out_png, crops, channels, labels, maps: np.ndarray, title: str, marks=None) -> None:
    """Cells in false colours, each above its map, (n, g, g, 3) in colour or (n, g, g) from 0 to 1."""
    across = max(1, min(len(crops), ACROSS))
    down = -(-len(crops) // across)
    with saved_figure(out_png, (across * SIDE, max(down, 1) * (2 * SIDE + 0.3)), 2 * max(down, 1), across) as drawn:
        figure, axes = drawn
        figure.suptitle(title, y=1 - 0.1 / figure.get_figheight(), va="top")
        top = 1 - 0.6 / figure.get_figheight()
        figure.subplots_adjust(left=0, right=1, bottom=0, top=top, wspace=0.05, hspace=0.22)
        for axis in [axis for row in axes for axis in row]:
            axis.set_axis_off()
        for i, crop in enumerate(crops):
            above, below = axes[2 * (i // across)][i % across], axes[2 * (i // across) + 1][i % across]
            extent = (0, crop.shape[-1], crop.shape[-1], 0)
            above.imshow(montage.composite(crop / 255, list(channels)), extent=extent)
            above.set_title("\n".join(shorten(labels[i]).split("|"))[:44], fontsize=6, pad=2)
            shown = below.imshow(maps[i], cmap="viridis", vmin=0, vmax=1, extent=extent, interpolation="nearest")
            if marks:
                _cross((above, below), marks[i], crop.shape[-1] / maps.shape[1], first=i == 0)
        if maps.ndim == 3 and len(crops):
            figure.colorbar(shown, ax=[axis for row in axes for axis in row], label="cosine", shrink=0.6, pad=0.01)


def _cross(axes, place: tuple[int, int], patch: float, first: bool) -> None:
    y, x = ((at + 0.5) * patch for at in place)
    for axis in axes:
        axis.plot(x, y, "P" if first else "x", color="white", markeredgecolor="black", markersize=7)
        if not first:
            axis.plot(x, y, "x", color="white", markersize=5)
