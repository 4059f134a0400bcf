"""Profiles from ready feature tables: what is pooled, what is left out, and that all of it is counted."""

import numpy as np
import pandas as pd
import pytest
from wellread.profiles import tables
from wellread.profiles.given import given
from wellread.profiles.ledger import check_ledger
from wellread.runtime.errors import InputError

WELLS = ["A01", "A02", "B01", "B02"]
POOLING = {"cells": "median", "fields": "mean", "min_cells": 1}
LABELS = pd.DataFrame(
    [(plate, well, "DMSO" if well < "B" else "x") for plate in ("P1", "P2") for well in WELLS],
    columns=["plate", "well", "treatment"],
)
LABELS["control"] = np.where(LABELS["treatment"] == "DMSO", "negative", "")


@pytest.fixture(autouse=True)
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def rows(plate: str, seed: int = 0, wells=WELLS, repeats: int = 1, **columns) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    frame = pd.DataFrame({"Metadata_Plate": plate, "Metadata_Well": np.repeat(wells, repeats)})
    numbers = {name: rng.normal(size=len(frame)) for name in "abc"}
    return frame.assign(**numbers).assign(**columns)


def profiles(*frames, wells=LABELS, pooling=POOLING, **options):
    for number, frame in enumerate(frames):
        frame.to_csv(f"t{number}.csv", index=False)
    return given("m", "d", wells, pooling, 0, files="t*.csv", **options)


def counted(counts: pd.DataFrame, stage: str) -> dict:
    own = counts[(counts["stage"] == stage) & (counts["n"] > 0)]
    return {(plate, reason): n for plate, reason, n in own[["plate", "reason", "n"]].itertuples(index=False)}


def test_rows_of_wells_are_their_profiles_under_numbers_whose_names_are_written():
    first, second = rows("P1"), rows("P2", 1)[["Metadata_Well", "c", "a", "b", "Metadata_Plate"]]
    found = profiles(second[["a", "c", "b", "Metadata_Plate", "Metadata_Well"]], first)
    expected = pd.concat([first, second])[["a", "c", "b"]].to_numpy(np.float32)
    for frame in (found.fov, found.well):
        meta, X = tables.split(frame)
        np.testing.assert_array_equal(X.astype(np.float32), expected)
        assert meta["Metadata_Well"].tolist() == WELLS * 2
        assert meta["Metadata_treatment"].tolist() == ["DMSO", "DMSO", "x", "x"] * 2
        assert set(meta["Metadata_control_use"]) == {"fit", "evaluate", ""}
        assert (meta["Metadata_Object_Count"] == 1).all()
    assert found.fov["Metadata_Site"].tolist() == ["1"] * 8
    assert found.features.values.tolist() == [[f"emb_000{i}", name, "kept"] for i, name in enumerate("acb")]
    assert counted(found.counts, "features") == {("", "kept"): 3}
    assert counted(found.counts, "rows") == counted(found.counts, "wells") == {("P1", "kept"): 4, ("P2", "kept"): 4}


def test_cells_are_pooled_into_fields_and_fields_into_wells():
    frame = rows("P1", repeats=6, site=["1", "1", "1", "2", "2", "3"] * 4).sample(frac=1, random_state=0)
    found = profiles(frame)
    fields = frame.groupby(["Metadata_Well", "site"])[["a", "b", "c"]].median()
    np.testing.assert_allclose(tables.split(found.fov)[1], fields, rtol=1e-6)
    np.testing.assert_allclose(tables.split(found.well)[1], fields.groupby("Metadata_Well").mean(), rtol=1e-6)
    assert found.fov["Metadata_Object_Count"].tolist() == [3, 2, 1] * 4
    assert (found.well["Metadata_Object_Count"] == 6).all()


def test_a_column_of_cells_is_counted_and_wells_with_few_are_left_out():
    frame = rows("P1", Metadata_Object_Count=[5, 20, 30, 40])
    found = profiles(frame, pooling=POOLING | {"min_cells": 10})
    assert found.well["Metadata_Object_Count"].tolist() == [20, 30, 40]
    wells = counted(found.counts, "wells")
    assert wells == {("P1", "kept"): 3, ("P1", "below min_cells"): 1, ("P2", "no rows"): 4}
    with pytest.raises(InputError, match="4 wells: below min_cells"):
        profiles(frame, pooling=POOLING | {"min_cells": 50})


def missing(*places, n=40) -> pd.DataFrame:
    """One plate of n wells, in which (row, feature) are missing or infinite."""
    frame = rows("P1", wells=[f"{row}{column:02d}" for row in "ABCD" for column in range(1, 11)][:n])
    for number, (row, name) in enumerate(places):
        frame.loc[row, name] = (np.nan, np.inf, -np.inf)[number % 3]
    return frame


def labels(frame) -> pd.DataFrame:
    return pd.DataFrame({"plate": "P1", "well": frame["Metadata_Well"], "treatment": "x", "control": ""})


def test_features_that_lack_many_values_go_first_then_rows_that_lack_any():
    frame = missing((0, "a"), (1, "a"), (2, "a"), (3, "b"), (4, "b"))  # of 40 rows: 7.5 % and 5 %
    found = profiles(frame, wells=labels(frame))
    assert found.features["profile"].tolist() == ["", "emb_0000", "emb_0001"]
    assert found.features["status"].tolist() == ["missing in more than 5% of the rows", "kept", "kept"]
    assert found.well["Metadata_Well"].tolist() == frame["Metadata_Well"].drop([3, 4]).tolist()
    assert counted(found.counts, "rows") == {("P1", "kept"): 38, ("P1", "missing values"): 2}
    assert counted(found.counts, "wells") == {("P1", "kept"): 38, ("P1", "missing values"): 2}
    np.testing.assert_array_equal(tables.split(found.well)[1][:, 0], frame["b"].drop([3, 4]).to_numpy(np.float32))


def test_more_missing_values_may_be_borne_or_filled():
    frame = missing((0, "a"), (1, "a"), (2, "a"), (3, "b"))
    assert len(profiles(frame, wells=labels(frame), max_missing=0.1).well) == 36
    for fill, value in (("zero", 0.0), ("median", frame["a"].drop([0, 1, 2]).median())):
        found = profiles(frame, wells=labels(frame), max_missing=0.1, fill=fill)
        assert len(found.well) == 40
        assert found.well["emb_0000"][[0, 1, 2]].tolist() == pytest.approx([value] * 3, rel=1e-6)
        assert found.well["emb_0000"][3] == pytest.approx(frame["a"][3], rel=1e-6)
    with pytest.raises(InputError, match="3, all missing on a plate or in more than"):
        profiles(frame.assign(a=np.nan, b=np.nan, c=np.nan), wells=labels(frame))


def test_a_median_is_that_of_the_own_plate_and_of_wells_with_labels():
    first, second = missing((0, "a")), missing().assign(Metadata_Plate="P2")
    second["a"] += 100
    first.loc[1, ["Metadata_Well", "a"]] = "H12", 1000.0
    known = pd.concat([labels(missing()), labels(second).assign(plate="P2")])
    found = profiles(first, second, wells=known, fill="median")
    assert found.well["emb_0000"][0] == pytest.approx(first["a"].drop([0, 1]).median(), rel=1e-6)


@pytest.mark.dag
def test_a_feature_that_a_plate_lacks_takes_no_rows_with_it():
    frames = [missing().assign(Metadata_Plate=f"P{i}") for i in range(25)]
    frames[3]["b"] = np.nan  # 4 % of all rows
    known = pd.concat([labels(frame).assign(plate=frame["Metadata_Plate"]) for frame in frames])
    found = profiles(*frames, wells=known)
    assert found.features["status"].tolist() == ["kept", "missing on plate P3", "kept"]
    assert len(found.well) == 1000


def test_rows_of_unknown_wells_are_left_out_before_missing_values_are_counted():
    frame = missing(*[(row, "a") for row in range(10)])
    known = labels(frame)[10:]
    found = profiles(frame, wells=known)
    assert found.features["status"].tolist() == ["kept"] * 3
    assert counted(found.counts, "rows") == {("P1", "kept"): 30, ("P1", "not in wells table"): 10}
    assert counted(found.counts, "wells") == {("P1", "kept"): 30, ("P1", "not in wells table"): 10}


def test_features_meet_and_what_is_left_out_is_named():
    found = profiles(rows("P1", d=1.0, a_ZBF=2.0), rows("P2", e=1.0, a_ZBF=2.0), exclude="ZBF")
    status = dict(found.features[["feature", "status"]].to_numpy())
    assert status == dict.fromkeys("abc", "kept") | dict.fromkeys("de", "not in every table") | {"a_ZBF": "excluded"}
    features = counted(found.counts, "features")
    assert features == {("", "kept"): 3, ("", "not in every table"): 2, ("", "excluded"): 1}
    assert (found.counts["model"] == "m").all()
    check_ledger(found.counts)


def test_cells_that_are_no_numbers_of_cells_are_refused():
    with pytest.raises(InputError, match="'many' and 0 more"):
        profiles(rows("P1", Metadata_Object_Count=["5", "many", "1", "2"]))
