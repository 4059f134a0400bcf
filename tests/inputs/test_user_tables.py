"""The tables users write: read forgivingly, refused clearly."""

import pandas as pd
import pytest
from wellread.inputs import user_tables
from wellread.runtime.errors import InputError

WELLS = pd.DataFrame(
    {
        "plate": "P1",
        "well": ["b2", "A01"],
        "treatment": ["DMSO", 'ä"/<script>'],
        "control": ["negative", ""],
        "dose": ["", "1.5"],
    }
)


def written(tmp_path, frame, name="wells.csv"):
    path = tmp_path / name
    if path.suffix == ".parquet":
        frame.to_parquet(path)
    else:
        frame.to_csv(path, index=False, sep="\t" if path.suffix == ".tsv" else ",")
    return path


@pytest.mark.parametrize("name", ["wells.csv", "wells.tsv", "wells.parquet"])
def test_wells_are_normalised_and_sorted(tmp_path, name):
    frame = user_tables.read(written(tmp_path, WELLS, name), "wells")
    assert frame["well"].tolist() == ["A01", "B02"]
    assert frame["treatment"].tolist() == ['ä"/<script>', "DMSO"]
    assert frame["batch"].tolist() == ["1", "1"]
    assert frame["dose"].iloc[0] == 1.5


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda f: f.rename(columns={"treatment": "treatmnt"}), ["no treatment", "treatmnt"]),
        (lambda f: pd.concat([f, f.iloc[:1]]), ["plate P1, well B02 again", "row 4"]),
        (lambda f: f.assign(well=["A1", "A01"]), ["plate P1, well A01 again", "row 3"]),
        (lambda f: f.assign(control=["neg", ""]), ["'neg'", "row 2, column control", "negative"]),
        (lambda f: f.assign(dose=["much", "1"]), ["'much'", "column dose", "a number"]),
        (lambda f: f.assign(plate="../P1"), ["'../P1'", "column plate", "folder"]),
    ],
)
def test_slips_are_named_with_row_and_column(tmp_path, change, words):
    with pytest.raises(InputError) as error:
        user_tables.read(written(tmp_path, change(WELLS)), "wells")
    assert all(word in str(error.value) for word in ["expected", "found", "where", "edit", "wells.csv", *words]), (
        error.value
    )


def test_a_missing_table_names_the_config_key():
    with pytest.raises(InputError, match=r"(?s)no file at nowhere\.csv.*datasets\.demo\.wells"):
        user_tables.read("nowhere.csv", "wells", key="datasets.demo.wells")
