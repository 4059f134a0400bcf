"""The profile table: what is metadata, what is feature, which controls are for what."""

import numpy as np
import pandas as pd
import pytest
from made_profiles import screen
from wellread.profiles import tables
from wellread.runtime.errors import InputError

ODD = ['a "quoted" name', "5/6'-thing\\x", "<script>alert(1)</script>", "цитохалазин Δ9", "NA", "a, b"]


def wells_of(plates, controls, treated=3):
    rows = [
        {"plate": plate, "well": f"A{i:02d}", "control": "negative" if i < controls else ""}
        for plate in plates
        for i in range(controls + treated)
    ]
    return pd.DataFrame(rows)


def test_split_and_join_are_inverse():
    frame = screen()
    meta, X = tables.split(frame)
    assert X.dtype == np.float64
    pd.testing.assert_frame_equal(tables.join(meta, X), frame)


def test_features_are_named_and_numbered():
    frame = tables.join(pd.DataFrame({"Metadata_Plate": ["p"]}), np.ones((1, 3)))
    assert list(frame) == ["Metadata_Plate", "emb_0000", "emb_0001", "emb_0002"]


def test_names_join_what_is_there():
    meta = pd.DataFrame({"Metadata_treatment": ["taxol", "DMSO"], "Metadata_dose": [0.3, np.nan]})
    assert tables.names(meta, ["treatment", "dose"]).tolist() == ["taxol @ 0.3", "DMSO"]
    assert tables.names(meta.drop(columns="Metadata_dose"), ["treatment", "dose"]).tolist() == ["taxol", "DMSO"]


def test_a_missing_column_is_named_with_those_there_are():
    with pytest.raises(InputError, match=r"(?s)the column gene.*treatment"):
        tables.names(screen(), ["gene"])


def test_control_use_halves_the_negative_controls_of_every_plate():
    wells = wells_of(["p1", "p2", "p3"], controls=8)
    wells["use"] = tables.control_use(wells, 0)
    counts = wells.groupby(["plate", "use"]).size().unstack()
    assert (counts[["fit", "evaluate"]] == 4).all(axis=None)
    assert (wells.loc[wells["control"] == "", "use"] == "").all()


def test_control_use_of_a_plate_depends_on_nothing_else():
    wells = wells_of(["p2", "p1"], controls=9)
    alone = wells[wells["plate"] == "p1"]
    both = tables.control_use(wells, 0)[(wells["plate"] == "p1").to_numpy()]
    assert (tables.control_use(alone, 0) == both).all()
    shuffled = alone.sample(frac=1, random_state=1)
    again = pd.Series(tables.control_use(shuffled, 0), shuffled.index)
    assert (again.loc[alone.index] == both).all()
    assert (tables.control_use(alone, 1) != both).any()


def test_single_controls_go_either_way():
    use = tables.control_use(wells_of([f"p{i}" for i in range(40)], controls=1), 0)
    assert 10 < (use == "fit").sum() < 30


def test_odd_names_survive_a_file(tmp_path):
    frame = screen(treatments=len(ODD), plates=1)
    frame.loc[frame["Metadata_control"] == "", "Metadata_treatment"] = ODD
    tables.write(frame, tmp_path / "well.parquet")
    back = pd.read_parquet(tmp_path / "well.parquet")
    assert tables.text(back, "treatment")[-len(ODD) :].tolist() == ODD


def test_profiles_open_in_pycytominer(tmp_path):
    pycytominer = pytest.importorskip("pycytominer")
    tables.write(screen(D=4), tmp_path / "well.parquet")
    meta, features = (
        [name for name in pd.read_parquet(tmp_path / "well.parquet") if name.startswith(prefix)]
        for prefix in ("Metadata_", "emb_")
    )
    normalised = pycytominer.normalize(
        pd.read_parquet(tmp_path / "well.parquet"),
        features=features,
        meta_features=meta,
        samples="Metadata_control == 'negative'",
        method="standardize",
    )
    pooled = pycytominer.aggregate(normalised, strata=["Metadata_treatment"], features=features)
    assert pooled.shape == (11, 5)


def test_profiles_open_in_copairs():
    copairs = pytest.importorskip("copairs.map")
    meta, X = tables.split(screen(effect=2.0))
    same, plate = ["Metadata_treatment"], ["Metadata_Plate"]
    found = copairs.average_precision(meta, X.astype(np.float32), same, [], plate, same, progress_bar=False)
    assert len(found) == len(meta)
