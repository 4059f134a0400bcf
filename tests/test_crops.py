"""Row i of crops, outlines and cells is the same cell, and every object is either a row or lost with a reason."""

import numpy as np
import pandas as pd
import pytest
import tifffile
from conftest import outputs
from wellread.crops import crops
from wellread.plate import open_plate

KEY = ["plate", "well", "site", "field", "label"]


def cut(plate, folder, masks=True, threads=1, seed=0, **options):
    files = [str(plate / name) for name in ("fields.parquet", "calibration.npz", "masks.tif")]
    crops(
        files[0],
        files[1],
        files[2] if masks else None,
        outputs(folder),
        seed,
        threads,
        **{"size": 40} | options,
    )
    return read(folder)


def read(folder):
    tables = pd.read_parquet(folder / "cells.parquet"), pd.read_parquet(folder / "lost.parquet")
    return np.load(folder / "crops.npy"), np.load(folder / "outlines.npy"), *tables


def test_every_row_is_the_cell_that_the_table_says(plate):
    pixels, outlines, cells, _ = read(plate)
    assert len(pixels) == len(outlines) == len(cells) > 50
    opened = open_plate(str(plate / "fields.parquet"), str(plate / "calibration.npz"))
    for row in cells.sample(25, random_state=0).itertuples():
        nuclei, labels = tifffile.imread(plate / "masks.tif")[row.field]
        top, left = round(row.y) - 20, round(row.x) - 20
        window = np.s_[top : top + 40, left : left + 40]
        field = np.round(opened.read(row.field) * 255).astype(np.uint8)
        np.testing.assert_array_equal(pixels[row.Index], field[:, *window])
        np.testing.assert_array_equal(outlines[row.Index] == 3, nuclei[window] == row.label)
        np.testing.assert_array_equal(outlines[row.Index] >= 2, labels[window] == row.label)
        np.testing.assert_array_equal(outlines[row.Index] > 0, labels[window] > 0)
        assert row.area == (labels == row.label).sum()
        assert row.nucleus_area == (nuclei == row.label).sum()


def test_objects_are_rows_or_lost(plate):
    _, _, cells, lost = read(plate)
    objects = pd.concat([cells[KEY], lost[KEY]])
    masks = tifffile.imread(plate / "masks.tif")
    wanted = {(field, label) for field in range(len(masks)) for label in np.unique(masks[field, 0])[1:]}
    assert set(zip(objects["field"], objects["label"], strict=True)) == wanted
    assert not objects.duplicated().any()
    assert set(lost["reason"]) == {"edge"}


@pytest.mark.parametrize("edge", ["zero", "reflect"])
def test_padding_loses_no_cell(plate, tmp_path, edge):
    pixels, _, cells, lost = cut(plate, tmp_path, edge=edge)
    assert len(lost) == 0
    corner = cells[(cells["y"] < 15)].index[0]
    assert (pixels[corner, :, 0] == 0).all() == (edge == "zero")


def test_a_draw_limits_the_cells_of_a_well(plate, tmp_path):
    few, again, other = (
        cut(plate, tmp_path / name, seed=seed, max_per_well=5)[2:] for name, seed in [("a", 0), ("b", 0), ("c", 1)]
    )
    assert few[0]["well"].value_counts().max() == 5
    assert (few[1]["reason"] == "max_per_well").any()
    pd.testing.assert_frame_equal(few[0], again[0])
    assert not few[0].equals(other[0])


def test_processes_do_not_change_the_bytes(plate, tmp_path):
    cut(plate, tmp_path, threads=2)
    for name in ("crops.npy", "outlines.npy", "cells.parquet", "lost.parquet"):
        assert (tmp_path / name).read_bytes() == (plate / name).read_bytes()


@pytest.mark.parametrize(("fit", "size"), [("centre", 64), ("resize", 64), ("centre", 200)])
def test_without_masks_every_image_is_an_object(plate, tmp_path, fit, size):
    pixels, outlines, cells, lost = cut(plate, tmp_path, masks=False, fit=fit, size=size)
    fields = pd.read_parquet(plate / "fields.parquet")
    assert pixels.shape == (len(fields), 5, size, size)
    assert cells["field"].tolist() == fields["field"].tolist()
    assert len(lost) == 0
    assert outlines.max() == 2
    field = open_plate(str(plate / "fields.parquet"), str(plate / "calibration.npz")).read(0)
    if fit == "centre" and size == 64:
        np.testing.assert_array_equal(pixels[0], np.round(field[:, 64:128, 64:128] * 255))
    else:
        share = (192 / size) ** 2 if size > 192 else 1  # of the crop that the image fills
        assert pixels[0].mean() == pytest.approx(field.mean() * 255 * share, rel=0.02)
