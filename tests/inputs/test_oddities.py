"""What real folders and tables hold beside the expected: each is read as it is meant, or told."""

import pandas as pd
import pytest
from wellread.inputs import cleaning, doses, spreadsheets
from wellread.inputs.pattern import pattern
from wellread.inputs.references import parse
from wellread.inputs.user_tables import check
from wellread.inputs.well_names import well_name
from wellread.runtime.errors import InputError


def files(tmp_path, *names):
    for name in names:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()


def read(tmp_path, **options):
    return pattern(["DNA", "ER"], "", "d", lambda line: None, folder=str(tmp_path), **options)


@pytest.mark.parametrize("names", [("my plate", "my_plate"), ("対照1", "薬1")])
def test_plates_whose_names_would_be_one_are_refused(tmp_path, names):
    files(tmp_path, *(f"{name}/A0{i}_{channel}.tif" for i, name in enumerate(names) for channel in ("DNA", "ER")))
    with pytest.raises(InputError, match="plates of different names"):
        read(tmp_path, files="{plate}/{well}_{channel}.tif")


def test_case_of_channels_and_zeros_of_sites_do_not_split_fields(tmp_path):
    files(tmp_path, "A01_01_dna.tif", "A01_1_ER.tif", "A02_1_DNA.tif", "A02_1_ER.tif")
    frame = read(tmp_path, files="{well}_{site}_{channel}.tif")
    assert frame[["well", "site"]].values.tolist() == [["A01", "1"], ["A02", "1"]]
    assert (frame[["DNA", "ER"]] != "").all(axis=None)


def test_a_well_that_is_on_no_plate_is_no_other_one(tmp_path):
    files(tmp_path, *(f"r40c99f01p01-ch{i}sk1fk1fl1.tiff" for i in (1, 2)))
    assert read(tmp_path, preset="opera", names={"ch1": "DNA", "ch2": "ER"})["well"].tolist() == ["r40c99"]


def test_wells_of_imagexpress_without_a_zero(tmp_path):
    files(tmp_path, "P/x_A1_s1_w1.tif", "P/x_A1_s1_w2.tif")
    assert read(tmp_path, preset="imagexpress", names={"w1": "DNA", "w2": "ER"})["well"].tolist() == ["A01"]


@pytest.mark.parametrize("name", ["A1.0", "Well A1", "well_a01", "A:1", "A.1", "A,1", "ROW1COL1", "r01c01", "A-01"])
def test_spellings_of_a_well(name):
    assert well_name(name) == "A01"


@pytest.mark.parametrize("name", ["A1.5", "wellA", "row1", "A1-1", "001002", "well", "A99"])
def test_what_is_no_well_stays_as_it_is(name):
    assert well_name(name) == name


@pytest.mark.parametrize("word", ["—", "–", "#N/D", "#NV", "#REF!", "na.", "not available", "(none)", "N.A."])
def test_more_words_for_missing(word):
    values, lost = cleaning.labels(cleaning.text(pd.Series([word, "x"])))
    assert (values.tolist(), lost) == (["", "x"], 1)


def test_one_accent_is_one_treatment():
    assert cleaning.text(pd.Series(["caf\u00e9", "cafe\u0301"])).nunique() == 1


@pytest.mark.parametrize("dose", ["\uff11", "1e400"])
def test_what_is_no_dose_is_refused(dose):
    with pytest.raises(InputError, match="a number, or nothing"):
        doses.read(pd.Series([dose, "2"], dtype=object), pd.Series(["", ""]), ".", "w", print)


def test_sheets_that_are_not_read_are_told(tmp_path):
    with pd.ExcelWriter(tmp_path / "w.xlsx") as book:
        for sheet in ("one", "two"):
            pd.DataFrame({"plate": [sheet], "well": ["A1"]}).to_excel(book, sheet_name=sheet, index=False)
    said = []
    assert spreadsheets.read(tmp_path / "w.xlsx", say=said.append)["plate"].tolist() == ["one"]
    assert len(said) == 1
    assert "#two" in said[0]
    assert spreadsheets.read(f"{tmp_path}/w.xlsx#two", say=said.append)["plate"].tolist() == ["two"]
    assert len(said) == 1


@pytest.mark.parametrize("plate", ["4.1e+17", "4.1E+17"])
def test_shortened_barcodes_are_refused(plate):
    frame = pd.DataFrame({"plate": [plate], "well": "A1", "treatment": "x", "control": ""})
    with pytest.raises(InputError, match="shortened a long number"):
        check(frame, "wells", "here")


def test_references_without_blanks_and_in_lower_case():
    assert parse("a.tif[c=0,z=1]") == parse("a.tif [c=0, z=1]")
    assert parse("a.tif [axes=cyx]").axes == "CYX"
    with pytest.raises(InputError, match="once"):
        parse("a.tif [c=0, c=1]")
