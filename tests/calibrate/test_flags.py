"""Rules flag what is far out, never what merely differs a little; planted faults are found, good fields left alone."""

import re
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import tifffile
from paths import SHARED
from scipy.ndimage import gaussian_filter
from wellread.calibrate.calibrate import survey
from wellread.calibrate.flags import broken_rules, robust_z, summary
from wellread.painted import layout
from wellread.painted.paint import paint
from wellread.runtime.errors import InputError

DATA = SHARED / "data"
MADE = {"wells": 48, "fields": 2, "size": 256, "cells": 18.0, "seed": 5}
CHANNELS = list(layout.CHANNELS)
FAULTS = {
    "blurred": [3, 20, 47, 80],
    "saturated": [5, 33, 60, 90],
    "empty": [8, 41, 66, 77],
    "truncated": [12, 70],
    "copied": [15, 50],
    "originals": [16, 85],
}


def test_rules_are_joined_in_their_order_and_nan_breaks_none():
    table = pd.DataFrame({"a": [1.0, 5, np.nan], "b_x": [0.0, 9, 0], "b_y": [0.0, 0, -9]})
    rules = {"b": {"range": [-1, 1]}, "a": {"range": [None, 2]}}
    assert broken_rules(table, rules, {"b": ["b_x", "b_y"]}).tolist() == ["", "b|a", "b"]
    assert broken_rules(table, {}).tolist() == ["", "", ""]


def test_a_robust_z_is_that_of_the_logarithms_of_what_differs_by_factors():
    values = pd.Series(np.random.default_rng(0).lognormal(3, 0.5, 500))
    logs = np.log(values)
    spread = 1.4826 * (logs - logs.median()).abs().median()
    np.testing.assert_allclose(robust_z(values), (logs - logs.median()) / spread)
    signed = values - values.median()
    assert robust_z(signed).median() == pytest.approx(0)
    assert robust_z(signed).max() > robust_z(values).max()


def test_scores_stay_small_where_hardly_anything_differs():
    still = pd.Series([100.0] * 20 + [101.0])
    assert robust_z(still).abs().max() < 1
    assert robust_z(pd.Series([2.0] * 20 + [3, 1])).abs().max() < 2  # counts of a dark camera
    assert robust_z(pd.Series([0.0] * 20)).eq(0).all()
    assert robust_z(pd.Series([100.0] * 20 + [0.0])).min() < -50


def test_few_rows_have_no_scores():
    assert robust_z(pd.Series([1.0] * 10 + [1000.0])).eq(0).all()
    assert (
        broken_rules(pd.DataFrame({"a": [1.0, 1000]}), {"a": {"z": [-3, 3], "range": [None, 500]}}) == ["", "a"]
    ).all()


def test_the_summary_counts_rules():
    assert summary(pd.Series(["a|b", "", "b"])) == "2 of 3: 2 b, 1 a"
    assert summary(pd.Series(["", ""])) == "0 of 2"


@pytest.fixture(scope="module")
def good(tmp_path_factory):
    """(rows, table) of a painted plate without faults."""
    folder = tmp_path_factory.mktemp("good")
    paint("P1", folder, **MADE)
    rows = layout.images(folder, plates=1, **MADE)
    return rows, survey(rows, CHANNELS)[0]


@pytest.fixture(scope="module")
def faulty(good, tmp_path_factory):
    """(rows, table) of the same plate with faults."""
    rows, folder = good[0].copy(), tmp_path_factory.mktemp("faulty")
    rng = np.random.default_rng(1)
    for channel in CHANNELS:
        for fault in ("blurred", "saturated", "empty", "truncated", "copied"):
            for i, row in enumerate(FAULTS[fault]):
                image, path = tifffile.imread(rows.loc[row, channel]), str(folder / f"{row}_{channel}.tif")
                original = tifffile.imread(rows.loc[FAULTS["originals"][i % 2], channel])
                tifffile.imwrite(path, original if fault == "copied" else spoil(fault, image, 3 + i % 2, rng))
                if fault == "truncated" and channel == "RNA":
                    Path(path).write_bytes(Path(path).read_bytes()[:9000])
                rows.loc[row, channel] = path
    return rows, survey(rows, CHANNELS)[0]


def spoil(fault, image, strength, rng):
    """A blurred field still has the noise of the camera; an empty one has the same uneven light."""
    light = image - 200.0
    if fault == "blurred":
        light = gaussian_filter(light, strength)
    elif fault == "saturated":
        return np.clip(200 + light * 6 * strength, 0, 4095).astype(np.uint16)
    elif fault == "empty":
        light = np.minimum(gaussian_filter(light, 60), np.percentile(light, 20))
    else:
        return image
    noise = np.sqrt(np.maximum(light, 0) + 9) * rng.standard_normal(light.shape)
    return np.rint(200 + light + noise).clip(0).astype(np.uint16)


@pytest.mark.slow
def test_planted_faults_are_found_by_their_names(faulty):
    table = faulty[1]
    expected = {"blurred": "slope|focus", "saturated": "saturated", "empty": "signal", "copied": "duplicate"}
    expected["originals"] = "duplicate"
    for fault, names in expected.items():
        for row in FAULTS[fault]:
            assert set(names.split("|")) & set(table["flags"][row].split("|")), (fault, row, table["flags"][row])
    assert (table["status"][FAULTS["truncated"]] == "unreadable").all()


@pytest.mark.slow
def test_good_fields_are_left_alone(good, faulty):
    bad = [row for rows in FAULTS.values() for row in rows]
    assert (faulty[1]["flags"].drop(index=bad) != "").mean() <= 0.02
    assert (good[1]["flags"] != "").mean() <= 0.02


@pytest.mark.slow
def test_copies_name_each_other(faulty):
    table = faulty[1]
    for copy, original in zip(FAULTS["copied"], FAULTS["originals"], strict=True):
        names = [f"{table['well'][row]} {table['site'][row]}" for row in (original, copy)]
        assert table["duplicate_of"][[copy, original]].tolist() == names
    assert (table["duplicate_of"] != "").sum() == 4


@pytest.mark.slow
def test_flagged_fields_are_dropped_if_asked_and_the_limits_are_those_of_the_others(faulty):
    rows, kept = faulty
    table, found = survey(rows, CHANNELS, flagged="drop")
    pd.testing.assert_series_equal(table["flags"], kept["flags"])
    assert (table["status"] == np.where(kept["flags"] != "", "flagged", kept["status"])).all()
    assert table.loc[FAULTS["copied"][0], "detail"] == "duplicate"
    good = rows[(table["status"] == "ok").to_numpy()]
    np.testing.assert_array_equal(found["limits"], survey(good, CHANNELS, flags={}, duplicates=False)[1]["limits"])


@pytest.mark.slow
@pytest.mark.skipif(not (DATA / "sbs_plate").exists(), reason="no images beside the repository in shared/data")
def test_a_real_plate_with_strong_treatments_is_left_alone():
    paths = sorted((DATA / "sbs_plate").glob("Channel1*.tif"))
    wells = [re.search(r"-(\w)-(\d+)\.tif", path.name) for path in paths]
    files = {"GFP": [str(p) for p in paths], "DNA": [str(p).replace("Channel1", "Channel2") for p in paths]}
    rows = pd.DataFrame({"plate": "B", "well": [f"{m[1]}{m[2]}" for m in wells], "site": "1"} | files)
    assert (survey(rows, ["GFP", "DNA"])[0]["flags"] != "").mean() <= 0.02


@pytest.mark.dag
def test_a_plate_whose_fields_are_all_flagged_and_dropped_stops(painted):
    everything = {"mean": {"range": [None, 0]}}
    with pytest.raises(InputError, match="all of them flagged: 3 of 3: 3 mean"):
        survey(painted[1].head(3), CHANNELS, flags=everything, flagged="drop")
    assert (survey(painted[1].head(3), CHANNELS, flags=everything)[0]["status"] == "ok").all()
