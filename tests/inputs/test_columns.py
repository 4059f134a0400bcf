"""Columns of paths that are asked at once answer as path by path."""

from pathlib import Path

import pandas as pd
import pytest
from wellread.inputs.columns import are_distinct, may_hold
from wellread.inputs.sources import _below

PATHS = pd.Series(["a/b.tif", "a/c.tif", "/d//e.tif"], dtype="str")


def test_what_a_path_holds_is_found_and_what_none_holds_is_not():
    assert may_hold(PATHS, "x", "//")
    assert not may_hold(PATHS, "x", "ac")
    assert may_hold(PATHS.str.replace("/d", "µ"), "µ")
    assert not may_hold(pd.Series(["", ""], dtype="str"), "a")
    assert not may_hold(PATHS[:0], "q")


def test_a_path_that_stands_twice_is_noticed():
    assert are_distinct(PATHS)
    assert not are_distinct(pd.concat([PATHS, PATHS[1:2]]))


@pytest.mark.parametrize("odd", ["b//c.tif", "./b.tif", "b/./c.tif", "b/", "b/.", ".hidden", "b/.c", "..", "b.c", ""])
def test_paths_below_a_folder_are_what_pathlib_writes(odd):
    paths = pd.Series(["a.tif", odd], dtype="str")
    assert _below("r", paths).tolist() == [str(Path("r", path)) if path else "" for path in paths]
