"""Measurements of every cell of a field, from its masks and its channels."""

import numpy as np
import pandas as pd

FIELD_KEYS = ["plate", "well", "site", "field"]
BOX = ["top", "left", "bottom", "right"]


def objects(nuclei: np.ndarray, cells: np.ndarray, field: dict[str, np.ndarray], metadata: dict) -> pd.DataFrame:
    """One row per cell, by its label: its position, size, shape and brightness. Lengths in px, areas in px².

    `y, x` is the centre of the nucleus (of the cell, if it has none), `cell_y, cell_x` that of the cell, `top, left,
    bottom, right` the box about the cell, ends excluded. `eccentricity`, from second moments, is of what `y, x` is the
    centre of; `at_edge`: the cell touches the border of its field; `intensity_CHANNEL`: mean over the cell. The first
    columns, plate, well, site and field, are of `metadata`.
    """
    (cells, nuclei), names = _compact(np.asarray(cells), np.asarray(nuclei))
    cell, nucleus = _Shape(cells), _Shape(nuclei, cells.max(initial=0))
    labels = np.flatnonzero(cell.area)
    no_nucleus = nucleus.area[labels] == 0
    y, x, eccentricity = (
        np.where(no_nucleus, c[labels], n[labels]) for c, n in zip(cell.ellipse(), nucleus.ellipse(), strict=True)
    )
    box = cell.box()[labels]
    at_edge = (box[:, :2] == 0).any(1) | (box[:, 2:] == cells.shape).any(1)
    cell_y, cell_x, _ = cell.ellipse()
    table = {
        "label": labels if names is None else names[labels],
        "y": y,
        "x": x,
        "cell_y": cell_y[labels],
        "cell_x": cell_x[labels],
    }
    table |= dict(zip(BOX, box.T, strict=True)) | {"area": cell.area[labels].astype(float)}
    table |= {"nucleus_area": nucleus.area[labels].astype(float), "eccentricity": eccentricity, "at_edge": at_edge}
    table |= {f"intensity_{name}": cell.mean(plane)[labels] for name, plane in field.items()}
    types = dict.fromkeys(FIELD_KEYS, object) | {"field": int}
    keys = {name: np.full(len(labels), metadata[name], dtype) for name, dtype in types.items()}
    return pd.DataFrame(keys | table)


def _compact(cells: np.ndarray, nuclei: np.ndarray):
    """Both label images, and what their labels were: renumbered if they are more than pixels, else None as they are."""
    if max(cells.max(initial=0), nuclei.max(initial=0)) <= cells.size:
        return (cells, nuclei), None
    names, codes = np.unique(np.stack([np.zeros_like(cells), cells, nuclei]), return_inverse=True)
    return codes.reshape(3, *cells.shape)[1:], names


class _Shape:
    """Sums over the pixels of every label of a label image; results are indexed by label, up to `max_label`."""

    def __init__(self, labels: np.ndarray, max_label: int = 0):
        self.y, self.x = np.nonzero(labels)
        self.ids = labels[self.y, self.x]
        self.size = max(int(self.ids.max(initial=0)), int(max_label)) + 1
        self.area = np.bincount(self.ids, minlength=self.size)

    def mean(self, plane: np.ndarray) -> np.ndarray:
        """Mean of a plane (H, W) over every label."""
        return self._mean(plane[self.y, self.x])

    def _mean(self, values: np.ndarray) -> np.ndarray:
        return np.bincount(self.ids, values, self.size) / np.maximum(self.area, 1)

    def ellipse(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Centres y and x, and the eccentricity of the ellipse with the same second moments (as scikit-image)."""
        y, x = self._mean(self.y), self._mean(self.x)
        dy, dx = self.y - y[self.ids], self.x - x[self.ids]
        yy, xx, xy = self._mean(dy * dy), self._mean(dx * dx), self._mean(dx * dy)
        spread = np.hypot(yy - xx, 2 * xy)
        return y, x, np.sqrt(2 * spread / np.maximum(yy + xx + spread, 1e-9))

    def box(self) -> np.ndarray:
        """Top, left, bottom, right (n, 4), ends excluded."""
        box = np.zeros((self.size, 4), int)
        box[:, :2] = np.iinfo(int).max
        for axis, position in enumerate((self.y, self.x)):
            np.minimum.at(box[:, axis], self.ids, position)
            np.maximum.at(box[:, 2 + axis], self.ids, position + 1)
        return box
