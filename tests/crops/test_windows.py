"""Squares by hand: which lie within a field, and where they are put."""

import numpy as np
import pandas as pd
import pytest
from wellread.crops import windows
from wellread.crops.selection import reasons_without_crop
from wellread.crops.windows import Grid


@pytest.mark.parametrize(
    ("square", "lies_within"),
    [
        ([0, 0, 10], True),
        ([10, 20, 10], True),
        ([0, 0, 20], True),  # as high as the field
        ([-1, 0, 10], False),
        ([0, -1, 10], False),
        ([11, 0, 10], False),
        ([0, 21, 10], False),
        ([0, 0, 21], False),
    ],
)
def test_a_square_may_touch_the_edge_but_not_cross_it(square, lies_within):
    """In a field of 20 rows and 30 columns."""
    assert windows.inside(np.array([square]), (20, 30)).tolist() == [lies_within]


@pytest.mark.parametrize(("size", "corner"), [(4, [8, 18]), (5, [8, 18])])
def test_a_square_has_its_centre_in_its_middle_pixel(size, corner):
    """A centre at (10, 20) is that of a pixel: the middle one of five, the third of four."""
    table = pd.DataFrame({"y": [10.0], "x": [20.0], "cell_y": [11.0], "cell_x": [22.0]})
    grid = Grid((50, 60))
    assert windows.fixed_squares(table, grid, size, "nucleus").tolist() == [[*corner, size]]
    assert windows.fixed_squares(table, grid, size, "cell").tolist() == [[corner[0] + 1, corner[1] + 2, size]]


def test_a_box_is_made_square_wider_by_its_margin_and_centred():
    """10 rows and 20 columns; a margin of a tenth makes 22."""
    table = pd.DataFrame({"top": [10], "left": [20], "bottom": [20], "right": [40]})
    assert windows.fitted_squares(table, Grid((100, 100)), 40, 0.1).tolist() == [[4, 19, 22]]
    assert windows.fitted_squares(table, Grid((100, 100)), 16, 0.1).tolist() == [[7, 22, 16]]  # no larger than the crop


def test_a_grid_of_half_the_pixels():
    grid = Grid.of((100, 60), pixel_size=0.5, target=1.0)
    assert (grid.shape, grid.scale, grid.scaled) == ((50, 30), (0.5, 0.5), True)
    assert not Grid.of((100, 60), pixel_size=0.5, target=0).scaled
    table = pd.DataFrame({"y": [10.5], "x": [20.5]})  # between pixels 10 and 11, which become pixel 5
    assert windows.fixed_squares(table, grid, 5, "nucleus").tolist() == [[3, 8, 5]]


def objects(plate, n=9):
    return pd.DataFrame({"plate": plate, "well": ["A01"] * n + ["B02"] * n, "flags": ""})


def drawn(plate, most, seed=0):
    return reasons_without_crop(objects(plate), np.ones(18, bool), False, most, seed) == ""


def test_the_draw_of_a_well_has_its_plate_and_its_seed_and_does_not_change():
    first = drawn("P1", 3)
    assert first.reshape(2, 9).sum(axis=1).tolist() == [3, 3]
    assert not (first[:9] == first[9:]).all()  # another well, another draw
    assert any((drawn(f"P{i}", 3) != first).any() for i in range(2, 5))
    assert any((drawn("P1", 3, seed) != first).any() for seed in range(1, 4))
    assert np.flatnonzero(first).tolist() == [3, 4, 6, 11, 15, 17]  # as drawn today, for rows must stay what they are


def test_a_larger_draw_has_all_of_a_smaller_one():
    few, more = drawn("P1", 3), drawn("P1", 5)
    assert (more >= few).all()
    assert drawn("P1", 9).all()
    assert drawn("P1", 0).all()  # no limit


def test_reasons_come_in_their_order():
    table = objects("P1", 3).assign(flags=["area", "area", "", "", "", ""])
    inside = np.array([False, True, True, True, True, False])
    assert reasons_without_crop(table, inside, False, 0, 0).tolist() == ["edge", "", "", "", "", "edge"]
    assert reasons_without_crop(table, inside, True, 0, 0).tolist() == ["edge", "flagged", "", "", "", "edge"]
    few = reasons_without_crop(table, inside, True, 1, 0)
    assert few[:3].tolist() == ["edge", "flagged", ""]
    assert sorted(few[3:]) == ["", "edge", "max_per_well"]
