"""From wells to treatments."""

import numpy as np
import pandas as pd
import pytest
from made_profiles import profiles, screen
from wellread.profiles import tables
from wellread.profiles.consensus import consensus
from wellread.runtime import table_files
from wellread.runtime.errors import InputError


def dosed():
    wells = pd.DataFrame(
        [(f"p{p}", f"A{i:02d}", f"b{p % 2}", "x", 0.1 * (1 + i % 2), "") for p in range(3) for i in range(4)],
        columns=["plate", "well", "batch", "treatment", "dose", "control"],
    )
    wells["moa"] = ["b|a"] * 6 + ["c|b|a"] * 6
    return profiles(wells, np.random.default_rng(0).normal(size=(12, 3)))


@pytest.mark.parametrize("statistic", ["mean", "median"])
def test_one_row_per_treatment_and_dose(statistic):
    frame = dosed()
    found = consensus(frame, statistic=statistic)
    expected = getattr(frame.groupby("Metadata_dose")[["emb_0000", "emb_0001", "emb_0002"]], statistic)()
    np.testing.assert_allclose(tables.split(found)[1], expected, rtol=1e-6)
    assert found["Metadata_Replicates"].tolist() == [6, 6]
    assert found["Metadata_Object_Count"].tolist() == [600, 600]


def test_metadata_that_differ_are_joined():
    row = consensus(dosed(), by=["treatment"]).iloc[0]
    assert row["Metadata_Plate"] == "p0|p1|p2"
    assert row["Metadata_batch"] == "b0|b1"
    assert row["Metadata_moa"] == "a|b|c"
    assert row["Metadata_dose"] == "0.1|0.2"


def test_metadata_that_agree_stay_what_they_are():
    frame = dosed().assign(Metadata_moa="b|a", Metadata_passage=7)
    found = consensus(frame)
    assert found["Metadata_moa"].tolist() == ["b|a", "b|a"]
    assert found["Metadata_passage"].tolist() == [7, 7]
    assert found["Metadata_dose"].tolist() == [0.1, 0.2]


def test_controls_that_fitted_a_correction_stay_out():
    frame = screen(plates=2, controls=8, treatments=2)
    found = consensus(frame)
    dmso = found[found["Metadata_treatment"] == "DMSO"].iloc[0]
    assert dmso["Metadata_Replicates"] == 8  # of 16
    assert dmso["Metadata_control_use"] == "evaluate"
    kept = frame[frame["Metadata_control_use"] == "evaluate"].filter(like="emb_")
    np.testing.assert_allclose(dmso.filter(like="emb_").astype(float), kept.mean(), rtol=1e-6)


def test_a_screen_without_doses_has_one_row_per_treatment():
    assert consensus(screen(treatments=5))["Metadata_treatment"].is_unique


def test_controls_without_a_dose_keep_their_row():
    frame = screen(treatments=2).assign(Metadata_dose=1.0)
    frame.loc[frame["Metadata_control"] == "negative", "Metadata_dose"] = np.nan
    found = consensus(frame)
    assert found["Metadata_treatment"].tolist() == ["DMSO", "t000", "t001"]
    assert np.isnan(found["Metadata_dose"].iloc[0])


def test_an_unknown_column_is_refused():
    with pytest.raises(InputError, match="gene"):
        consensus(screen(), by=["gene"])


def test_the_order_of_wells_does_not_matter():
    frame = screen(effect=1.0)
    shuffled = frame.sample(frac=1, random_state=3)
    pd.testing.assert_frame_equal(consensus(frame), consensus(shuffled), rtol=1e-5)


def test_a_table_of_odd_names_can_be_written(tmp_path):
    frame = screen(treatments=2)
    frame["Metadata_treatment"] = frame["Metadata_treatment"].replace({"t000": '"/<b>', "t001": "é|ü"})
    table_files.write(consensus(frame), tmp_path / "treatment.parquet", "profiles")
    assert pd.read_parquet(tmp_path / "treatment.parquet")["Metadata_treatment"].tolist() == ['"/<b>', "DMSO", "é|ü"]
