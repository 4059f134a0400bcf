"""Limits are exact percentiles of the good fields; a bad field is named and left out, too many stop the plate."""

import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import tifffile
from PIL import Image
from wellread.calibrate.calibrate import survey
from wellread.calibrate.plate import calibrated
from wellread.runtime.errors import InputError

CHANNELS = ["DNA", "RNA", "ER", "AGP", "Mito"]


def test_limits_are_percentiles_over_all_pixels(painted):
    fields, plate = survey(painted[1], CHANNELS, percentiles=[1, 99.5], flags={})
    assert (fields["status"] == "ok").all()
    for channel, found in zip(CHANNELS, plate["limits"], strict=True):
        pixels = np.stack([tifffile.imread(path) for path in painted[1][channel]])
        wanted = np.percentile(pixels, [1, 99.5], method="inverted_cdf")
        np.testing.assert_array_equal(found, wanted)


@pytest.mark.dag
def test_two_processes_give_what_one_gives(painted):
    one, two = (survey(painted[1], CHANNELS, threads) for threads in (1, 2))
    pd.testing.assert_frame_equal(one[0], two[0])
    for name in ("illumination", "dark", "limits"):
        np.testing.assert_array_equal(one[1][name], two[1][name])


def test_8_bit_palette_images_are_read_as_counts(tmp_path):
    ramp = np.arange(256, dtype=np.uint8).reshape(16, 16)
    tifffile.imwrite(
        tmp_path / "a.tif",
        ramp,
        photometric="palette",
        colormap=np.tile(np.arange(256) * 257, (3, 1)).astype(np.uint16),
    )
    rows = pd.DataFrame({"plate": ["P"], "well": ["A01"], "site": ["1"], "GFP": [str(tmp_path / "a.tif")]})
    assert survey(rows, ["GFP"], percentiles=[0, 100])[1]["limits"].tolist() == [[0, 255]]


def damage(kind, path):
    image, raw = tifffile.imread(path), Path(path).read_bytes()
    {
        "missing": lambda: Path(path).unlink(),
        "truncated": lambda: Path(path).write_bytes(raw[: len(raw) // 2]),
        "empty": lambda: Path(path).write_bytes(b""),
        "smaller": lambda: tifffile.imwrite(path, image[:100]),
        "colour": lambda: tifffile.imwrite(path, np.stack([image, image // 2, image], -1), photometric="rgb"),
        "float": lambda: tifffile.imwrite(path, image / np.float32(60000)),
        "black": lambda: tifffile.imwrite(path, image * 0),
    }[kind]()


@pytest.mark.dag
@pytest.mark.parametrize(
    ("kind", "status", "words"),
    [
        ("missing", "missing", "no file at"),
        ("truncated", "unreadable", "truncated or damaged"),
        ("empty", "unreadable", "empty (0 bytes)"),
        ("smaller", "shape", "expected (192, 192) like most of the plate, found (100, 192)"),
        ("colour", "shape", "expected one grey image"),
        ("float", "unreadable", "expected 8- or 16-bit counts, found float32"),
        ("black", "blank", "every pixel of ER has the same value"),
    ],
)
def test_a_bad_field_is_told_and_left_out(own_rows, caplog, kind, status, words):
    path = own_rows["ER"].iloc[3]
    whole = survey(own_rows.drop(index=3), CHANNELS)[1]["limits"]
    damage(kind, path)
    fields, found = survey(own_rows, CHANNELS)
    assert fields["status"].value_counts().to_dict() == {"ok": 11, status: 1}
    assert words in fields["detail"].iloc[3]
    assert f"well {own_rows['well'].iloc[3]} site {own_rows['site'].iloc[3]}" in caplog.text
    np.testing.assert_array_equal(found["limits"], whole)


def test_too_many_bad_fields_stop_the_plate_by_name(own_rows):
    for path in own_rows["DNA"].iloc[:3]:
        damage("missing", path)
    with pytest.raises(InputError) as error:
        survey(own_rows, CHANNELS, max_failed_fields=0.2)
    assert all(word in str(error.value) for word in ["at most 20%", "3 unusable", own_rows["DNA"].iloc[0], "plate P1"])
    assert (survey(own_rows, CHANNELS, max_failed_fields=0.25)[0]["status"] == "ok").sum() == 9


def test_a_plate_without_any_good_field_stops(own_rows, tmp_path):
    for path in own_rows["DNA"]:
        damage("black", path)
    with pytest.raises(InputError, match="12 unusable"):
        survey(own_rows, CHANNELS, max_failed_fields=0.99)
    fields, calibration = survey(own_rows, CHANNELS, max_failed_fields=1)
    assert (fields["status"] == "blank").all()
    assert np.isfinite(calibration["limits"]).all()
    np.save(tmp_path / "light.npy", np.linspace(0.5, 1.5, 192**2).reshape(192, 192))
    given = {"functions": {"path": str(tmp_path / "light.npy")}}
    uneven = survey(own_rows, CHANNELS, max_failed_fields=1, illumination=given)[1]
    assert np.isfinite(uneven["limits"]).all()


EVEN = np.ones((1, 1, 1), np.float32), np.zeros(1, np.float32)


def test_rescaled_counts_run_from_0_to_1_whatever_the_bit_depth():
    counts = np.array([[[100, 150, 200, 4000]]], np.uint16)
    np.testing.assert_allclose(calibrated(counts, *EVEN, np.array([[100.0, 200.0]])), [[[0, 0.5, 1, 1]]])
    flat = calibrated(counts, *EVEN, np.array([[100.0, 100.0]]))
    assert np.isfinite(flat).all()


def test_dark_goes_before_light():
    counts = np.array([[[250, 300, 400]]], np.uint16)
    light = np.array([[[0.5, 1, 2]]], np.float32)
    found = calibrated(counts, light, np.array([200], np.float32), np.array([[50.0, 150.0]]))
    np.testing.assert_allclose(found, [[[0.5, 0.5, 0.5]]])


def test_the_shape_of_most_fields_is_that_of_the_plate(own_rows):
    """Whatever the first one's: it is smaller in every channel."""
    for channel in CHANNELS:
        damage("smaller", own_rows[channel].iloc[0])
    assert survey(own_rows, CHANNELS)[0]["status"].tolist() == ["shape"] + ["ok"] * 11


@pytest.mark.dag
def test_what_is_noted_on_reading_is_told_once_per_plate(own_rows, caplog):
    for number, path in enumerate(own_rows["ER"]):
        Image.fromarray((tifffile.imread(path) // 16).astype(np.uint8)).save(f"{path}.jpg")
        own_rows.loc[number, "ER"] = f"{path}.jpg"
    survey(own_rows, CHANNELS, threads=2)
    told = [record.message for record in caplog.records if "JPEG" in record.message]
    assert told == ["12 of 12 fields have images of: " + told[0].split(": ", 1)[1]]


def test_the_same_fault_of_many_fields_is_one_line(own_rows, caplog):
    for row in range(7):
        damage("colour", own_rows["ER"][row])
    damage("missing", own_rows["DNA"][8])
    survey(own_rows, CHANNELS, max_failed_fields=1)
    lines = [record.message for record in caplog.records if "left out" in record.message]
    assert len(lines) == 2
    first = own_rows.iloc[0]
    assert lines[0].startswith(f"field left out: 7 fields (well {first['well']} site {first['site']}, ")
    assert f"...): shape, for example {first['ER']}: expected one grey image, found colours" in lines[0]
    assert lines[1].endswith(f": missing, no file at {own_rows['DNA'][8]}")


def test_channels_with_the_same_pixels_are_flagged(own_rows):
    shutil.copy(own_rows["DNA"][2], own_rows["RNA"][2])
    shutil.copy(own_rows["DNA"][4], own_rows["ER"][6])
    fields, _ = survey(own_rows, CHANNELS, flags={})
    names = (fields["well"] + " " + fields["site"]).tolist()
    assert (
        fields["duplicate_of"].tolist()
        == [""] * 2 + [f"{names[2]} RNA", "", f"{names[6]} ER", "", f"{names[4]} DNA"] + [""] * 5
    )
    assert (fields["flags"] == "duplicate").sum() == 3
