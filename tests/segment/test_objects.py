"""The table of objects against scikit-image, on painted cells."""

import numpy as np
import pandas as pd
import pytest
import tifffile
from skimage.measure import regionprops_table
from wellread.calibrate.plate import open_plate
from wellread.segment.objects import BOX, objects

PLACE = {"plate": "P1", "well": "A01", "site": "1", "field": 4, "stem": "x"}


def test_measures_are_those_of_scikit_image(plate):
    opened = open_plate(str(plate / "fields.parquet"), str(plate / "calibration.npz"))
    nuclei, cells = tifffile.imread(plate / "masks.tif")[4]
    found = objects(nuclei, cells, opened.read_by_channel(4), PLACE)
    names = ("label", "centroid", "area", "eccentricity", "bbox", "intensity_mean")
    stack = np.moveaxis(opened.read(4), 0, -1)
    cell, nucleus = (pd.DataFrame(regionprops_table(image, stack, names)) for image in (cells, nuclei))
    assert len(found) > 3
    for ours, theirs in {
        "label": cell["label"],
        "y": nucleus["centroid-0"],
        "x": nucleus["centroid-1"],
        "cell_y": cell["centroid-0"],
        "cell_x": cell["centroid-1"],
        "area": cell["area"],
        "nucleus_area": nucleus["area"],
        "eccentricity": nucleus["eccentricity"],
        **{side: cell[f"bbox-{i}"] for i, side in enumerate(BOX)},
        **{f"intensity_{channel}": cell[f"intensity_mean-{i}"] for i, channel in enumerate(opened.channels)},
    }.items():
        np.testing.assert_allclose(found[ours], theirs, rtol=1e-5, err_msg=ours)
    edge = (cell["bbox-0"] == 0) | (cell["bbox-1"] == 0) | (cell["bbox-2"] == 192) | (cell["bbox-3"] == 192)
    np.testing.assert_array_equal(found["at_edge"], edge)


def test_cells_without_nucleus_have_the_centre_of_the_cell():
    cells = np.zeros((20, 20), int)
    cells[2:6, 2:10], cells[10:16, 10:16] = 3, 9
    found = objects(np.where(cells == 9, 9, 0), cells, {}, PLACE)
    assert found["label"].tolist() == [3, 9]
    assert found["nucleus_area"].tolist() == [0, 36]
    assert found.loc[0, ["y", "x"]].tolist() == found.loc[0, ["cell_y", "cell_x"]].tolist() == [3.5, 5.5]


@pytest.mark.parametrize("dtype", [np.int32, np.uint16, np.int64])
def test_a_field_without_cells_has_the_same_columns(dtype):
    empty = np.zeros((8, 8), dtype)
    one = empty.copy()
    one[2:4, 2:4] = 1
    none, some = (objects(image, image, {"DNA": np.ones((8, 8), np.float32)}, PLACE) for image in (empty, one))
    assert len(none) == 0
    both = pd.concat([none, some])
    numbers = [table.drop(columns=["plate", "well", "site"]).dtypes.to_dict() for table in (none, some, both)]
    assert numbers[0] == numbers[1] == numbers[2]
    assert both["field"].dtype.kind == both["label"].dtype.kind == "i"


@pytest.mark.parametrize("plus", [30_000, 20_000_000, 3_000_000_000])
def test_large_labels_are_kept_without_tables_as_long(plus):
    cells = np.zeros((20, 20), np.int64)
    cells[2:6, 2:10], cells[10:16, 10:16] = 3, 7
    nuclei = np.where(np.indices(cells.shape)[1] % 2, cells, 0)
    small = objects(nuclei, cells, {"a": np.ones((20, 20))}, PLACE)
    large = objects(*(np.where(x > 0, x + plus, 0) for x in (nuclei, cells)), {"a": np.ones((20, 20))}, PLACE)
    assert large["label"].tolist() == [3 + plus, 7 + plus]
    pd.testing.assert_frame_equal(large.drop(columns="label"), small.drop(columns="label"))
