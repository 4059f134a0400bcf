"""From the wells table to the cells: one label, several, or none."""

import numpy as np
import pandas as pd
import pytest
from wellread.runtime import table_files
from wellread.runtime.errors import InputError
from wellread.train.labels import Labels, read_groups, read_labels


@pytest.fixture
def tables(tmp_path):
    """Two plates of cells and one wells table."""
    wells = {"plate": ["P1", "P1", "P1", "P2"], "well": ["A01", "A02", "A03", "A01"], "treatment": "x", "control": ""}
    moa = ["kinase", "kinase|tubulin", "", "tubulin"]
    pd.DataFrame(wells | {"moa": moa, "one": "same"}).to_csv(tmp_path / "wells.csv", index=False)
    of_cells = {"P1": ["A02", "A01", "A03", "B07", "A01"], "P2": ["A01"]}  # B07 is in no table
    for plate, names in of_cells.items():
        table_files.write(pd.DataFrame({"plate": plate, "well": names}), tmp_path / f"{plate}.parquet", "cells")
    return [tmp_path / f"{plate}.parquet" for plate in of_cells], [tmp_path / "wells.csv"] * 2


def test_every_cell_has_the_labels_of_its_well(tables):
    found = read_labels(*tables, "moa")
    assert found.classes == ["kinase", "tubulin"]
    assert found.targets(range(6)).astype(int).tolist() == [[1, 1], [1, 0], [0, 0], [0, 0], [1, 0], [0, 1]]
    assert found.multi_label


def test_one_label_each_is_not_multi_label(tables):
    cells, wells = tables
    table = pd.read_csv(wells[0], keep_default_na=False)
    table.assign(moa=table["moa"].str.split("|").str[0]).to_csv(wells[0], index=False)
    assert not read_labels(cells, wells, "moa").multi_label


def test_a_label_that_tells_nothing_or_is_not_there_is_refused(tables):
    with pytest.raises(InputError, match="at least 2 classes"):
        read_labels(*tables, "one")
    with pytest.raises(InputError, match="moo"):
        read_labels(*tables, "moo")


def test_blanks_and_words_for_missing_are_no_classes_and_a_section_says_where_wells_are(tables):
    cells, wells = tables
    table = pd.read_csv(wells[0], keep_default_na=False)
    table.assign(moa=["kinase ", " kinase | tubulin", "NA", "tubulin|n/a"]).to_csv(wells[0], index=False)
    found = read_labels(cells, [{"wells": str(path), "controls": {"negative": ["x"]}} for path in wells], "moa")
    assert found.classes == ["kinase", "tubulin"]
    assert found.targets(range(6)).astype(int).tolist() == [[1, 1], [1, 0], [0, 0], [0, 0], [1, 0], [0, 1]]


def test_groups_are_the_distinct_rows_of_some_columns(tables):
    rows, codes = read_groups(*tables, ["plate", "moa"])
    expected = ["P1 kinase|tubulin", "P1 kinase", "P1 ", " ", "P1 kinase", "P2 tubulin"]  # B07 is in no table
    assert [" ".join(rows[code]) for code in codes] == expected
    assert len(rows) == 5


def test_labels_are_few_bytes_a_cell_and_the_same_set_has_the_same_code(tables):
    cells, wells = tables
    table = pd.read_csv(wells[0], keep_default_na=False)
    moa = ["tubulin|kinase", "kinase|tubulin", "", "tubulin"]
    table.assign(moa=moa).to_csv(wells[0], index=False)
    found = read_labels(cells, wells, "moa")
    assert found.codes.tolist()[0] == found.codes.tolist()[1] == found.codes.tolist()[4]
    assert found.codes.nbytes == 4 * 6
    assert found.labelled.tolist() == [True, True, False, False, True, True]


def test_the_hash_is_of_classes_and_of_the_class_of_every_cell():
    sets, codes = np.eye(2) > 0, np.array([0, 1, 1], np.int32)
    plain = Labels(["a", "b"], sets, codes)
    assert Labels(["a", "b"], sets.copy(), codes.copy()).hash == plain.hash
    changed = [Labels(["a", "c"], sets, codes), Labels(["a", "b"], ~sets, codes), Labels(["a", "b"], sets, codes[::-1])]
    assert len({plain.hash, *(other.hash for other in changed)}) == 4
