"""Controls, by a column or by the treatments that the config lists."""

import pandas as pd
import pytest
from wellread.inputs import control_names, table_errors, user_tables
from wellread.inputs.control_names import KINDS
from wellread.runtime.errors import InputError

WELLS = pd.DataFrame({"treatment": ["DMSO", "taxol", "x", "DMSO"], "control": ""})
LISTED = {"negative": ["DMSO"], "positive": ["taxol"]}


@pytest.mark.parametrize(
    ("word", "kind"),
    [
        *[
            (word, "negative")
            for word in ("neg", "Negative", "vehicle", "ctrl", "NC ctrl", "negcon", "Neg. Control", "DMSO", "untreated")
        ],
        *[(word, "positive") for word in ("pos", "Positive", "poscon_cp", "positivee", "pos ctrl")],
        *[(word, "an empty cell") for word in ("trt", "treated", "sample", "compound")],
        *[(word, "negative or positive") for word in ("True", "yes", "1")],
        *[("xyz", ""), ("", "")],
    ],
)
def test_what_a_word_for_a_control_means(word, kind):
    assert control_names.meant(word) == kind


def test_every_word_for_a_control_is_translated():
    frame, rule = (
        pd.DataFrame({"control": ["False", "True", "False", ""]}),
        {"enum": ["", *KINDS], "description": "kind"},
    )
    (error,) = table_errors.column_errors(frame, "control", rule, "w.csv")
    assert "did you mean an empty cell for False, negative or positive for True?" in str(error)


def test_listed_treatments_are_controls():
    assert control_names.kinds(WELLS, LISTED, "w.csv").tolist() == ["negative", "positive", "", "negative"]
    assert control_names.kinds(WELLS, {"negative": [" DMSO "]}, "w.csv").tolist() == ["negative", "", "", "negative"]


def test_without_a_list_the_column_counts():
    wells = WELLS.assign(control=["negative", "", "", ""])
    assert control_names.kinds(wells, {}, "w.csv").tolist() == ["negative", "", "", ""]
    assert control_names.kinds(wells, {"negative": []}, "w.csv").tolist() == ["negative", "", "", ""]


def test_a_column_that_says_the_same_or_less_is_fine():
    wells = WELLS.assign(control=["negative", "", "", ""])
    assert control_names.kinds(wells, LISTED, "w.csv").tolist() == ["negative", "positive", "", "negative"]


@pytest.mark.parametrize(
    ("controls", "column", "words"),
    [
        (LISTED, ["", "", "negative", ""], ["'negative' for 'x'", "as neither", "w.csv, row 4, column control"]),
        (LISTED, ["positive", "", "", ""], ["'positive' for 'DMSO'", "as negative", "row 2"]),
        ({"negative": ["dmso"]}, [""] * 4, ["did you mean dmso -> DMSO?", "no row of w.csv has dmso"]),
        ({"positive": ["taxxol"]}, [""] * 4, ["taxxol -> taxol"]),
        ({"negative": ["water"]}, [""] * 4, ["no row of w.csv has water", "as the wells table spells them"]),
        ({"negative": ["x"], "positive": ["x"]}, [""] * 4, ["x as both"]),
    ],
)
def test_lists_that_do_not_fit_are_refused(controls, column, words):
    with pytest.raises(InputError) as error:
        control_names.kinds(WELLS.assign(control=column), controls, "w.csv")
    assert all(word in str(error.value) for word in words), str(error.value)


@pytest.mark.parametrize(
    ("treatment", "control", "dose", "words"),
    [
        ("DMSO DMSO DMSO x", "negative  ", None, "DMSO is a negative control in 1 of its wells and not in 2"),
        ("x x x y", "negative  ", "0 1 1 1", ""),
        ("x x x y", "negative  ", "1 1 3 1", "x at dose 1 is a negative control in 1 of its wells and not in 1"),
        ("DMSO DMSO DMSO x", "negative negative negative ", "nan nan nan 1", ""),
        ("DMSO DMSO DMSO x", "negative negative  ", "nan nan nan 1", "DMSO is a negative control in 2 of"),
        ("x x x y", "positive   ", None, ""),
    ],
)
def test_treatments_of_which_some_wells_are_negative_controls_are_told(treatment, control, dose, words):
    wells = pd.DataFrame({"treatment": treatment.split(" "), "control": (control + "   ").split(" ")[:4]})
    said = []
    control_names.tell_partly(wells.assign(dose=[*map(float, dose.split())]) if dose else wells, "w.csv", said.append)
    assert len(said) == bool(words)
    assert words in "".join(said)


def test_a_wells_table_that_is_read_tells_them():
    rows = [("P", "A01", "DMSO", "negative"), ("P", "A02", "DMSO", ""), ("P", "A03", "x", "")]
    said = []
    user_tables.check(
        pd.DataFrame(rows, columns=["plate", "well", "treatment", "control"]), "wells", "w", say=said.append
    )
    (line,) = said
    assert line.startswith("w: DMSO is a negative control in 1 of its wells and not in 1; mark these, too")
