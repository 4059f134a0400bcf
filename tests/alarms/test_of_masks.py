"""Alarms about masks: ragged outlines, and fields in which there is nothing."""

import numpy as np
import pandas as pd
import pytest
import tifffile
from alarms.test_alarms import HOW, SEGMENT, dataset, plate, sounded
from wellread.alarms.of_masks import ROUND
from wellread.runtime import table_files
from wellread.segment.merge_pieces import ellipse_fill, moments

Y, X = np.mgrid[:20, :20]
DISC = np.hypot(Y - 9, X - 9) < 7
STAR = DISC & ~((abs(Y - 9) < 2) & (X > 9)) & ~((abs(X - 9) < 2) & (Y > 9))  # two bites out of a disc


def with_masks(folder, ragged):
    """A plate of two fields of 25 nuclei each off the border, `ragged` of them ragged in each."""
    inputs, nuclei = plate(folder), np.zeros((140, 140), np.int32)
    for label in range(1, 26):
        top, left = 20 + 20 * ((label - 1) // 5), 20 + 20 * ((label - 1) % 5)
        nuclei[top : top + 20, left : left + 20][STAR if label <= ragged else DISC] = label
    nuclei[:3, :100] = 99  # at the border: not whole
    tifffile.imwrite(folder / "P1" / "masks.tif", np.stack([nuclei] * 4), photometric="minisblack")
    return inputs | {"masks": [str(folder / "P1" / "masks.tif")]}


def test_the_shapes_are_round_and_ragged():
    disc, star = (ellipse_fill(moments(shape.astype(int), shape))[1] for shape in (DISC, STAR))
    assert star < ROUND < disc


@pytest.mark.parametrize(("ragged", "found"), [(6, None), (7, "28% of nuclei have ragged outlines")])
def test_ragged_nuclei(tmp_path, ragged, found):
    assert sounded(with_masks(tmp_path, ragged)).get("ragged_nuclei") == found


def test_nuclei_merged_on_purpose_are_not_ragged(tmp_path):
    merged = {"otsu_watershed": SEGMENT["otsu_watershed"] | {"merge_distance": 1}}
    assert "ragged_nuclei" not in sounded(with_masks(tmp_path, 25), dataset(segment=merged))


@pytest.mark.parametrize(("more", "found"), [(2, None), (3, "60% of good fields are without cells")])
def test_fields_without_cells(tmp_path, more, found):
    inputs = plate(tmp_path)  # objects lie in two fields
    rows = table_files.read(inputs["fields"][0], "fields")
    table_files.write(pd.concat([rows, *[rows.head(1)] * more]), inputs["fields"][0], "fields")
    assert sounded(inputs, HOW).get("empty_fields") == found
