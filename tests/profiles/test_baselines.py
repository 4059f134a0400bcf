"""Profiles that know the number of cells alone, or belong to other wells."""

import numpy as np
import pandas as pd
import pytest
from made_profiles import aggregated, profiles
from wellread.profiles import tables
from wellread.profiles.baselines import cell_count, embedded, shuffled
from wellread.profiles.correct import correct
from wellread.profiles.pool import mean
from wellread.profiles.similarity import cosine_similarity, nearest_neighbours
from wellread.runtime import table_files

D = 3


def plate(cells, name="p", sites=2):
    """A plate of wells with `sites` fields each, that have the numbers `cells` (wells x sites); its embeddings."""
    cells = np.asarray(cells)
    keys = [(name, f"A{w:02d}", str(s)) for w in range(len(cells)) for s in range(sites)]
    table = pd.DataFrame(keys, columns=["plate", "well", "site"]).assign(cells=cells.ravel())
    return table, np.random.default_rng(len(name)).normal(size=(len(table), D))


def test_cosine_falls_with_the_ratio_of_numbers_of_cells():
    cells = np.array([[4, 4], [8, 8], [16, 16], [1, 1], [30, 2]])
    (fields, of_fields), (wells, of_wells) = cell_count(*plate(cells), mean, 0)
    for table, X in ((fields, of_fields), (wells, of_wells)):
        octaves = np.log2(table["cells"] / table["cells"].median()).to_numpy()
        expected = np.cos(np.pi / 8 * (octaves[:, None] - octaves))
        np.testing.assert_allclose(cosine_similarity(X), expected, atol=1e-12)
    assert wells["cells"].tolist() == [8, 16, 32, 2, 32]


def test_more_than_sixteenfold_is_the_end_of_the_half_circle():
    _, (_, X) = cell_count(*plate([[100, 100], [100, 100], [100, 100], [1, 1], [2, 2]]), mean, 0)
    np.testing.assert_allclose(X[3], [0, -1], atol=1e-12)
    np.testing.assert_array_equal(X[3], X[4])


def test_twice_as_many_cells_on_a_whole_plate_are_no_difference():
    once, twice = (cell_count(*plate(np.array([[3, 4], [9, 2], [5, 6]]) * factor), mean, 0) for factor in (1, 2))
    for (_, one), (_, other) in zip(once, twice, strict=True):
        np.testing.assert_allclose(one, other)


@pytest.mark.parametrize(
    "steps", [[], [{"standardize": {}}], [{"sphering": {}}], [{"sphering": {"regularisation": 0.1}}]]
)
def test_numbers_of_cells_are_told_apart_after_corrections(steps):
    rng = np.random.default_rng(0)
    octaves = np.repeat([0, -1, -2, -3, 1], [40, 12, 12, 12, 12])
    cells = np.round(200 * 2.0 ** (octaves + rng.normal(size=len(octaves)) * 0.1))
    _, (keys, X) = cell_count(*plate(cells[:, None], sites=1), mean, 0)
    control = np.where(octaves == 0, "negative", "")
    frame = profiles(keys[["plate", "well"]].assign(batch="b", treatment="t", control=control), X)
    _, X = tables.split(correct(frame, steps, seed=0))
    treated = octaves != 0
    nearest = nearest_neighbours(X[treated], np.arange(treated.sum())[:, None], 1)[0][:, 0]
    assert (octaves[treated][nearest] == octaves[treated]).mean() > 0.9


def test_shuffled_profiles_are_those_of_other_wells_of_the_plate():
    table, X = plate(np.arange(20).reshape(10, 2) + 1)
    (_, true_fields), (true, true_X) = embedded(table, X, mean, 0)
    (fields, of_fields), (wells, of_wells) = shuffled(table, X, mean, 0, of="m")
    assert wells["well"].tolist() == true["well"].tolist()
    origin = [int(np.flatnonzero((true_X == x).all(axis=1))[0]) for x in of_wells]
    assert sorted(origin) == list(range(10))
    assert origin != list(range(10))
    assert wells["cells"].tolist() == true["cells"].to_numpy()[origin].tolist()
    np.testing.assert_array_equal(of_fields, true_fields.reshape(10, 2, D)[origin].reshape(20, D))
    assert fields[["well", "site"]].equals(table[["well", "site"]])


def test_every_plate_and_every_seed_is_shuffled_in_its_own_way():
    cells = np.full((10, 2), 5)
    table, X = plate(cells)
    one = shuffled(table, X, mean, 0, of="m")[1][1]
    np.testing.assert_array_equal(one, shuffled(table, X, mean, 0, of="m")[1][1])
    assert not np.array_equal(one, shuffled(table, X, mean, 1, of="m")[1][1])
    assert not np.array_equal(one, shuffled(table.assign(plate="q"), X, mean, 0, of="m")[1][1])


def test_no_cells_are_no_profiles():
    table, X = plate(np.zeros((0, 2), int))
    for encoder in (cell_count, lambda *a: shuffled(*a, of="m")):
        (fields, of_fields), (wells, of_wells) = encoder(table, X, mean, 0)
        assert len(fields) == len(wells) == len(of_fields) == len(of_wells) == 0


def test_cells_are_counted_in_the_tables_of_profiles(tmp_path):
    cells = pd.DataFrame(
        {"plate": "p", "well": ["A01"] * 8 + ["A02"] * 2 + ["A03"] * 4, "site": list("11112222121122")}
    )
    table_files.write(cells, tmp_path / "cells", "cells")
    np.save(tmp_path / "embeddings.npy", np.zeros((len(cells), 0), np.float32))
    wells = pd.DataFrame({"plate": "p", "well": ["A01", "A02", "A03"], "treatment": "t", "control": ""})
    files = [tmp_path / "cells"], [tmp_path / "embeddings.npy"]
    fov, well = aggregated(tmp_path, *files, wells, seed=0, encoder={"cell_count": {}})
    assert well["Metadata_Object_Count"].tolist() == [8, 2, 4]
    expected = [[np.cos(a), np.sin(a)] for a in (np.pi / 8, -np.pi / 8, 0)]
    np.testing.assert_allclose(well[["emb_0000", "emb_0001"]], expected, atol=1e-7)
    assert len(fov) == 6
