"""Doses: one unit for a dataset, and those equal to about six digits are one."""

import pandas as pd
import pytest
from wellread.inputs import doses
from wellread.runtime.errors import InputError


def read(*texts, units=None, decimal=".", say=lambda line: None):
    units = pd.Series(units or [""] * len(texts), dtype=object)
    values, unit = doses.read(pd.Series(texts, dtype=object), units, decimal, "wells.csv", say)
    return values.tolist(), unit


@pytest.mark.parametrize(
    ("written", "unit"),
    [
        *[
            ("uM", "µM"),
            ("\u00b5M", "µM"),
            ("\u03bcM", "µM"),
            ("um", "µM"),
            ("nM", "nM"),
            ("NM", "nM"),
            ("mM", "mM"),
            ("pM", "pM"),
        ],
        *[
            ("M", "M"),
            ("micromolar", "µM"),
            ("nmol/l", "nM"),
            ("mmoles_per_liter", "mM"),
            ("mol/L", "M"),
            ("mg/mL", "mg/ml"),
        ],
        *[
            ("ug/ml", "µg/ml"),
            ("\u00b5g/mL", "µg/ml"),
            ("mg_per_ml", "mg/ml"),
            ("ng / ml", "ng/ml"),
            ("%", "%"),
            ("Gy", "Gy"),
        ],
        *[("U/ml", "U/ml"), ("moi", "MOI"), ("m", ""), ("uMM", ""), ("fold", ""), ("", "")],
    ],
)
def test_spellings_of_a_unit(written, unit):
    assert doses.unit_of(written) == unit


@pytest.mark.parametrize(
    ("texts", "values", "unit"),
    [
        (["0.5 uM", "500 nM", "5e-7 M", "\u00b5M"[:0], "1 \u03bcM", "0"], [0.5, 0.5, 0.5, None, 1.0, 0.0], "µM"),
        (["1e-6 M", "2e-6 M", "3 uM"], [1e-6, 2e-6, 3e-6], "M"),
        (["10nM", "0.1 pM", "20 nM"], [10.0, 1e-4, 20.0], "nM"),
        (["1 mg/ml", "500 ug/ml"], [1.0, 0.5], "mg/ml"),
        (["1", "2", "10"], [1, 2, 10], ""),
        (["1", "", "0.5"], [1.0, None, 0.5], ""),
        (["NA", "nan", "1"], [None, None, 1.0], ""),
        (["-6", "-5.5"], [-6.0, -5.5], ""),
    ],
)
def test_doses_are_converted_to_one_unit(texts, values, unit):
    found, known = read(*texts)
    assert known == unit
    assert [None if pd.isna(value) else value for value in found] == values


def test_a_column_of_units_counts_where_the_cell_has_none():
    said = []
    assert read("1", "500", "2 uM", units=["uM", "nM", "nM"], say=said.append) == ([1.0, 0.5, 2.0], "µM")
    assert said == ["wells.csv: doses in nM were converted to µM, the unit of most of the doses"]


def test_logarithms_of_doses_are_told():
    said = []
    assert read("-6", "-5", "0", say=said.append)[0] == [-6.0, -5.0, 0.0]
    assert len(said) == 1
    assert "'-6', '-5' are below 0" in said[0]
    read("6", "0", "", say=said.append)
    assert len(said) == 1


def test_whole_numbers_stay_whole():
    values = doses.read(pd.Series(["1", "10"]), pd.Series(["", ""]), ".", "w", print)[0]
    assert values.dtype == "int64"


@pytest.mark.parametrize(
    ("texts", "values"),
    [
        (["0.37037036", "0.37037037"], [0.37037, 0.37037]),
        (["0.3", "0.30000000000000004"], [0.3, 0.3]),
        (["0.37037049", "0.37037051"], [0.37037, 0.37037]),  # both sides of a border of rounding
        (["0.37037", "0.37038"], [0.37037, 0.37038]),
        (["0.1234567"], [0.123457]),
        (["1234567", "1234568"], [1234570.0, 1234570.0]),
        (["0", "1e-12"], [0.0, 1e-12]),
        (["-0.37037036", "-0.37037037"], [-0.37037, -0.37037]),
    ],
)
def test_doses_of_six_equal_digits_are_one(texts, values):
    assert read(*texts)[0] == values


def test_what_was_merged_is_said_but_not_other_spellings_of_a_number():
    said = []
    read("0.37037036", "0.37037037", "1e4", "10000.0", say=said.append)
    assert said == ["wells.csv: doses that agree to 6 digits were taken as one: 0.37037036, 0.37037037 -> 0.37037"]


@pytest.mark.parametrize(
    ("texts", "words"),
    [
        (["1", "much"], ["'much'", "row 3, column dose", "its unit"]),
        (["1", "0.5 uMM"], ["'0.5 uMM'", "row 3", "µM"]),
        (["1 uM", "2"], ["'2'", "row 3", "give every dose its unit"]),
        (["1 uM", "2 uM", "3 mg/ml"], ["'3 mg/ml' in mg/ml", "row 4", "converted to µM"]),
        (["1", "1,000"], ["'1,000'", "no thousands separator"]),
        (["1", "inf"], ["'inf'"]),
        (["1", "1 2"], ["'1 2'"]),
        (["1", "<0.1", ">5"], ["'<0.1' and 1 more"]),
    ],
)
def test_what_is_no_dose_is_refused_with_its_row(texts, words):
    with pytest.raises(InputError) as error:
        read(*texts)
    assert all(word in str(error.value) for word in ["wells.csv", *words]), str(error.value)


def test_decimal_commas():
    assert read("0,5", "1,25 uM", "2,5 uM", units=["uM"] * 3)[0] == [0.5, 1.25, 2.5]
    assert read("1,250", decimal=",")[0] == [1.25]
