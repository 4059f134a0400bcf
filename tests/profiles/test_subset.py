"""What a task looks at: values of columns, and the highest or lowest number of every treatment."""

import numpy as np
import pandas as pd
import pytest
from wellread.profiles import tables
from wellread.profiles.subset import subset

WELLS = pd.DataFrame(
    [
        ("P1", "DMSO", "negative", None, "U2OS", ""),
        ("P1", "a", "", 1.0, "U2OS", "x"),
        ("P1", "a", "", 3.0, "A549", "x"),
        ("P2", "a", "", 2.0, "U2OS", "x"),
        ("P2", "b", "", 0.5, "U2OS", "x|y"),
        ("P2", "b", "", None, "U2OS", "y"),
        ("P2", "c", "", None, "A549", "z"),
        ("P2", "DMSO", "negative", 9.0, "A549", ""),
    ],
    columns=["plate", "treatment", "control", "dose", "cell_line", "moa"],
)


def frame():
    return tables.join(WELLS.rename(columns=tables.column), np.arange(16.0).reshape(8, 2))


@pytest.mark.parametrize(
    ("where", "rows"),
    [
        ({}, [0, 1, 2, 3, 4, 5, 6, 7]),
        ({"plate": "P1"}, [0, 1, 2]),
        ({"plate": ["P2", "P9"]}, [3, 4, 5, 6, 7]),
        ({"moa": "y"}, [0, 4, 5, 7]),  # one of several labels is enough, and controls have none
        ({"moa": "x|y", "control": ""}, [4]),
        ({"moa": ["", "z"]}, [0, 6, 7]),
        ({"treatment": ["a", "DMSO"], "dose": 3}, [0, 2]),  # a control with another dose is left out
        ({"dose": [0.5, 1], "control": ""}, [1, 4]),
        ({"dose": "max"}, [0, 2, 4, 6, 7]),  # c has no dose, controls stay whatever theirs is
        ({"dose": "min"}, [0, 1, 4, 6, 7]),
        ({"dose": "max", "cell_line": "U2OS"}, [0, 3, 4]),  # the highest dose of that cell line
        ({"cell_line": "U2OS", "dose": "max", "plate": "P1"}, [0, 1]),
        ({"dose": ["max"]}, [0]),  # a word like any other
    ],
    ids=str,
)
def test_rows_that_fit_are_kept(where, rows):
    kept, left_out = subset(frame(), where)
    pd.testing.assert_frame_equal(kept, frame().iloc[rows])
    assert sum(left_out.values()) == len(WELLS) - len(rows)


def test_negative_wells_of_a_treatment_stay_with_the_extremes():
    one = frame().assign(Metadata_control=lambda f: f["Metadata_control"].mask(f.index == 1, "negative"))
    assert list(subset(one, {"dose": "max"})[0].index) == [0, 1, 2, 4, 6, 7]


def test_every_row_is_left_out_for_one_reason():
    _, left_out = subset(frame(), {"dose": "max", "plate": ["P1", "P9"], "cell_line": "U2OS"})
    assert left_out == {"not plate: P1, P9": 5, "not cell_line: U2OS": 1, "not dose: max": 0}
    assert subset(frame(), {"control": ""})[1] == {"not control: empty": 2}


def test_numbers_are_found_among_numbers_and_among_text():
    one = pd.DataFrame(
        {
            "Metadata_control": "",
            "Metadata_n": [1, 2, 2],
            "Metadata_t": ["1", "02", "2"],
            "Metadata_f": [1e6, 0.1, np.nan],
        }
    )
    assert list(subset(one, {"n": 2.0})[0].index) == [1, 2]
    assert list(subset(one, {"t": 2})[0].index) == [2]
    assert list(subset(one, {"f": 1000000})[0].index) == [0]


def test_the_order_of_rows_changes_nothing():
    order = np.random.default_rng(0).permutation(len(WELLS))
    where = {"dose": "max", "cell_line": ["U2OS"]}
    kept, left_out = subset(frame().iloc[order], where)
    assert set(kept.index) == set(subset(frame(), where)[0].index)
    assert left_out == subset(frame(), where)[1]
