"""Text without quotes is read as any other text is, only faster."""

import pandas as pd
import pytest
from wellread.inputs import delimited

CELLS = ["", " ", "a", "NA", "null", "1.0", "007", "2024-01-01", "true", "\u00b5 \u4e2d", "'", "#", "\\"]


@pytest.mark.parametrize("separator", [",", ";", "\t"])
@pytest.mark.parametrize("end", ["", "\n"])
def test_cells_are_those_that_pandas_reads(separator, end):
    text = "\n".join(separator.join([cell, "x", cell]) for cell in CELLS) + end
    found = delimited._plain(text, separator)
    pd.testing.assert_frame_equal(found, pandas_of(text, separator), check_column_type=False)
    assert found[0].tolist() == CELLS


@pytest.mark.parametrize(
    "text",
    ["a\nb", "a,b\nc", "a,b\n\nc,d", "a,b\nc,d,e", 'a,"b"\nc,d', "\na,b", "a,b\nc,d\n\n", "a,b\n" + "c" * 3_000_000],
)
def test_all_other_text_is_left_to_pandas(text):
    assert delimited._plain(text, ",") is None


def pandas_of(text, separator):
    """The same with a row below that has quotes, without that row."""
    more = separator.join(['"q"', "x", "x"])
    return delimited._parsed(f"{text.rstrip(chr(10))}\n{more}", separator, "t.csv")[:-1]
