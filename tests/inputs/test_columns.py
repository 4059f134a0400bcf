"""Columns of paths that are asked at once answer as path by path."""

from pathlib import Path

import pandas as pd
import pyarrow as pa
import pytest
from wellread.inputs import columns
from wellread.inputs.columns import are_distinct, holds, only_folder
from wellread.inputs.sources import _below

PATHS = pd.Series(["a/b.tif", "a/c.tif", "/d//e.tif"], dtype="str")


def test_what_a_path_holds_is_found_and_what_none_holds_is_not():
    assert holds(PATHS, "x", "//")
    assert not holds(PATHS, "x", "ac")
    assert holds(PATHS.str.replace("/d", "µ"), "µ")
    assert not holds(pd.Series(["", ""], dtype="str"), "a")
    assert not holds(PATHS[:0], "q")


def test_a_path_that_stands_twice_is_noticed():
    whole = {"P": slice(0, 3)}
    assert are_distinct(PATHS, whole)
    assert not are_distinct(pd.concat([PATHS, PATHS[1:2]]), {"P": slice(0, 4)})


@pytest.mark.parametrize(
    ("paths", "distinct"),
    [
        ("a/1 a/2 b/1 b/2", True),  # every plate in a folder of its own
        ("a/1 a/1 b/1 b/2", False),
        ("a/1 a/2 b/2 b/2", False),
        ("a/1 a/b/2 a/b/1 a/b/2", False),  # in one inside that of the other
        ("a/b/1 a/b/2 a/1 a/b/2", False),
        ("a/1 b/2 b/1 b/2", False),  # in several
        ("a/1 b/2 b/1 b/3", True),
        ("1 2 3 2", False),
    ],
)
def test_a_path_that_stands_twice_is_noticed_on_one_plate_or_two(paths, distinct):
    paths = pd.Series(paths.split(), dtype="str")
    assert are_distinct(paths, {"P1": slice(0, 2), "P2": slice(2, 4)}) == distinct == paths.is_unique


@pytest.mark.parametrize(
    ("paths", "folder"),
    [("a/1 a/2", "a/"), ("a/b/1 a/b/2", "a/b/"), ("/1 /2", "/"), ("a/1 ab/2", ""), ("a/1 a/b/2", ""), ("1 2", "")],
)
def test_the_only_folder_of_paths(paths, folder):
    assert only_folder(pa.array(paths.split())) == folder


def test_texts_are_found_in_every_block_and_not_across_paths(monkeypatch):
    monkeypatch.setattr(columns, "BLOCK", 2)
    for place in range(5):
        assert holds(pd.Series(["a"] * place + ["a//a"] + ["a"] * (4 - place), dtype="str"), "z", "//")
    assert not holds(pd.Series(["a/", "/a"] * 3, dtype="str"), "z", "//")


@pytest.mark.parametrize("odd", ["b//c.tif", "./b.tif", "b/./c.tif", "b/", "b/.", ".hidden", "b/.c", "..", "b.c", ""])
def test_paths_below_a_folder_are_what_pathlib_writes(odd):
    paths = pd.Series(["a.tif", odd], dtype="str")
    assert _below("r", paths).tolist() == [str(Path("r", path)) if path else "" for path in paths]
