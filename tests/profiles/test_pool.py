"""The fields of a plate, against loops over its cells, however the cells lie in the file."""

import warnings

import numpy as np
import pandas as pd
import pytest
from wellread.profiles import pool
from wellread.profiles.pool import median, pool_plate
from wellread.runtime import table_files
from wellread.runtime.errors import InputError

D = 6


@pytest.fixture(params=["in order", "shuffled"])
def plate(request, tmp_path):
    """(cells.parquet, embeddings.npy, its keys, its embeddings) of 13 fields of 1 to 12 cells."""
    rng = np.random.default_rng(0)
    keys = [("p", f"A{i // 4:02d}", str(i % 4 + 9)) for i in range(13) for _ in range(i % 12 + 1)]
    cells = pd.DataFrame(keys, columns=["plate", "well", "site"])
    if request.param == "shuffled":
        cells = cells.sample(frac=1, random_state=0, ignore_index=True)
    X = rng.normal(3, 1, (len(cells), D)).astype(np.float32)
    table_files.write(cells, tmp_path / "cells.parquet", "cells")
    np.save(tmp_path / "embeddings.npy", X)
    return tmp_path / "cells.parquet", tmp_path / "embeddings.npy", cells, X


@pytest.mark.parametrize("block", [1, 7, 10_000])
@pytest.mark.parametrize("statistic", ["mean", "median"])
def test_every_field_is_exactly_that_of_numpy_in_blocks_of_any_size(plate, monkeypatch, statistic, block):
    cells, embeddings, keys, X = plate
    monkeypatch.setattr(pool, "BLOCK", block)
    found, pooled = pool_plate(cells, embeddings, cells=statistic)
    groups = keys.groupby(["plate", "well", "site"])
    assert list(zip(*(found[name] for name in ("plate", "well", "site")), strict=True)) == list(groups.groups)
    expected = [getattr(np, statistic)(X[own].astype(np.float64), axis=0) for own in groups.indices.values()]
    np.testing.assert_array_equal(pooled, expected)
    assert found["cells"].tolist() == groups.size().tolist()


@pytest.mark.parametrize("n", [1, 2, 3, 10, 101])
@pytest.mark.parametrize("kind", [np.float32, np.float64])
def test_medians_are_those_of_numpy_where_all_values_are_finite(n, kind):
    X = np.random.default_rng(n).normal(size=(n, 8)).round(1).astype(kind)
    X[0, 1], X[-1, 2], X[0, 3], X[-1, 4] = np.nan, np.nan, np.inf, -np.inf
    before, expected = X.copy(), np.median(X.astype(np.float64), axis=0)
    expected[1:5] = np.nan
    np.testing.assert_array_equal(median(X), expected)
    np.testing.assert_array_equal(X, before)


def test_a_single_dimension_is_sorted_elsewhere(tmp_path):
    X = np.array([[3], [1], [2]], np.float32)
    assert median(X) == [2]
    assert X.ravel().tolist() == [3, 1, 2]


def test_cells_that_are_not_finite_are_counted_over_the_whole_file(plate, monkeypatch):
    cells, embeddings, _, X = plate
    monkeypatch.setattr(pool, "BLOCK", 7)
    X[3, 0], X[40, 1], X[40, 2] = np.inf, np.nan, -np.inf
    np.save(embeddings, X)
    with pytest.raises(InputError, match=rf"2 of {len(X)} cells with NaN"):
        pool_plate(cells, embeddings)


def test_large_numbers_are_finite(plate):
    cells, embeddings, _, X = plate
    np.save(embeddings, np.full_like(X, 3e38))
    assert (pool_plate(cells, embeddings)[1] == np.float32(3e38)).all()


@pytest.mark.parametrize("kind", ["str", "object", "string", "category", "Int64", "float64"])
@pytest.mark.parametrize("order", ["runs", "shuffled"])
def test_groups_are_those_of_pandas_whatever_the_type_with_missing_values(kind, order):
    values = pd.Series([3, 3, None, None, 1, 1, 3, None, 2] if kind in ("Int64", "float64") else list("cc__aac_b"))
    keys = pd.DataFrame({"a": values.replace("_", None).astype(kind), "b": pd.Series([1, 1, 1, 2, 1, 1, 1, 2, 1])})
    if order == "shuffled":
        keys = keys.sample(frac=1, random_state=0, ignore_index=True)
    names, rows, ends = pool.groups(keys)
    expected = keys.groupby(["a", "b"], sort=True, dropna=False, observed=True).indices
    pd.testing.assert_frame_equal(names, keys.iloc[[own[0] for own in expected.values()]].reset_index(drop=True))
    assert [part.tolist() for part in np.split(rows, ends[:-1])] == [own.tolist() for own in expected.values()]


def test_large_numbers_that_no_float_tells_apart_are_groups_of_their_own():
    names, _, ends = pool.groups(pd.DataFrame({"plate": [2**53, 2**53, 2**53 + 1]}))
    assert names["plate"].tolist() == [2**53, 2**53 + 1]
    assert ends.tolist() == [2, 3]


def test_the_median_of_infinities_of_either_sign_is_none_and_warns_of_nothing():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert np.isnan(pool.median(np.array([[np.inf], [-np.inf]], np.float32))).all()


def test_no_cells_are_no_fields(plate):
    cells, embeddings, keys, X = plate
    table_files.write(keys.iloc[:0], cells, "cells")
    np.save(embeddings, X[:0])
    found, pooled = pool_plate(cells, embeddings)
    assert len(found) == 0
    assert pooled.shape == (0, D)


def test_without_embeddings_there_are_fields_and_their_cells(tmp_path):
    keys = pd.DataFrame({"plate": "P", "well": ["A01", "A01", "B01"], "site": ["1", "1", "2"]})
    table_files.write(keys, tmp_path / "cells.parquet", "cells")
    fields, X = pool_plate(tmp_path / "cells.parquet", None)
    assert fields["cells"].tolist() == [2, 1]
    assert X.shape == (2, 0)
