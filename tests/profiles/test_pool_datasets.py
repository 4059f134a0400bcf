"""Profiles of several datasets as one table."""

import numpy as np
import pandas as pd
import pytest
from made_profiles import screen
from wellread.measure.knn import knn
from wellread.profiles import tables
from wellread.profiles.consensus import consensus
from wellread.profiles.looked_at import looked_at
from wellread.profiles.pool_datasets import pool_datasets
from wellread.runtime import table_files
from wellread.runtime.errors import InputError


def test_rows_of_all_say_where_they_are_from():
    a, b = screen(0, plates=2), screen(1, plates=3).assign(Metadata_moa="x")
    found = pool_datasets({"a": a, "b": b})
    meta, X = tables.split(found)
    np.testing.assert_array_equal(X, np.concatenate([tables.split(a)[1], tables.split(b)[1]]))
    assert meta["Metadata_dataset"].tolist() == ["a"] * len(a) + ["b"] * len(b)
    assert sorted(set(meta["Metadata_Plate"])) == ["a/p0", "a/p1", "b/p0", "b/p1", "b/p2"]
    assert sorted(set(meta["Metadata_batch"])) == ["a/b0", "a/b1", "b/b0", "b/b1"]
    assert meta["Metadata_Well"].tolist() == [*a["Metadata_Well"], *b["Metadata_Well"]]
    assert set(tables.text_column(meta, "moa")[: len(a)]) == {""}
    assert list(found)[-16:] == [f"emb_{i:04d}" for i in range(16)]


def test_every_plate_of_a_treatment_gets_the_name():
    found = pool_datasets({"a": consensus(screen(plates=2)), "b": consensus(screen(plates=1))})
    assert set(found["Metadata_Plate"]) == {"a/p0|a/p1", "b/p0"}


def test_a_well_of_one_dataset_is_no_well_of_another():
    """Two datasets of one plate p0 with one treatment a well: neighbours in the other dataset are at the same well."""
    a, b = screen(0, plates=1, effect=5.0), screen(1, plates=1)
    b[[name for name in b if name.startswith("emb_")]] = a[[name for name in a if name.startswith("emb_")]]
    found = knn(pool_datasets({"a": a, "b": b}), 0, permutations=0)
    assert found.set_index("metric").loc["accuracy", "value"] == 1


def test_other_features_are_refused():
    with pytest.raises(InputError, match="16 of a, 8 of b"):
        pool_datasets({"a": screen(), "b": screen(D=8)})


def test_what_a_task_looks_at_is_read_pooled_and_chosen(tmp_path):
    frames = {name: screen(seed, plates=2) for seed, name in enumerate("ab")}
    for name, frame in frames.items():
        table_files.write(frame, tmp_path / name, "profiles")
    kept, left_out = looked_at([tmp_path / "a", tmp_path / "b"], ["a", "b"], {"plate": ["a/p1", "b/p0"]})
    assert kept["Metadata_Plate"].value_counts().to_dict() == {"a/p1": 18, "b/p0": 18}
    assert left_out == {"not plate: a/p1, b/p0": 36}
    alone, _ = looked_at([tmp_path / "a"], [], {"plate": "p1"})
    expected = frames["a"][frames["a"]["Metadata_Plate"] == "p1"]
    pd.testing.assert_frame_equal(alone.reset_index(drop=True), expected.reset_index(drop=True), check_dtype=False)
