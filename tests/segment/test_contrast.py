"""Given masks that lie on nothing are doubted, once per plate; masks of nuclei never are."""

import logging

import numpy as np
import pytest
import tifffile
from wellread.segment.contrast import contrast, told
from wellread.segment.segment import segment


def squares(*places):
    labels = np.zeros((60, 60), np.int32)
    for number, (y, x) in enumerate(places, 1):
        labels[y : y + 10, x : x + 10] = number
    return labels


def test_the_chance_that_inside_is_brighter():
    nuclei, rng = squares((5, 5), (30, 40)), np.random.default_rng(0)
    field = {"ER": rng.random((60, 60)), "DNA": np.where(nuclei > 0, 0.8, 0.1)}
    nothing = np.zeros_like(nuclei)
    assert contrast(nuclei, nothing, field) == 1
    assert contrast(nothing, nuclei, field) == 1
    assert contrast(squares((5, 30), (40, 5)), nothing, field) == pytest.approx(0.5, abs=0.05)
    assert contrast(nuclei, nothing, {"flat": np.full((60, 60), 0.5)}) == 0.5
    assert np.isnan(contrast(nothing, nothing, field))
    assert np.isnan(contrast(nothing + 1, nothing, field))


def test_what_is_told():
    assert told([]) == told([np.nan, 0.9, 0.7]) == ""
    assert told([0.6, 0.9, np.nan, 0.4]).startswith("the masks of 2 of 3 fields are hardly brighter inside")


@pytest.mark.dag
@pytest.mark.parametrize(("shift", "doubted"), [(0, 0), (2, 12)])
def test_masks_of_other_fields_are_warned_of_once(plate, tmp_path, caplog, shift, doubted):
    masks = tifffile.imread(plate / "masks.tif")
    np.save(tmp_path / "stack.npy", np.roll(masks, shift, axis=0))
    paths = [str(plate / name) for name in ("fields.parquet", "calibration.npz")]
    outputs = {"masks": tmp_path / "masks.tif", "objects": tmp_path / "objects.parquet"}
    options = {"nucleus": str(tmp_path / "stack.npy"), "cell": str(tmp_path / "stack.npy")}
    with caplog.at_level(logging.INFO):
        segment(*paths, outputs, {"precomputed": options}, threads=2)
    lines = [record.message for record in caplog.records if "hardly brighter" in record.message]
    assert len(lines) == bool(doubted)
    assert not doubted or int(lines[0].split(" of ")[1]) >= doubted - 1
