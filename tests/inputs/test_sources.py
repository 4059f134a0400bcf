"""Images tables from a user's table and from file names."""

import pandas as pd
import pytest
from wellread.inputs import sources
from wellread.runtime.errors import InputError

REGEX = r"(?P<plate>\w+)/(?P<row>[A-P])(?P<column>\d+)_s(?P<site>\d)_w(?P<channel>\d)\.tif"


@pytest.fixture
def folder(tmp_path):
    for name in ["X/A1_s1_w1", "X/A1_s1_w2", "X/B12_s2_w1", "X/B12_s2_w2", "X/thumbs"]:
        (tmp_path / "images" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "images" / f"{name}.tif").touch()
    return tmp_path / "images"


def dataset(folder, channels=("DNA", "ER"), **options):
    section = {"folder": str(folder), "regex": REGEX, "plate": "", "names": {"1": "DNA", "2": "ER"}} | options
    return {"images": {"pattern": section}, "channels": list(channels)}


def test_file_names_become_rows(folder):
    frame = sources.fields(dataset(folder), "x")
    assert frame[["plate", "well", "site"]].values.tolist() == [["X", "A01", "1"], ["X", "B12", "2"]]
    assert frame["ER"].iloc[1] == str(folder / "X/B12_s2_w2.tif")


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (
            {"regex": r"(?P<well>x)(?P<channel>y)"},
            ["files that match", "5 files, none fits, such as X/A1_s1_w1.tif"],
        ),
        ({"regex": r".*w(?P<channel>\d)\.tif"}, ["named groups", "add (?P<well>...)"]),
        (
            {
                "regex": r"(?P<plate>\w+)/(?P<well>[A-P])\d+_s\d_w(?P<channel>\d)\.tif",
                "names": {},
                "channels": ("1",),
            },
            ["the channels 1", "2"],
        ),
        ({"channels": ("DNA", "ER", "Mito")}, ["files of every channel", "none of Mito"]),
    ],
)
def test_what_does_not_fit_is_refused(folder, options, words):
    with pytest.raises(InputError) as error:
        sources.fields(dataset(folder, **options), "x")
    assert all(word in str(error.value) for word in words), error.value


def test_two_files_for_one_place_are_refused(folder):
    regex = r"(?P<plate>\w+)/(?P<well>[A-P])\d+_s\d_w\d\.tif"
    with pytest.raises(InputError, match="channel"):
        sources.fields(dataset(folder, regex=regex), "x")
    (folder / "Y").mkdir()
    (folder / "Y" / "A1_s1_w1.tif").touch()
    with pytest.raises(InputError, match="one file per plate, well, site and channel"):
        sources.fields(dataset(folder, regex=REGEX.replace("plate", "_"), plate="one"), "x")


def test_a_table_needs_a_column_per_channel(tmp_path):
    pd.DataFrame({"plate": ["P"], "well": ["A1"], "DNA": ["a.tif"]}).to_csv(tmp_path / "images.csv", index=False)
    section = {"table": {"path": str(tmp_path / "images.csv"), "root": "raw"}}
    assert sources.fields({"images": section, "channels": ["DNA"]}, "x")["DNA"].tolist() == ["raw/a.tif"]
    with pytest.raises(InputError, match="no Mito among plate, well, DNA"):
        sources.fields({"images": section, "channels": ["DNA", "Mito"]}, "x")


@pytest.mark.parametrize(
    ("name", "regex"),
    [
        ("r02c03f01p01-ch1sk1fk1fl1.tiff", r"r(?P<row>\d+)c(?P<column>\d+)f(?P<site>\d+)p01-ch(?P<channel>\d).*\.tiff"),
        ("r02c03f01p01-ch1sk1fk1fl1.tiff", r"(?P<well>r\d+c\d+)f(?P<site>\d+)p01-ch(?P<channel>\d).*\.tiff"),
        ("B - 3(fld 1 wv 1).tif", r"(?P<row>[A-P]) - (?P<column>\d+)\(fld (?P<site>\d+) wv (?P<channel>\d)\)\.tif"),
        ("b-03_s1_w1.tif", r"(?P<well>[a-p]-\d+)_s(?P<site>\d+)_w(?P<channel>\d)\.tif"),
    ],
)
def test_rows_and_columns_of_file_names_are_wells(tmp_path, name, regex):
    (tmp_path / name).touch()
    section = {"folder": str(tmp_path), "regex": regex, "plate": "P1", "names": {"1": "DNA"}}
    frame = sources.fields({"images": {"pattern": section}, "channels": ["DNA"]}, "x")
    assert frame["well"].tolist() == ["B03"]
