"""Fields whose counts are of another type or bit depth than the others' are told, and have no part in the limits."""

import numpy as np
import pandas as pd
import pytest
import tifffile
from wellread.calibrate.calibrate import survey
from wellread.calibrate.depths import measures, strangers

CHANNELS = ["DNA", "RNA"]


def change(rows, numbers, function, channels=CHANNELS):
    for number in numbers:
        for channel in channels:
            path = rows[channel][number]
            tifffile.imwrite(path, function(tifffile.imread(path)))


@pytest.mark.dag
@pytest.mark.parametrize(
    ("function", "words"),
    [
        (lambda image: (image // 16).astype(np.uint8), "uint8 counts, most of the plate uint16"),
        (lambda image: image // 16, "at least 8 times lower than most of the plate: another bit depth"),
        (lambda image: image * 16, "counts that are multiples of 16, most of the plate of 1: another bit depth"),
        (lambda image: (image // 16).clip(0, 255) * 257, "counts that are multiples of 257"),
    ],
)
@pytest.mark.parametrize("channels", [["DNA", "RNA"], ["RNA"]])
def test_a_minority_of_another_depth_is_left_out(own_rows, caplog, function, words, channels):
    numbers = [0, 5]
    whole = survey(own_rows.drop(index=numbers), CHANNELS)
    change(own_rows, numbers, function, channels)
    fields, found = survey(own_rows, CHANNELS)
    assert fields.index[fields["status"] == "depth"].tolist() == numbers
    assert words in fields["detail"][0]
    assert fields["detail"][0].startswith(f"{channels[0]} has ")
    np.testing.assert_array_equal(found["limits"], whole[1]["limits"])
    assert fields["flags"].drop(index=numbers).tolist() == whole[0]["flags"].tolist()
    assert fields.loc[numbers, "mean_DNA"].isna().all()
    assert "2 fields (well" in caplog.text


@pytest.mark.dag
def test_a_plate_of_one_depth_is_as_good_in_8_bits(own_rows):
    change(own_rows, range(12), lambda image: (image // 16).astype(np.uint8))
    assert (survey(own_rows, CHANNELS)[0]["status"] == "ok").all()


@pytest.mark.dag
def test_half_of_the_plate_in_8_bits_leaves_the_16_bits(own_rows):
    change(own_rows, range(6), lambda image: (image // 16).astype(np.uint8))
    fields, _ = survey(own_rows, CHANNELS, max_failed_fields=0.5)
    assert fields["status"].tolist() == ["depth"] * 6 + ["ok"] * 6


def table(**columns):
    n = max(map(len, columns.values()))
    plain = {"dtype": ["uint16"] * n, "step": [1] * n, "background": [300] * n, "p99": [900] * n, "top": [4000] * n}
    return pd.DataFrame({f"{name}_DNA": column for name, column in (plain | columns).items()})


@pytest.mark.parametrize(
    "columns",
    [
        {"background": [300, 299, 20]},  # a dark field has no fewer bright pixels here
        {"p99": [900, 900, 20], "top": [4000, 4000, 60]},  # an empty one has the camera's background
        {"background": [2, 2, 0], "p99": [90, 90, 9], "top": [200, 200, 9]},  # no dark to compare
        {"background": [300, 300, 20], "top": [4000, 4000, 60]},
        {"step": [1, 1, 0]},  # a field of few levels
        {"step": [257, 257, 257]},
        {"dtype": ["uint8", "uint8", np.nan]},
    ],
)
def test_what_may_happen_in_one_plate_is_no_other_depth(columns):
    assert strangers(table(**columns), ["DNA"]).tolist() == [""] * 3


def test_the_step_of_levels():
    rng = np.random.default_rng(0)
    plane = rng.integers(100, 255, (40, 60))
    for factor, step in ((1, 1), (16, 16), (257, 257), (10, 1), (4, 4)):
        counts = (plane * factor).astype(np.uint16)
        assert measures(counts, np.bincount(counts.ravel(), minlength=2**16)) == {"dtype": "uint16", "step": step}
    few = np.full((4, 4), 16, np.uint8)
    assert measures(few, np.bincount(few.ravel(), minlength=2**16)) == {"dtype": "uint8", "step": 0}
