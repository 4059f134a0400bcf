"""AnnData files hold what the profiles hold, in the encodings that anndata publishes."""

import h5py
import numpy as np
import pandas as pd
import pytest
from made_profiles import screen
from wellread.export.to_h5ad import row_labels, to_h5ad
from wellread.profiles import tables

ABOUT = {"model": "tiny", "channels": ["DNA", "RNA"], "none": [], "seed": 3, "pixel_size": 0.5, "more": {"steps": "[]"}}
KEYS = ["plate", "well"]
MARKS = {  # https://anndata.readthedocs.io/en/stable/fileformat-prose.html
    "/": ("anndata", "0.1.0"),
    "X": ("array", "0.2.0"),
    "obs": ("dataframe", "0.2.0"),
    "obs/_index": ("string-array", "0.2.0"),
    "obs/Metadata_treatment": ("categorical", "0.2.0"),
    "obs/Metadata_treatment/codes": ("array", "0.2.0"),
    "obs/Metadata_treatment/categories": ("string-array", "0.2.0"),
    "obs/Metadata_dose": ("array", "0.2.0"),
    "var": ("dataframe", "0.2.0"),
    "layers": ("dict", "0.1.0"),
    "obsm": ("dict", "0.1.0"),
    "obsp": ("dict", "0.1.0"),
    "varm": ("dict", "0.1.0"),
    "varp": ("dict", "0.1.0"),
    "uns": ("dict", "0.1.0"),
    "uns/model": ("string", "0.2.0"),
    "uns/seed": ("numeric-scalar", "0.2.0"),
    "uns/channels": ("string-array", "0.2.0"),
    "uns/more": ("dict", "0.1.0"),
}


@pytest.fixture
def frame():
    frame = screen(D=4)
    frame["Metadata_dose"] = np.where(np.arange(len(frame)) % 3, 0.5, np.nan)
    frame["Metadata_kept"] = np.arange(len(frame)) % 2 == 0
    frame.loc[1, "Metadata_treatment"] = None
    return frame


@pytest.fixture
def path(frame, tmp_path):
    to_h5ad(frame, tmp_path / "well.h5ad", KEYS, {"emb_0001": "Cells_AreaShape_Area"}, ABOUT)
    return tmp_path / "well.h5ad"


def table(group) -> pd.DataFrame:
    """A data frame, read as the format says."""
    columns = {name: column(group[name]) for name in group.attrs["column-order"]}
    return pd.DataFrame(columns, index=group[group.attrs["_index"]].asstr()[:])


def column(item):
    if item.attrs["encoding-type"] != "categorical":
        return item.asstr()[:] if item.attrs["encoding-type"] == "string-array" else item[:]
    assert not item.attrs["ordered"]
    return pd.Categorical.from_codes(item["codes"][:], item["categories"].asstr()[:])


def test_every_part_says_how_it_is_encoded(path):
    with h5py.File(path) as file:
        marks = {name: (file[name].attrs["encoding-type"], file[name].attrs["encoding-version"]) for name in MARKS}
        assert marks == MARKS
        assert all("encoding-type" in item.attrs for item in _items(file))


def _items(group):
    for item in group.values():
        yield item
        yield from _items(item) if isinstance(item, h5py.Group) else ()


def test_values_metadata_and_names_come_back(path, frame):
    meta, X = tables.split(frame)
    with h5py.File(path) as file:
        assert file["X"].dtype == np.float32
        np.testing.assert_array_equal(file["X"][:], X.astype(np.float32))
        obs, var = table(file["obs"]), table(file["var"])
    assert list(obs) == list(meta)
    for name in meta:
        expected, found = meta[name].astype(object).to_numpy(), obs[name].astype(object).to_numpy()
        assert (pd.isna(expected) == pd.isna(found)).all()
        assert (expected == found)[~pd.isna(expected)].all(), name
    assert obs.index.tolist() == (meta["Metadata_Plate"] + "_" + meta["Metadata_Well"]).tolist()
    assert var.index.tolist() == ["emb_0000", "emb_0001", "emb_0002", "emb_0003"]
    assert var["name"].tolist() == ["emb_0000", "Cells_AreaShape_Area", "emb_0002", "emb_0003"]


def test_what_profiles_are_of_comes_back(path):
    with h5py.File(path) as file:
        uns = file["uns"]
        assert uns["model"].asstr()[()] == "tiny"
        assert uns["channels"].asstr()[:].tolist() == ["DNA", "RNA"]
        assert uns["none"].shape == (0,)
        assert (uns["seed"][()], uns["pixel_size"][()]) == (3, 0.5)
        assert uns["more/steps"].asstr()[()] == "[]"


def test_the_same_profiles_give_the_same_bytes(path, frame, tmp_path):
    to_h5ad(frame, tmp_path / "again.h5ad", KEYS, {"emb_0001": "Cells_AreaShape_Area"}, ABOUT)
    assert (tmp_path / "again.h5ad").read_bytes() == path.read_bytes()


def test_rows_that_share_a_name_are_numbered():
    meta = pd.DataFrame({"Metadata_treatment": ["a", "a", "b"], "Metadata_dose": [1.0, 2.0, np.nan]})
    assert row_labels(meta, ["treatment", "dose"]) == ["a_1", "a_2", "b"]
    assert row_labels(meta, ["treatment"]) == ["a_0", "a_1", "b_2"]
    assert row_labels(meta.drop(columns="Metadata_dose"), ["treatment", "dose"]) == ["a_0", "a_1", "b_2"]


def test_profiles_without_rows_or_features_are_files_too(frame, tmp_path):
    to_h5ad(frame[:0], tmp_path / "rows.h5ad", KEYS, {}, {})
    to_h5ad(frame[["Metadata_Plate", "Metadata_Well"]], tmp_path / "features.h5ad", KEYS, {}, {})
    with h5py.File(tmp_path / "rows.h5ad") as rows, h5py.File(tmp_path / "features.h5ad") as features:
        assert rows["X"].shape == (0, 4)
        assert features["X"].shape == (len(frame), 0)
        assert table(features["var"]).shape == (0, 1)
