"""A table as CSV says what the Parquet file says."""

import pandas as pd
import pytest
from wellread.export.to_csv import to_csv
from wellread.runtime import table_files

FRAME = pd.DataFrame(
    {
        "name": ["a, b", 'she said "no"', None, "", "цитохалазин\nΔ9"],
        "value": [0.1, 1e-300, float("nan"), 1 / 3, 12345678.9],
        "short": pd.array([0.1, 1 / 3, 2.5, float("nan"), 1e20], "float32"),
        "count": [1, 2, 3, 2**53 + 1, -5],
        "kept": [True, False, True, True, False],
    }
)


@pytest.mark.parametrize("rows", [5, 2, 0])
def test_every_value_comes_back(tmp_path, rows):
    frame = FRAME[:rows]
    with table_files.parts(tmp_path / "t.parquet", "cells") as add:
        add(frame[:3])
        add(frame[3:])  # a second part of the file
    to_csv(tmp_path / "t.parquet", tmp_path / "t.csv")
    back = pd.read_csv(tmp_path / "t.csv", keep_default_na=False, na_values={"value": "", "short": ""})
    assert list(back) == list(FRAME)
    assert back["name"].tolist() == frame["name"].fillna("").tolist()
    for column in ("value", "short", "count", "kept"):
        expected = frame[column].tolist()
        assert back[column].astype(frame[column].dtype).tolist() == pytest.approx(expected, rel=0, abs=0, nan_ok=True)
