"""What is measured of every cell while its masks and its field are in memory."""

import numpy as np
import pandas as pd

PLACE = ["plate", "well", "site", "field"]
BOX = ["top", "left", "bottom", "right"]


def objects(nuclei: np.ndarray, cells: np.ndarray, field: dict[str, np.ndarray], place: dict) -> pd.DataFrame:
    """One row per cell, by its label: where it lies and how large and bright it is. Lengths in px, areas in px².

    `y, x` is the centre of the nucleus (of the cell, if it has none), `cell_y, cell_x` that of the cell, `top, left,
    bottom, right` the box about the cell, ends excluded. `eccentricity`, from second moments, is of what `y, x` is the
    centre of; `at_edge`: the cell touches the border of its field; `intensity_CHANNEL`: mean over the cell. The first
    columns, plate, well, site and field, are of `place`.
    """
    cells, nuclei = np.asarray(cells), np.asarray(nuclei)
    cell, nucleus = _Shape(cells), _Shape(nuclei, cells.max(initial=0))
    labels = np.flatnonzero(cell.area)
    bare = nucleus.area[labels] == 0
    y, x, eccentricity = (
        np.where(bare, c[labels], n[labels]) for c, n in zip(cell.form(), nucleus.form(), strict=True)
    )
    box = cell.box()[labels]
    at_edge = (box[:, :2] == 0).any(1) | (box[:, 2:] == cells.shape).any(1)
    cell_y, cell_x, _ = cell.form()
    table = {"label": labels, "y": y, "x": x, "cell_y": cell_y[labels], "cell_x": cell_x[labels]}
    table |= dict(zip(BOX, box.T, strict=True)) | {"area": cell.area[labels].astype(float)}
    table |= {"nucleus_area": nucleus.area[labels].astype(float), "eccentricity": eccentricity, "at_edge": at_edge}
    table |= {f"intensity_{name}": cell.mean(plane)[labels] for name, plane in field.items()}
    types = dict.fromkeys(PLACE, object) | {"field": int}
    where = {name: np.full(len(labels), place[name], dtype) for name, dtype in types.items()}
    return pd.DataFrame(where | table)


class _Shape:
    """Sums over the pixels of every label, from one look at a label image."""

    def __init__(self, labels: np.ndarray, most: int = 0):
        self.y, self.x = np.nonzero(labels)
        self.ids = labels[self.y, self.x]
        self.size = max(int(self.ids.max(initial=0)), int(most)) + 1
        self.area = np.bincount(self.ids, minlength=self.size)

    def mean(self, plane: np.ndarray) -> np.ndarray:
        return self._mean(plane[self.y, self.x])

    def _mean(self, values: np.ndarray) -> np.ndarray:
        return np.bincount(self.ids, values, self.size) / np.maximum(self.area, 1)

    def form(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
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
        for side, place in enumerate((self.y, self.x)):
            np.minimum.at(box[:, side], self.ids, place)
            np.maximum.at(box[:, 2 + side], self.ids, place + 1)
        return box
