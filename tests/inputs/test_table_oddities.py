"""Labels that are joined by other marks than ours, and cells separated by others, are told."""

import pandas as pd
import pytest
from wellread.inputs import oddities
from wellread.inputs.user_tables import check
from wellread.runtime.errors import InputError


def told(name, *values):
    said = []
    oddities.report(pd.Series(values), name, "w.csv", said.append)
    return said


@pytest.mark.parametrize("joined", ["a; b", "b,a", "a/b", "c + a"])
def test_labels_that_hold_another_one_are_told(joined):
    (line,) = told("moa", "a", "x", joined)
    assert repr(joined) in line
    assert "write a|b" in line


@pytest.mark.parametrize(
    ("name", "values"),
    [("moa", ["a", "b, c"]), ("moa", ["a", "a|b"]), ("treatment", ["a", "a+b"]), ("moa", ["p53", "p53-like"])],
)
def test_other_names_are_left_alone(name, values):
    assert told(name, *values) == []


def test_a_table_separated_by_bars_is_told():
    with pytest.raises(InputError, match=r"separated by '\|'"):
        check(pd.DataFrame({"plate|well|treatment|control": ["P1|A01|x|"]}), "wells", "w.csv", (), print, {})
