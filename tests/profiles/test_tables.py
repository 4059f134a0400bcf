"""The profile table: what is metadata, what is feature."""

import numpy as np
import pandas as pd
import pytest
from made_profiles import screen
from wellread.profiles import tables
from wellread.runtime import table_files
from wellread.runtime.errors import InputError

ODD = ['a "quoted" name', "5/6'-thing\\x", "<script>alert(1)</script>", "цитохалазин Δ9", "NA", "a, b"]


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
    assert tables.row_names(meta, ["treatment", "dose"]).tolist() == ["taxol @ 0.3", "DMSO"]
    assert tables.row_names(meta.drop(columns="Metadata_dose"), ["treatment", "dose"]).tolist() == ["taxol", "DMSO"]


def test_a_missing_column_is_named_with_those_there_are():
    with pytest.raises(InputError, match=r"(?s)the column gene.*treatment"):
        tables.row_names(screen(), ["gene"])


def test_numbers_that_are_identifiers_keep_all_digits():
    meta = pd.DataFrame({"Metadata_cid": [11837140.0, 11837141.0, np.nan, 0.1 + 0.2, 1e-7]})
    assert tables.text_column(meta, "cid").tolist() == ["11837140", "11837141", "", "0.3", "1e-07"]


def test_odd_names_survive_a_file(tmp_path):
    frame = screen(treatments=len(ODD), plates=1)
    frame.loc[frame["Metadata_control"] == "", "Metadata_treatment"] = ODD
    table_files.write(frame, tmp_path / "well.parquet", "profiles")
    back = pd.read_parquet(tmp_path / "well.parquet")
    assert tables.text_column(back, "treatment")[-len(ODD) :].tolist() == ODD


def test_profiles_open_in_pycytominer(tmp_path):
    pycytominer = pytest.importorskip("pycytominer")
    table_files.write(screen(D=4), tmp_path / "well.parquet", "profiles")
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
