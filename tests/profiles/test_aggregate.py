"""From cells to fields to wells, against loops; and no cell lost without a reason."""

import numpy as np
import pandas as pd
import pytest
from made_profiles import aggregated
from wellread.profiles import tables
from wellread.runtime import table_files
from wellread.runtime.counted import counted
from wellread.runtime.errors import InputError


@pytest.fixture
def plates(tmp_path):
    """Cells and embeddings of two plates: wells A01 to A03 of one to three fields, A03 with only three cells."""
    rng = np.random.default_rng(0)
    paths = []
    for plate in ("p1", "p2"):
        sizes = {("A01", "1"): 9, ("A01", "2"): 4, ("A01", "3"): 2, ("A02", "1"): 6, ("A02", "2"): 1, ("A03", "1"): 3}
        keys = [(plate, *field) for field, size in sizes.items() for _ in range(size)]
        cells = pd.DataFrame(keys, columns=["plate", "well", "site"]).sample(frac=1, random_state=0)
        table_files.write(cells, tmp_path / f"{plate}.parquet", "cells")
        np.save(tmp_path / f"{plate}.npy", rng.normal(3, 1, (len(cells), 5)).astype(np.float32))
        paths.append((tmp_path / f"{plate}.parquet", tmp_path / f"{plate}.npy"))
    return tuple(zip(*paths, strict=True))


@pytest.fixture
def wells():
    rows = [(p, w, "b1", t, c) for p in ("p1", "p2") for w, t, c in
            (("A01", "DMSO", "negative"), ("A02", "x", ""), ("A03", "y", ""))]  # fmt: skip
    table = pd.DataFrame(rows, columns=["plate", "well", "batch", "treatment", "control"])
    return table.assign(moa=["", "a|b", "c"] * 2, dose=[np.nan, 0.1, 3.0] * 2)


@pytest.mark.parametrize(("cells", "fields"), [("median", "mean"), ("mean", "median")])
def test_every_profile_equals_a_loop(plates, wells, cells, fields, tmp_path):
    fov, well = aggregated(tmp_path, *plates, wells, seed=0, cells=cells, fields=fields)
    keys = pd.concat([pd.read_parquet(path) for path in plates[0]])
    X = np.concatenate([np.load(path) for path in plates[1]]).astype(float)
    for frame, level in ((fov, ["plate", "well", "site"]), (well, ["plate", "well"])):
        meta, profiles = tables.split(frame)
        assert len(frame) == keys.groupby(level).ngroups
        for row, profile in zip(meta.itertuples(), profiles, strict=True):
            mine = ((keys["plate"] == row.Metadata_Plate) & (keys["well"] == row.Metadata_Well)).to_numpy()
            sites = [row.Metadata_Site] if "site" in level else sorted(set(keys["site"][mine]))
            members = [mine & (keys["site"] == site).to_numpy() for site in sites]
            expected = getattr(np, fields)([getattr(np, cells)(X[m], axis=0) for m in members], axis=0)
            np.testing.assert_allclose(profile, expected, rtol=1e-6)
            assert row.Metadata_Object_Count == sum(m.sum() for m in members)


def test_metadata_come_from_the_wells_table(plates, wells, tmp_path):
    fov, well = aggregated(tmp_path, *plates, wells, seed=0)
    assert list(tables.split(fov)[0]) == [
        "Metadata_Plate", "Metadata_Well", "Metadata_Site", "Metadata_Object_Count", "Metadata_batch",
        "Metadata_treatment", "Metadata_control", "Metadata_moa", "Metadata_dose", "Metadata_control_use",
    ]  # fmt: skip
    assert "Metadata_Site" not in well
    assert well.set_index(["Metadata_Plate", "Metadata_Well"]).loc[("p1", "A02"), "Metadata_moa"] == "a|b"
    assert set(well.loc[well["Metadata_control"] == "negative", "Metadata_control_use"]) <= {"fit", "evaluate"}


def test_wells_without_profile_are_told_with_their_cells(plates, wells, caplog, tmp_path):
    wells = pd.concat([wells[~wells["well"].eq("A02")], wells.iloc[[0]].assign(well="H12")])
    _, well = aggregated(tmp_path, *plates, wells, seed=0, min_cells=5)
    assert not {"A02", "A03", "H12"} & set(well["Metadata_Well"])
    lost = {"not in wells table": (2, 14), "below min_cells": (2, 6), "no cells": (1, 0)}
    for reason, (n, cells) in lost.items():
        assert f"{counted(n, 'well')} ({counted(cells, 'cell')}) without a profile: {reason}" in caplog.text
    total = sum(len(pd.read_parquet(path)) for path in plates[0])
    assert well["Metadata_Object_Count"].sum() + sum(cells for _, cells in lost.values()) == total


def test_min_cells_are_enough(plates, wells, tmp_path):
    assert len(aggregated(tmp_path, *plates, wells, seed=0, min_cells=3)[1]) == 6


def test_the_order_of_cells_does_not_matter(plates, wells, tmp_path):
    before = aggregated(tmp_path, *plates, wells, seed=0)
    for cells, embeddings in zip(*plates, strict=True):
        order = np.random.default_rng(1).permutation(len(np.load(embeddings)))
        table_files.write(pd.read_parquet(cells).iloc[order], cells, "cells")
        np.save(embeddings, np.load(embeddings)[order])
    for one, other in zip(before, aggregated(tmp_path, *plates, wells, seed=0), strict=True):
        pd.testing.assert_frame_equal(one, other, rtol=1e-6)


def test_same_inputs_same_bytes(plates, wells, tmp_path):
    for name in ("one", "two"):
        aggregated(tmp_path / name, *plates, wells, seed=0)
    for level in ("fov.parquet", "well.parquet"):
        assert (tmp_path / "one" / level).read_bytes() == (tmp_path / "two" / level).read_bytes()


def test_a_plate_without_cells_is_no_error(plates, wells, tmp_path):
    cells, embeddings = plates
    table_files.write(pd.read_parquet(cells[1]).iloc[:0], cells[1], "cells")
    np.save(embeddings[1], np.zeros((0, 5), np.float32))
    _, well = aggregated(tmp_path, cells, embeddings, wells, seed=0)
    assert set(well["Metadata_Plate"]) == {"p1"}


def test_no_cells_at_all_give_empty_tables(plates, wells, tmp_path):
    for cells, embeddings in zip(*plates, strict=True):
        table_files.write(pd.read_parquet(cells).iloc[:0], cells, "cells")
        np.save(embeddings, np.zeros((0, 5), np.float32))
    fov, well = aggregated(tmp_path, *plates, wells, seed=0)
    assert len(fov) == len(well) == 0
    assert "emb_0004" in well


def test_embeddings_of_other_cells_are_refused(plates, wells, tmp_path):
    np.save(plates[1][0], np.zeros((3, 5), np.float32))
    with pytest.raises(InputError, match="25 cells and 3 embeddings"):
        aggregated(tmp_path, *plates, wells, seed=0)


def test_nan_embeddings_are_refused(plates, wells, tmp_path):
    X = np.load(plates[1][0])
    X[4, 2] = np.nan
    np.save(plates[1][0], X)
    with pytest.raises(InputError, match=r"(?s)1 of 25 cells.*p1.npy"):
        aggregated(tmp_path, *plates, wells, seed=0)


def test_a_wells_table_of_another_screen_is_refused(plates, wells, tmp_path):
    with pytest.raises(InputError, match=r"(?s)q1 A01.*p1 A01"):
        aggregated(tmp_path, *plates, wells.assign(plate="q1").drop_duplicates(["plate", "well"]), seed=0)
