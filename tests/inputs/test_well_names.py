"""Names of wells: every usual spelling is read, and no other name is touched."""

import pandas as pd
import pytest
from wellread.inputs import well_names


@pytest.mark.parametrize(
    ("given", "spelt"),
    [
        *[("a1", "A01"), ("A001", "A01"), ("A0001", "A01"), ("P24", "P24"), ("aa3", "AA03"), ("AF48", "AF48")],
        *[
            ("r03c03", "C03"),
            ("R3C3", "C03"),
            ("R3 C3", "C03"),
            ("r3_c12", "C12"),
            ("r003c003", "C03"),
            ("r27c01", "AA01"),
        ],
        *[("A-01", "A01"), ("A 1", "A01"), ("A_01", "A01"), (" A01 ", "A01"), ("AA-1", "AA01"), ("r3", "R03")],
    ],
)
def test_spellings_of_a_well(given, spelt):
    assert well_names.well_name(given) == spelt


@pytest.mark.parametrize(
    "name",
    ["7", "0203", "A00", "A49", "AG01", "XY1", "r33c01", "r00c01", "r01c49", "A1-2", "A01f1", "cells", "r3c", "A 1 2"],
)
def test_other_names_stay_as_they_are(name):
    assert well_names.well_name(name) == name


@pytest.mark.parametrize(
    ("row", "column", "well"),
    [
        *[("2", "3", "B03"), ("02", "03", "B03"), ("2.0", "3.0", "B03"), ("B", "3", "B03"), ("b", "12", "B12")],
        *[("27", "1", "AA01"), ("AA", "1", "AA01"), ("32", "48", "AF48")],
        *[
            ("0", "1", ""),
            ("33", "1", ""),
            ("2", "49", ""),
            ("2", "0", ""),
            ("2", "C", ""),
            ("", "1", ""),
            ("B2", "1", ""),
        ],
    ],
)
def test_a_row_and_a_column_make_a_well(row, column, well):
    assert well_names.of_row_and_column(row, column) == well


def test_a_mixture_of_names_is_said():
    frame = pd.DataFrame({"plate": ["P1", "P1", "P1", "P2"], "well": ["A01", "empty", "A01", "all"]})
    assert well_names.mixture(frame).startswith("1 of 2 wells of plate P1 have names that are no row and column")
    assert "'empty' beside A01" in well_names.mixture(frame)
    assert well_names.mixture(frame.iloc[[0, 3]]) == ""


@pytest.mark.parametrize(
    ("places", "rows_and_columns"),
    [
        ([], (8, 12)),
        ([(0, 0), (7, 11)], (8, 12)),
        ([(8, 0)], (16, 24)),
        ([(0, 12)], (16, 24)),
        ([(15, 23)], (16, 24)),
        ([(16, 0)], (32, 48)),
        ([(0, 24)], (32, 48)),
        ([(31, 47)], (32, 48)),
        ([(40, 60)], (32, 48)),
    ],
)
def test_the_smallest_usual_plate_has_all_wells(places, rows_and_columns):
    assert well_names.plate_format(iter(places)) == rows_and_columns


@pytest.mark.parametrize(
    ("well", "place"), [("A01", (0, 0)), ("H12", (7, 11)), ("P24", (15, 23)), ("AF48", (31, 47)), ("A00", None)]
)
def test_a_well_has_a_row_and_a_column(well, place):
    assert well_names.well_row_column(well) == place
