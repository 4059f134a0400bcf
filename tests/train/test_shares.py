"""Labels of a part of the wells: those that are to train, shares of them, folds that divide nothing."""

import numpy as np
import pandas as pd
import pytest
from wellread.runtime import table_files
from wellread.runtime.errors import InputError
from wellread.train.shares import drawn, read_taught, read_validating, taught

WELLS = 30


@pytest.fixture
def tables(tmp_path):
    """A plate of 30 wells with two cells each, and its wells table: two in three train, genes have three wells."""
    names = [f"A{i + 1:02d}" for i in range(WELLS)]
    part = ["train" if i % 9 < 6 else "test" for i in range(WELLS)]
    place = ["nucleus" if i % 2 else "golgi" for i in range(WELLS)]
    table = pd.DataFrame({"plate": "P1", "well": names, "treatment": [f"g{i // 3}" for i in range(WELLS)]})
    table.assign(control="", place=place, part=part).to_csv(tmp_path / "wells.csv", index=False)
    table_files.write(pd.DataFrame({"plate": "P1", "well": names[::-1] * 2}), tmp_path / "cells.parquet", "cells")
    return [tmp_path / "cells.parquet"], [tmp_path / "wells.csv"], table.assign(place=place, part=part)


def known(labels):
    """Numbers of the wells, in the order of the table, whose cells have a label."""
    found = labels.labelled.reshape(2, WELLS)[:, ::-1]
    assert (found[0] == found[1]).all()
    return np.flatnonzero(found[0])


def test_only_wells_that_train_teach(tables):
    cells, wells, table = tables
    labels = taught(cells, wells, "place", 0, split="part")
    assert known(labels).tolist() == np.flatnonzero(table["part"] == "train").tolist()
    assert labels.classes == ["golgi", "nucleus"]
    right = np.array([[name == one for one in labels.classes] for name in table["place"][::-1]])
    cell = np.flatnonzero(labels.labelled)
    np.testing.assert_array_equal(labels.targets(cell), np.tile(right, (2, 1))[cell])
    assert known(taught(cells, wells, "place", 0)).tolist() == list(range(WELLS))


def test_wells_that_validate_are_told_apart_from_those_that_teach(tables):
    cells, wells, table = tables
    table["part"] = table["part"].mask(np.arange(WELLS) % 9 == 7, "validation")
    table.assign(control="").to_csv(wells[0], index=False)
    options = {"label": "place", "labels": {"split": "part", "share": 0.1}}
    held = read_validating(cells, wells, options)
    assert known(held).tolist() == np.flatnonzero(table["part"] == "validation").tolist()
    right = np.array([[name == one for one in held.classes] for name in table["place"][::-1]])
    cell = np.flatnonzero(held.labelled)
    np.testing.assert_array_equal(held.targets(cell), np.tile(right, (2, 1))[cell])
    for other in ({"label": "place"}, {"label": ""}):
        assert read_validating(cells, wells, other) is None
    table.assign(control="", part="train").to_csv(wells[0], index=False)
    assert read_validating(cells, wells, options) is None


def test_a_share_is_the_one_that_is_drawn_of_wells_in_order(tables):
    cells, wells, table = tables
    train = np.flatnonzero(table["part"] == "train")
    Y = np.array([[name == "golgi", name == "nucleus"] for name in table["place"]])[train]
    for share, repeat in ((0.4, 0), (0.4, 2), (0.01, 0)):
        expected = train[drawn(Y, share, np.random.default_rng([5, repeat]))]
        labels = taught(cells, wells, "place", 5, split="part", share=share, repeat=repeat)
        assert known(labels).tolist() == expected.tolist()
        assert len(expected) == 2 * max(1, int(share * 10))
    first, again = (known(taught(cells, wells, "place", 5, split="part", share=0.4, repeat=r)) for r in (0, 1))
    assert first.tolist() != again.tolist()


def test_without_wells_to_train_on_it_says_so(tables):
    cells, wells, table = tables
    table.assign(control="", part="test").to_csv(wells[0], index=False)
    with pytest.raises(InputError, match="train in part"):
        taught(cells, wells, "place", 0, split="part")


def test_folds_divide_no_gene_and_are_told_with_the_classes(tables):
    cells, wells, table = tables
    options = {"label": "place", "labels": {"split": "part", "held_out": "treatment"}, "folds": 3}
    labels = read_taught(cells, wells, 0, options)
    own = np.flatnonzero(labels.labelled)
    fold = labels.targets(own)[:, 2:]
    assert (fold.sum(axis=1) == 1).all()
    genes = pd.Series(np.tile(table["treatment"][::-1], 2)[own])
    assert pd.Series(fold.argmax(axis=1)).groupby(genes).nunique().max() == 1
    assert fold.any(axis=0).all()
    assert labels.hash != taught(cells, wells, "place", 0, split="part").hash
    assert read_taught(cells, wells, 0, {"label": ""}) is None
