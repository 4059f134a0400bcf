"""The size of crops that is found holds nine cells in ten, on any plate and at any magnification."""

import json

import numpy as np
import pandas as pd
from wellread.crops.crop_size import LARGEST, SMALLEST, crop_size, size_of
from wellread.crops.windows import Grid, fixed_squares
from wellread.runtime import table_files


def cells(sides, y=100.0, at_edge=False):
    """Square cells of these sides (px), their nuclei in the middle."""
    half = np.asarray(sides) / 2
    box = {"top": y - half, "left": y - half, "bottom": y + half, "right": y + half}
    return pd.DataFrame({"y": y - 0.5, "x": y - 0.5, **box, "at_edge": at_edge})


def test_nine_cells_in_ten_lie_in_their_squares():
    rng = np.random.default_rng(0)
    table = cells(rng.integers(30, 90, 500) * 2)
    table["y"] += rng.uniform(-5, 5, 500)
    side = size_of(table)
    squares = fixed_squares(table.assign(cell_y=0, cell_x=0), Grid((1000, 1000)), side, "nucleus")
    corner, end = squares[:, :2], squares[:, :2] + side
    held = (corner <= table[["top", "left"]]).all(axis=1) & (table[["bottom", "right"]] <= end).all(axis=1)
    assert 0.9 <= held.mean() < 0.96
    assert side % 8 == 0


def test_exact_sizes():
    assert size_of(cells([64] * 10)) == 64
    assert size_of(cells([65] * 10)) == 72
    assert size_of(cells([64] * 9 + [400])) <= 72 + 40  # one in ten may be larger
    assert size_of(cells([64] * 10), scale=0.5) == 32
    assert size_of(cells([5] * 10)) == SMALLEST
    assert size_of(cells([5000] * 10)) == LARGEST
    assert size_of(pd.concat([cells([64] * 10), cells([200] * 90, at_edge=True)])) == 64
    assert size_of(cells([])) == SMALLEST


def test_all_plates_have_one_size(tmp_path):
    for name, side in (("P1", 40), ("P2", 96)):
        table_files.write(cells([side] * 50), tmp_path / name, "objects")
    crop_size([tmp_path / "P1", tmp_path / "P2"], tmp_path / "out.json", 0.5, 1.0)
    assert json.loads((tmp_path / "out.json").read_text()) == {"size": 48}
