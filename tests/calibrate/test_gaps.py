"""Gaps are blocks of one count with straight edges; saturation, dark backgrounds and JPEG are none."""

import io

import numpy as np
import pytest
import tifffile
from paths import SHARED
from PIL import Image
from scipy.ndimage import gaussian_filter
from wellread.calibrate import calibrate as module
from wellread.calibrate.calibrate import survey
from wellread.calibrate.gaps import gap, repeated_lines
from wellread.calibrate.illumination import none
from wellread.inputs import images

SIZE = 160


def found(plane):
    return gap(plane, np.bincount(plane.ravel(), minlength=2**16))


@pytest.fixture(scope="module")
def field(painted):
    return tifffile.imread(painted[1]["DNA"][0])


def with_gap(plane, kind, value):
    plane = plane.copy()
    width = plane.shape[1]
    if kind == "tail":
        plane.ravel()[int(0.4 * plane.size) :] = value
    elif kind == "short tail":
        plane.ravel()[int(0.97 * plane.size) :] = value
    elif kind == "lines":
        plane[20::40] = value
    elif kind == "columns":
        plane[:, 5:9] = value
    elif kind == "parts of lines":
        plane[::11, 30:120] = value
    elif kind == "tile":
        plane[64:96, 32:64] = value
    elif kind == "tiles":
        plane[:64, :64] = plane[64:128, 64:128] = plane[-64:, :64] = value
    elif kind == "half":
        plane[:, width // 2 :] = value
    return plane


KINDS = ["tail", "short tail", "lines", "columns", "parts of lines", "tile", "tiles", "half"]


@pytest.mark.parametrize("value", [0, 777, 65535])
@pytest.mark.parametrize("kind", KINDS)
def test_gaps_of_every_kind_and_value(field, kind, value):
    plane = with_gap(field, kind, value)
    share, count = found(plane)
    assert count == value
    assert share == pytest.approx((plane != field).mean(), abs=1e-3)


@pytest.mark.parametrize("kind", KINDS)
def test_gaps_in_8_bits(field, kind):
    plane = (field // 16).astype(np.uint8)
    assert found(with_gap(plane, kind, 0))[0] > 0.005
    assert found(plane) == (0.0, 0)


def discs(level, size=SIZE):
    y, x = np.mgrid[:size, :size]
    plane = np.zeros((size, size), float)
    for cy, cx, r in ((40, 50, 22), (100, 110, 30), (120, 30, 14)):
        plane += level * np.exp(-(((y - cy) ** 2 + (x - cx) ** 2) / r**2))
    return plane


GOOD = {
    "nothing but background of zeros": lambda rng: discs(200).astype(np.uint8),
    "a few cells on zeros": lambda rng: np.where(discs(200) > 60, discs(200), 0).astype(np.uint8),
    "large saturated cells": lambda rng: np.clip(discs(2000) + 50 + rng.normal(0, 3, (SIZE, SIZE)), 0, 255).astype(
        np.uint8
    ),
    "a bright edge, saturated": lambda rng: np.clip(
        discs(500) + 900 * np.linspace(0, 1, SIZE) ** 8 + rng.normal(50, 3, (SIZE, SIZE)), 0, 255
    ).astype(np.uint8),
    "an 8-bit background of little noise": lambda rng: (3.4 + discs(90) + rng.normal(0, 0.3, (SIZE, SIZE))).astype(
        np.uint8
    ),
    "a round field of view": lambda rng: np.where(
        np.hypot(*(np.mgrid[:SIZE, :SIZE] - 80)) < 85, rng.normal(300, 9, (SIZE, SIZE)), 0
    ).astype(np.uint16),
    "a smooth picture without noise": lambda rng: (
        gaussian_filter(rng.normal(500, 4000, (SIZE, SIZE)), 9).clip(0).astype(np.uint16)
    ),
    "squares that hardly differ": lambda rng: np.kron(rng.integers(2, 5, (10, 10)), np.ones((16, 16))).astype(np.uint8),
    "one dead line": lambda rng: np.where(np.arange(400)[:, None] == 77, 0, rng.normal(300, 9, (400, 400))).astype(
        np.uint16
    ),
}


@pytest.mark.parametrize("kind", GOOD)
def test_good_planes_have_none(kind):
    plane = GOOD[kind](np.random.default_rng(0))
    assert found(plane) == (0.0, 0)
    assert repeated_lines(plane) == 0.0


def test_lines_that_repeat_earlier_ones(field):
    half = field.shape[0] // 2
    for source in (half - 1, slice(0, half)):
        plane = field.copy()
        plane[half:] = field[source]
        assert repeated_lines(plane) == 0.5
    plane = field.copy()
    plane[1:3] = field[0]
    assert repeated_lines(plane) == 0.0


@pytest.mark.parametrize("enlarged", [(2, 2), (4, 4), (2, 3)])
def test_enlarged_pictures_are_let_pass(field, enlarged):
    assert repeated_lines(np.kron(field, np.ones(enlarged, field.dtype))) == 0.0
    assert repeated_lines(field) == 0.0


@pytest.mark.parametrize("quality", [60, 90])
def test_the_blocks_of_jpeg_are_no_gaps(quality):
    buffer = io.BytesIO()
    Image.fromarray(np.clip(discs(200) + 2, 0, 255).astype(np.uint8)).save(buffer, "jpeg", quality=quality)
    assert found(np.asarray(Image.open(buffer))) == (0.0, 0)


@pytest.mark.dag
@pytest.mark.parametrize(
    ("folder", "pattern"),
    [
        ("sbs_plate", "*.tif"),
        ("cellpainting_fovs/nf1_plate2/Plate_2_images", "*.tif"),
        ("cellpainting_fovs/bbbc036_cloome", "*.tif"),
        ("dsb2018_fluo/images", "*.png"),
    ],
)
def test_real_fields_have_none(folder, pattern):
    paths = sorted((SHARED / "data" / folder).rglob(pattern))[:60]
    if not paths:
        pytest.skip("no shared data here")
    planes = ((path.name, images.read(str(path))) for path in paths)
    assert [name for name, plane in planes if found(plane)[0] or repeated_lines(plane)] == []


def test_a_field_of_repeated_lines_is_left_out(own_rows):
    path = own_rows["DNA"][1]
    plane = tifffile.imread(path)
    plane[96:] = plane[:96]
    tifffile.imwrite(path, plane)
    fields = survey(own_rows.iloc[:6], ["DNA", "RNA"])[0]
    assert fields["status"].tolist() == ["ok", "incomplete", *["ok"] * 4]
    assert "lines are equal to earlier ones" in fields["detail"][1]


@pytest.mark.dag
@pytest.mark.parametrize("flagged", ["keep", "drop"])
def test_fields_with_gaps_have_a_status_and_no_part_in_limits_and_light(own_rows, caplog, flagged):
    rows = [1, 7]
    whole = survey(own_rows.drop(index=rows), ["DNA", "RNA"])[1]["limits"]
    for row in rows:
        path = own_rows["DNA"][row]
        tifffile.imwrite(path, with_gap(tifffile.imread(path), "tail", 0))
    fields, found = survey(own_rows, ["DNA", "RNA"], flagged=flagged)
    assert fields.index[fields["status"] == "incomplete"].tolist() == rows
    assert own_rows["DNA"][1] in fields["detail"][1]
    assert "60.0% of it are blocks of the count 0: an interrupted copy" in fields["detail"][1]
    np.testing.assert_array_equal(found["limits"], whole)
    assert "2 fields (well" in caplog.text
    assert (survey(own_rows, ["DNA", "RNA"], incomplete=False)[0]["status"] == "ok").all()


@pytest.mark.dag
def test_fields_with_gaps_are_not_asked_for_the_light(own_rows, monkeypatch):
    path = own_rows["DNA"][1]
    tifffile.imwrite(path, with_gap(tifffile.imread(path), "tail", 0))
    path = own_rows["DNA"][2]
    tifffile.imwrite(path, (tifffile.imread(path) // 16).astype(np.uint8))
    given = []

    def spy(plate, fields):
        given.append(len(fields))
        return none(plate)

    monkeypatch.setattr(module, "pick", lambda section, settings: spy)
    survey(own_rows, ["DNA", "RNA"], illumination={"retrospective": {}}, flags={})
    assert given == [10]
