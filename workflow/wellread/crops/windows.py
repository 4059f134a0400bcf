"""Where crops lie: from the table of objects to windows (squares of whole pixels) in the images, scaled or not."""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from wellread.runtime.errors import InputError

BOX = ["top", "left", "bottom", "right"]
ROUNDING = 1e-6  # px, more than errors of rounding
CENTRES = {"nucleus": ["y", "x"], "cell": ["cell_y", "cell_x"]}


@dataclass(frozen=True)
class Grid:
    """The pixels that crops are cut from: `shape` (H, W), and `scale` (2,), their number per pixel of a field."""

    shape: tuple[int, int]
    scale: tuple[float, float] = (1.0, 1.0)

    @classmethod
    def of(cls, shape: tuple[int, int], pixel_size: float, target: float) -> "Grid":
        """The grid of fields (H, W) brought to a target pixel size (micrometres; 0: as they are).

        InputError if the pixel size of the fields (micrometres) is needed and not known (0).
        """
        if not target:
            return cls(shape)
        if not pixel_size:
            edit = "`pixel_size` of the dataset, or crops.target_pixel_size: 0"
            found = "pixel_size: 0 (unknown)"
            raise InputError("the pixel size (micrometres) of images to scale", found, "crops.target_pixel_size", edit)
        scale = pixel_size / target
        return cls((max(1, int(shape[0] * scale)), max(1, int(shape[1] * scale))), (scale, scale))

    @classmethod
    def resized(cls, shape: tuple[int, int], size: int) -> "Grid":
        """The grid of whole fields (H, W) resized to (size, size)."""
        return cls((size, size), (size / shape[0], size / shape[1]))

    @property
    def scaled(self) -> bool:
        """Whether pixels of the grid are other than those of the field."""
        return self.scale != (1, 1)


def fixed_squares(objects: pd.DataFrame, grid: Grid, size: int, around: str) -> np.ndarray:
    """Squares of `size` px about the centres of nuclei or cells: top, left, side (n, 3) int, in pixels of the grid."""
    scale = np.array(grid.scale)
    middle = objects[CENTRES[around]].to_numpy(float) * scale + (scale - 1) / 2  # a number is that of a pixel's centre
    return _squares(middle - size // 2, np.full(len(objects), size))


def fitted_squares(objects: pd.DataFrame, grid: Grid, size: int, margin: float) -> np.ndarray:
    """Squares about the boxes of cells, wider by the fraction `margin`, at most `size` px: top, left, side (n, 3) int.

    Their sides are even where `size` is, odd where it is odd, so that the square is centred in its crop.
    """
    box = boxes(objects, grid)
    side = np.ceil((box[:, 2:] - box[:, :2]).max(1, initial=1) * (1 + margin) - ROUNDING).astype(int)
    side = np.minimum(side + (size - side) % 2, size)
    return _squares((box[:, :2] + box[:, 2:] - side[:, None]) / 2, side)


def whole_squares(count: int, size: int) -> np.ndarray:
    """The squares (n, 3) of images that are as large as their crops: top 0, left 0, side `size`."""
    return np.tile([0, 0, size], (count, 1))


def _squares(corner: np.ndarray, side: np.ndarray) -> np.ndarray:
    """Squares (n, 3), their corners (n, 2) rounded; halves go up, so that an image of crop size is not shifted."""
    return np.column_stack([np.floor(corner + 0.5 + ROUNDING).astype(int), side])


def boxes(objects: pd.DataFrame, grid: Grid) -> np.ndarray:
    """The boxes about cells on the grid (n, 4): top, left, bottom, right, ends excluded."""
    return objects[BOX].to_numpy(float) * np.tile(grid.scale, 2)


def inside(squares: np.ndarray, shape: tuple[int, int]) -> np.ndarray:
    """Which squares (n, 3) lie within the field: (n,) bool."""
    corner, side = squares[:, :2], squares[:, 2:]
    return ((corner >= 0) & (corner + side <= shape)).all(axis=1)
