"""Row i of crops, outlines and cells is the same cell, and every object is either a row or lost with a reason."""

import os

import numpy as np
import pandas as pd
import pytest
import tifffile
from conftest import PLATE, outputs
from PIL import Image
from scipy.ndimage import gaussian_filter
from wellread.calibrate.plate import open_plate
from wellread.crops.crops import crops
from wellread.crops.reader import Crops
from wellread.crops.selection import object_flags
from wellread.painted import phantom
from wellread.runtime import table_files
from wellread.runtime.errors import InputError
from wellread.runtime.parallel import ordered
from wellread.segment.objects import objects

KEY = ["plate", "well", "site", "field", "label"]
FILES = ("crops.npy", "outlines.npy", "cells.parquet", "lost.parquet")


def cut(plate, folder, masks=True, threads=1, seed=0, pixel_size=0.0, **options):
    files = [str(plate / name) if masks or i < 2 else None for i, name in enumerate(PLATE)]
    crops(*files, outputs(folder), seed, threads, pixel_size, **{"size": 40} | options)
    return read(folder)


def read(folder):
    tables = pd.read_parquet(folder / "cells.parquet"), pd.read_parquet(folder / "lost.parquet")
    return np.load(folder / "crops.npy"), np.load(folder / "outlines.npy"), *tables


def made(folder, pixels, masks, wells=None):
    """A plate of fields (F, C, H, W), counts up to 255, and masks (F, 2, H, W); every field a well of its own."""
    folder.mkdir(exist_ok=True)
    names, tables, rows = [f"c{i}" for i in range(pixels.shape[1])], [], []
    for number, field in enumerate(pixels):
        well = wells[number] if wells else f"A{number + 1:02d}"
        row = {"field": number, "plate": "P", "well": well, "site": str(number), "status": "ok", "detail": ""}
        tables.append(objects(*masks[number], dict(zip(names, field / 255, strict=True)), row))
        for name, plane in zip(names, field, strict=True):
            row[f"path_{name}"] = str(folder / f"{number}_{name}.tif")
            tifffile.imwrite(row[f"path_{name}"], plane)
        rows.append(row)
    table_files.write(pd.DataFrame(rows), folder / "fields.parquet", "fields")
    table_files.write(pd.concat(tables, ignore_index=True), folder / "objects.parquet", "objects")
    tifffile.imwrite(folder / "masks.tif", masks.astype(np.int32), photometric="minisblack", metadata={"axes": "FCYX"})
    flat = {"illumination": np.ones((len(names), 1, 1), np.float32), "dark": np.zeros(len(names), np.float32)}
    limits = np.tile([0.0, 255.0], (len(names), 1))
    np.savez(folder / "calibration.npz", **flat, limits=limits, channels=np.array(names))
    return folder


@pytest.fixture
def pair(tmp_path):
    """A field (2, 60, 80) of noise with two cells that touch, 10 x 16 and 12 x 16 px, and one in the corner."""
    masks = np.zeros((1, 2, 60, 80), np.int32)
    for label, (y, x, h, w) in enumerate([(20, 30, 10, 16), (30, 30, 12, 16), (0, 70, 8, 10)], start=1):
        masks[0, 1, y : y + h, x : x + w] = label
        masks[0, 0, y + 2 : y + 6, x + 2 : x + 6] = label  # off the middle
    pixels = np.random.default_rng(0).integers(1, 256, (1, 2, 60, 80)).astype(np.uint8)
    return made(tmp_path / "pair", pixels, masks), pixels[0], masks[0]


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
    assert (cells["side"] == 40).all()


def test_rows_and_lost_are_the_objects(plate):
    _, _, cells, lost = read(plate)
    found = pd.read_parquet(plate / "objects.parquet")
    both = pd.concat([cells[KEY], lost[KEY]]).sort_values(KEY, ignore_index=True)
    pd.testing.assert_frame_equal(both, found[KEY].sort_values(KEY, ignore_index=True))
    assert set(cells) == {*found, "flags", "side"}
    assert set(lost["reason"]) == {"edge"}
    assert cells[KEY].equals(cells[KEY].sort_values(KEY))


def test_wells_follow_the_order_of_the_plate(tmp_path):
    """Also where fields of a well do not follow one another."""
    masks = np.zeros((4, 2, 40, 40), np.int32)
    masks[:, :, 18:22, 18:22] = 1
    plate = made(tmp_path, np.full((4, 1, 40, 40), 9, np.uint8), masks, wells=["B02", "A01", "B02", "A01"])
    cells = cut(plate, tmp_path, size=20)[2]
    assert cells["field"].tolist() == [0, 2, 1, 3]


@pytest.mark.dag
def test_processes_do_not_change_the_bytes(plate, tmp_path):
    for name, options in {"plain": {}, "box": {"window": "box", "edge": "reflect", "max_per_well": 6}}.items():
        cut(plate, tmp_path / name / "one", **options)
        cut(plate, tmp_path / name / "two", threads=2, **options)
        for file in FILES:
            one, two = ((tmp_path / name / n / file).read_bytes() for n in ("one", "two"))
            assert one == two
    assert Crops([tmp_path / "plain" / "two" / "crops.npy"]).shape == (len(read(plate)[2]), 5, 40, 40)


def test_a_broken_field_leaves_no_files(plate, tmp_path):
    fields = pd.read_parquet(plate / "fields.parquet")
    fields.loc[5, "path_DNA"] = str(tmp_path / "nowhere.tif")
    table_files.write(fields, tmp_path / "fields.parquet", "fields")
    files = [str(tmp_path / "fields.parquet"), *(str(plate / name) for name in PLATE[1:])]
    for threads in (1, 2):
        with pytest.raises(InputError, match=r"nowhere\.tif"):
            crops(*files, outputs(tmp_path / "out"), 0, threads, size=40)
        assert not list((tmp_path / "out").iterdir())


def test_a_process_that_was_killed_is_named():
    with pytest.raises(InputError, match="more memory"):
        list(ordered(os._exit, [1, 1, 1], 2))


def test_no_cell_at_all(tmp_path):
    plate = made(tmp_path, np.ones((2, 1, 40, 40), np.uint8), np.zeros((2, 2, 40, 40), np.int32))
    pixels, outlines, cells, lost = cut(plate, tmp_path, size=20)
    assert pixels.shape == (0, 1, 20, 20)
    assert outlines.shape == (0, 20, 20)
    assert len(cells) == len(lost) == 0


def test_uneven_light_is_corrected_in_crops(plate, tmp_path):
    with np.load(plate / "calibration.npz") as saved:
        arrays = dict(saved)
    y, x = np.mgrid[:192, :192] / 192
    arrays["illumination"] = np.broadcast_to((0.5 + 0.5 * y + 0.5 * x).astype(np.float32), (5, 192, 192))
    arrays["dark"] = np.arange(5, dtype=np.float32)
    np.savez(tmp_path / "calibration.npz", **arrays)
    files = str(plate / PLATE[0]), str(tmp_path / "calibration.npz"), str(plate / PLATE[2]), str(plate / PLATE[3])
    crops(*files, outputs(tmp_path), 0, size=40)
    pixels, _, cells, _ = read(tmp_path)
    row = cells.iloc[7]
    field = np.round(open_plate(*files[:2]).read(row["field"]) * 255)
    top, left = round(row["y"]) - 20, round(row["x"]) - 20
    np.testing.assert_array_equal(pixels[7], field[:, top : top + 40, left : left + 40])


@pytest.mark.parametrize("edge", ["drop", "pad", "reflect"])
def test_cells_at_the_edge(pair, tmp_path, edge):
    folder, pixels, masks = pair
    found, outlines, cells, lost = cut(folder, tmp_path, edge=edge, size=30)
    assert lost["label"].tolist() == ([3] if edge == "drop" else [])
    if edge == "drop":
        return
    mode = {"pad": "constant", "reflect": "reflect"}[edge]
    wide = np.pad(pixels, ((0, 0), (30, 30), (30, 30)), mode)
    top, left = (int(np.floor(v + 0.5)) + 15 for v in cells.loc[2, ["y", "x"]])
    np.testing.assert_array_equal(found[2], wide[:, top : top + 30, left : left + 30])
    labels = np.pad(masks, ((0, 0), (30, 30), (30, 30)))[:, top : top + 30, left : left + 30]
    np.testing.assert_array_equal(outlines[2], 2 * (labels[1] == 3) + (labels[0] == 3))  # nothing is reflected


def test_the_middle_is_that_of_the_nucleus_or_of_the_cell(pair, tmp_path):
    folder, pixels, _ = pair
    for around, (y, x) in {"nucleus": (24, 34), "cell": (25, 38)}.items():  # of nuclei 22..25, 32..35; 24.5 goes up
        found = cut(folder, tmp_path, around=around, size=30)[0]
        np.testing.assert_array_equal(found[0], pixels[:, y - 15 : y + 15, x - 15 : x + 15])


@pytest.mark.parametrize("size", [40, 41])
def test_boxes_are_as_wide_as_their_cells(pair, tmp_path, size):
    folder, pixels, masks = pair
    found, outlines, cells, _ = cut(folder, tmp_path, window="box", margin=0.25, size=size, edge="pad")
    sides = [20 + size % 2] * 2 + [14 if size == 40 else 13]  # 16 px and 10 px and a quarter more, even as the crop is
    assert cells["side"].tolist() == sides
    side, start = sides[0], (size - sides[0]) // 2
    inner = np.s_[start : start + side, start : start + side]
    assert outlines[0][inner].sum() == outlines[0].sum() > 0
    assert found[0].sum() == found[0][:, *inner].sum()
    top, left = 25 - side // 2, 38 - side // 2
    np.testing.assert_array_equal(found[0][:, *inner], pixels[:, top : top + side, left : left + side])
    assert (outlines[0] >= 2).sum() == (masks[1] == 1).sum() == cells.loc[0, "area"]


def test_boxes_end_at_the_size_of_the_crop(pair, tmp_path):
    found, _, cells, lost = cut(pair[0], tmp_path, window="box", size=12)
    assert cells["side"].tolist() == [12, 12]
    assert (found > 0).all()
    assert lost["reason"].tolist() == ["edge"]  # the box and its margin leave the field


@pytest.mark.dag
@pytest.mark.parametrize("window", ["fixed", "box"])
@pytest.mark.parametrize("mask", ["none", "cell", "others"])
def test_what_is_masked(plate, tmp_path, mask, window):
    plain, outlines, _, _ = cut(plate, tmp_path / "plain", window=window)
    masked, same, _, _ = cut(plate, tmp_path / "masked", window=window, mask=mask)
    keep = {"none": outlines >= 0, "cell": outlines >= 2, "others": outlines != 1}[mask]
    np.testing.assert_array_equal(same, outlines)
    np.testing.assert_array_equal(masked, plain * keep[:, None])
    assert keep.all() == (mask == "none")


@pytest.mark.dag
def test_a_draw_limits_the_cells_of_a_well(plate, tmp_path):
    whole = read(plate)
    for seed in (0, 1):
        for name in ("a", "b"):
            cut(plate, tmp_path / f"{name}{seed}", seed=seed, max_per_well=5)
    few, again, other = (read(tmp_path / name) for name in ("a0", "b0", "a1"))
    assert few[2]["well"].value_counts().to_dict() == whole[2]["well"].value_counts().clip(upper=5).to_dict()
    assert set(few[3]["reason"]) == {"edge", "max_per_well"}
    assert (few[3]["reason"] == "edge").sum() == len(whole[3])
    pd.testing.assert_frame_equal(few[2], again[2])
    assert not few[2].equals(other[2])
    place = {key: i for i, key in enumerate(whole[2][KEY].itertuples(index=False, name=None))}
    for drawn in (few, other):  # the cells are others, their crops are the same
        rows = [place[key] for key in drawn[2][KEY].itertuples(index=False, name=None)]
        np.testing.assert_array_equal(drawn[0], whole[0][rows])
        np.testing.assert_array_equal(drawn[1], whole[1][rows])


# ---- one pixel size for images of several magnifications -------------------------------------------------------


def zoomed(light, masks, factor):
    """The same field under a lens that magnifies `factor` times as much."""
    shape = tuple(n * factor for n in light.shape[:0:-1])
    light = [Image.fromarray(p).resize(shape, Image.Resampling.BICUBIC) for p in light]
    return np.clip(light, 0, 255).round().astype(np.uint8), masks.repeat(factor, 1).repeat(factor, 2)


@pytest.mark.dag
@pytest.mark.parametrize("options", [{}, {"window": "box"}, {"edge": "pad"}])
def test_magnification_does_not_matter(tmp_path, options):
    light, masks = phantom.draw(np.random.default_rng(0), 15, 200, np.zeros(4))
    light = gaussian_filter(light, (0, 1, 1))  # no lens is sharper
    light = np.clip(light / np.percentile(light, 99.5, axis=(1, 2), keepdims=True), 0, 1) * 255
    views = {}
    for factor in (1, 2, 4):
        pixels, labels = zoomed(light, masks, factor)
        folder = made(tmp_path / f"x{factor}", pixels[None], labels[None])
        options = {"size": 48, "target_pixel_size": 0.6} | options
        views[factor] = cut(folder, tmp_path / f"out{factor}", pixel_size=0.6 / factor, **options)
    pixels, outlines, cells, lost = views[1]
    assert len(cells) > 5
    for factor in (2, 4):
        same, shapes, larger, missing = views[factor]
        assert larger["label"].tolist() == cells["label"].tolist()
        assert missing["label"].tolist() == lost["label"].tolist()
        np.testing.assert_allclose(larger["y"], factor * cells["y"] + (factor - 1) / 2)  # of the field as it is
        assert (larger["side"] == cells["side"]).all()
        correlation = [np.corrcoef(a.ravel(), b.ravel())[0, 1] for a, b in zip(pixels, same, strict=True)]
        assert min(correlation) > 0.98
        assert (shapes == outlines).mean() > 0.99


def test_scaling_is_antialiased_and_labels_stay_labels(tmp_path):
    """A chess board becomes grey, not black or white."""
    board = np.indices((120, 120)).sum(0) % 2 * 255
    masks = np.zeros((1, 2, 120, 120), np.int32)
    masks[:, :, 40:80, 40:80] = 1
    plate = made(tmp_path, board[None, None].astype(np.uint8), masks)
    pixels, outlines, cells, _ = cut(plate, tmp_path, size=20, pixel_size=0.25, target_pixel_size=0.75)
    assert abs(pixels.astype(int) - 127).max() < 20
    assert set(np.unique(outlines)) == {0, 3}
    assert (outlines == 3).sum() == 14**2  # of 13.3, by their centres
    assert cells.loc[0, ["y", "x", "area"]].tolist() == [59.5, 59.5, 1600]


def test_scaling_needs_the_pixel_size(plate, tmp_path):
    with pytest.raises(InputError, match="pixel_size"):
        cut(plate, tmp_path, target_pixel_size=0.6)


# ---- odd cells ----------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def planted():
    """Painted cells, with 10 specks of debris and 10 clumps of four among them, and which these are."""
    tables = []
    for seed in range(12):
        masks = phantom.draw(np.random.default_rng(seed), 28, 320, np.zeros(4))[1]
        tables.append(objects(*masks, {}, {"plate": "P", "well": "A01", "site": "1", "field": seed}))
    table = pd.concat(tables, ignore_index=True)
    table = table[~table["at_edge"]].reset_index(drop=True)
    kind = np.full(len(table), "good")
    kind[:10], kind[10:20] = "debris", "clump"
    table.loc[:9, ["area", "nucleus_area"]] *= 0.1
    table.loc[10:19, ["area", "nucleus_area"]] *= 4
    return table, kind


@pytest.mark.dag
def test_debris_and_clumps_are_flagged_and_good_cells_are_not(planted):
    table, kind = planted
    flags = object_flags(table, {"area": {"z": [-5, 5]}, "nucleus_area": {"z": [-5, 5]}})
    odd = (flags != "").to_numpy()
    assert (kind == "good").sum() > 150
    assert odd[kind == "debris"].all()
    assert odd[kind == "clump"].all()
    assert odd[kind == "good"].mean() <= 0.02


@pytest.mark.dag
def test_rules_may_be_absolute_and_about_any_channel(planted):
    table, _ = planted
    table = table.assign(intensity_DNA=0.5, intensity_ER=0.5)
    table.loc[3, "intensity_ER"] = 0.9
    rules = {"area": {"range": [table["area"].quantile(0.5), None]}, "intensity": {"range": [None, 0.8]}}
    flags = object_flags(table, rules)
    assert flags.str.contains("area").mean() == pytest.approx(0.5, abs=0.01)
    assert flags[3] == "area|intensity"
    assert object_flags(table, {"intensity_DNA": {"range": [None, 0.8]}}).eq("").all()
    with pytest.raises(InputError, match="intensity_Golgi"):
        object_flags(table, {"intensity_Golgi": {"z": [-1, 1]}})


def test_flagged_cells_are_kept_or_dropped_before_the_draw(plate, tmp_path):
    found = pd.read_parquet(plate / "objects.parquet")
    rules = {"area": {"range": [found["area"].median(), None]}}
    _, _, kept, lost = cut(plate, tmp_path / "keep", flags=rules)
    assert set(kept["flags"]) == {"", "area"}
    small = kept["flags"] == "area"
    assert (small == (kept["area"] < found["area"].median())).all()
    _, _, rest, dropped = cut(plate, tmp_path / "drop", flags=rules, flagged="drop")
    pd.testing.assert_frame_equal(rest, kept[~small].reset_index(drop=True))
    assert dropped["reason"].value_counts().to_dict() == {"edge": len(lost), "flagged": small.sum()}
    assert (dropped.loc[dropped["reason"] == "flagged", "flags"] == "area").all()
    _, _, few, out = cut(plate, tmp_path / "few", flags=rules, flagged="drop", max_per_well=2)
    assert few["well"].value_counts().max() == 2
    assert (few["flags"] == "").all()
    assert out["reason"].value_counts()["flagged"] == small.sum()


# ---- whole images -------------------------------------------------------------------------------------------------


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


@pytest.mark.parametrize("side", [50, 51, 52, 53])
def test_ready_made_crops_are_taken_as_they_are(tmp_path, side):
    pixels = np.random.default_rng(0).integers(0, 256, (3, 2, side, side)).astype(np.uint8)
    plate = made(tmp_path, pixels, np.zeros((3, 2, side, side), np.int32))
    for options in ({}, {"fit": "resize"}, {"window": "box"}):
        found, outlines, cells, _ = cut(plate, tmp_path, masks=False, size=side, **options)
        np.testing.assert_array_equal(found, pixels)
        assert (outlines == 2).all()
        assert (cells["side"] == side).all()


def test_small_ready_made_crops_have_a_frame(tmp_path):
    pixels = np.full((1, 2, 30, 24), 7, np.uint8)
    plate = made(tmp_path, pixels, np.zeros((1, 2, 30, 24), np.int32))
    found, _, cells, _ = cut(plate, tmp_path, masks=False, size=40, window="box")
    assert cells["side"].tolist() == [30]
    assert (found[0, 0] == np.pad(pixels[0, 0], ((5, 5), (8, 8)))).all()


def test_images_may_be_of_different_height_and_width(tmp_path):
    pixels = np.zeros((1, 1, 60, 30), np.uint8)
    pixels[:, :, :30] = 200
    plate = made(tmp_path, pixels, np.zeros((1, 2, 60, 30), np.int32))
    found = cut(plate, tmp_path, masks=False, size=20, fit="resize")[0]
    assert (found[0, 0, :9] == 200).all()
    assert (found[0, 0, 11:] == 0).all()
