"""Maps have every well and treatment, as many cells of every well, and distances that brute force finds too."""

import made_profiles
import numpy as np
import pandas as pd
import pytest
from wellread.pictures.maps import COLUMNS, distance_to_controls, maps
from wellread.profiles import tables
from wellread.profiles.consensus import consensus
from wellread.runtime import table_files

SEED = 4


@pytest.fixture
def wells():
    return made_profiles.screen(plates=2, treatments=2, controls=4, D=5, effect=2.0)


def plate_of_cells(folder, name, wells, rng):
    """Seven cells of every well, of the first well two, and five of a well without a profile; cell i's row is i."""
    own = wells.loc[wells["Metadata_Plate"] == name, "Metadata_Well"].tolist()
    names = rng.permutation([*own[:1] * 2, *np.repeat(own[1:], 7), *["Z99"] * 5])
    folder = folder / name
    folder.mkdir()
    table_files.write(pd.DataFrame({"plate": name, "well": names}), folder / "cells.parquet", "cells")
    np.save(folder / "net.npy", rng.normal(size=(len(names), 4)).astype("f4"))
    return folder / "cells.parquet", folder / "net.npy"


@pytest.mark.dag
@pytest.mark.parametrize("method", ["tsne", pytest.param("umap", marks=pytest.mark.slow)])  # which compiles itself
def test_cells_are_as_many_of_every_well_and_their_rows_say_where_they_are(method, tmp_path, wells):
    rng = np.random.default_rng(0)
    files = [plate_of_cells(tmp_path, name, wells, rng) for name in ("p0", "p1")]
    paths, embeddings = map(list, zip(*files, strict=True))
    how = {"seed": SEED, "cells": 36, "method": method}
    found = maps(wells, consensus(wells), paths, embeddings, **how)
    cells = found[found["kind"] == "cell"]
    counts = cells.groupby(["plate", "well"]).size()
    assert sorted(counts) == [2, 2] + [3] * 10  # 36 / 12 wells, two of which have no more than two cells
    for path in paths:
        table = table_files.read(path, "cells")
        own = cells[cells["plate"] == path.parent.name]
        assert table["well"].iloc[own["row"]].tolist() == own["well"].tolist()
    assert not cells["well"].eq("Z99").any()
    pd.testing.assert_frame_equal(found, maps(wells, consensus(wells), paths, embeddings, **how))
    more = maps(wells, consensus(wells), paths[:1], embeddings[:1], **how)
    assert set(more.loc[more["kind"] == "cell", "row"]) == set(cells.loc[cells["plate"] == "p0", "row"])


def test_wells_and_treatments_are_named_and_cells_may_be_missing(wells):
    found = maps(wells.iloc[:6], consensus(wells.iloc[:6]), seed=SEED)
    assert list(found) == COLUMNS
    own = found[found["kind"] == "well"]
    assert own["well"].tolist() == wells["Metadata_Well"].iloc[:6].tolist()
    assert own["item"].tolist() == wells["Metadata_treatment"].iloc[:6].tolist()
    assert found.loc[found["kind"] == "treatment", "item"].tolist() == ["DMSO", "t000", "t001"]
    assert np.isfinite(found[["x", "y"]].to_numpy()).all()


def test_the_distance_is_that_of_brute_force(wells):
    meta, X = tables.split(wells)
    found = distance_to_controls(meta, X)
    use = meta["Metadata_control_use"]
    sd = X[use == "fit"].std(axis=0)
    for i, plate in enumerate(meta["Metadata_Plate"]):
        others = [j for j in range(len(X)) if j != i and meta["Metadata_Plate"][j] == plate and use[j] == "evaluate"]
        expected = np.sqrt(np.mean(((X[i] - X[others].mean(axis=0)) / sd) ** 2))
        assert found[i] == pytest.approx(expected), i


def test_without_controls_there_is_no_distance(wells):
    meta, X = tables.split(wells)
    assert np.isnan(distance_to_controls(meta.assign(Metadata_control_use=""), X)).all()
    alone = meta.assign(Metadata_control_use=["evaluate"] + ["fit"] * (len(meta) - 1))
    found = distance_to_controls(alone, X)
    assert np.isnan(found[0])  # nothing to compare the only one with
    assert np.isfinite(found[1:6]).all()
    assert np.isnan(found[6:]).all()  # of the plate without one
