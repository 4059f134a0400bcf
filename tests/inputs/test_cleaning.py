"""Text as it is meant: blanks, words for missing values, several labels, names that look alike."""

import pandas as pd
import pytest
from wellread.inputs import cleaning


@pytest.mark.parametrize(
    ("given", "text"),
    [
        *[
            (" DMSO ", "DMSO"),
            ("DMSO\u00a0", "DMSO"),
            ("\u200bDMSO\ufeff", "DMSO"),
            ("DM\u00adSO\u200e", "DMSO"),
            ("\tDMSO\n", "DMSO"),
        ],
        *[
            ("5\u00a0\u00b5M", "5 \u00b5M"),
            ("a\u2009b", "a b"),
            ("a\u202fb", "a b"),
            ("CC#N", "CC#N"),
            ("a  b", "a  b"),
            ("", ""),
        ],
    ],
)
def test_every_kind_of_blank(given, text):
    assert cleaning.text(pd.Series([given])).tolist() == [text]


@pytest.mark.parametrize(
    "word",
    [
        "NA",
        "na",
        "N/A",
        "n.a.",
        "#N/A",
        "nan",
        "NaN",
        "None",
        "NULL",
        "null",
        "<NA>",
        "-",
        "--",
        "?",
        "n. a.",
        "N.A",
        "n.d.",
        "N/D",
        "no data",
        "Not applicable",
        "n / a",
    ],
)
def test_words_for_missing(word):
    assert cleaning.is_missing(word)
    assert cleaning.labels(pd.Series([word, "a", f"a|{word}", f"{word} | {word}"]))[0].tolist() == ["", "a", "a", ""]
    assert cleaning.labels(pd.Series([word, "a", f"a|{word}", f"{word} | {word}"]))[1] == 4


@pytest.mark.parametrize(
    "word", ["Na", "Null", "NA1", "no", "0", "nanog", "N", "none of these", "false", "data", "a. n"]
)
def test_other_words_are_names(word):
    assert cleaning.labels(pd.Series([word]))[0].tolist() == [word]


@pytest.mark.parametrize(
    ("cell", "parts"),
    [
        ("a | b", ["a", "b"]),
        ("a|b|a", ["a", "b"]),
        ("|a||", ["a"]),
        ("b|a", ["b", "a"]),
        ("", []),
        (" | ", []),
        ("a b", ["a b"]),
    ],
)
def test_parts_of_a_label(cell, parts):
    assert cleaning.parts(cell) == parts


def test_names_that_differ_by_case_or_blanks_only():
    names = ["DMSO", "dmso", "Dm so", "taxol", "taxol-2", "5 \u00b5M", "5 \u03bcM", ""]
    assert cleaning.alike(names) == [["5 \u00b5M", "5 \u03bcM"], ["DMSO", "Dm so", "dmso"]]
    assert cleaning.alike(["a", "b", ""]) == []


def test_examples_are_few_and_counted():
    assert cleaning.examples(["a", "b"]) == "'a', 'b'"
    assert cleaning.examples(["a", "a", "b", "c", "d", "e"]) == "'a', 'b', 'c' and 2 more"


def test_a_thousand_names_are_cut_short():
    assert cleaning.listed(["a", 1]) == "a, 1"
    assert cleaning.listed(range(1000)).endswith("18, 19 and 980 more")
