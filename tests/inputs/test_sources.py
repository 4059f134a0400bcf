"""Images tables from a user's table and from file names."""

from pathlib import Path

import pandas as pd
import pytest
from wellread.inputs import sources
from wellread.runtime.errors import InputError


def table(tmp_path, rows, **options):
    pd.DataFrame(rows).to_csv(tmp_path / "images.csv", index=False)
    return {"table": {"path": str(tmp_path / "images.csv")} | options}


def test_a_table_needs_a_column_per_channel(tmp_path):
    pd.DataFrame({"plate": ["P"], "well": ["A1"], "DNA": ["a.tif"]}).to_csv(tmp_path / "images.csv", index=False)
    section = {"table": {"path": str(tmp_path / "images.csv"), "root": "raw"}}
    assert sources.fields({"images": section, "channels": ["DNA"]}, "x")["DNA"].tolist() == ["raw/a.tif"]
    with pytest.raises(InputError, match="no Mito among plate, well, DNA"):
        sources.fields({"images": section, "channels": ["DNA", "Mito"]}, "x")


def test_a_table_is_checked_once(tmp_path, monkeypatch):
    check, checked = sources.user_tables.check, []
    monkeypatch.setattr(sources.user_tables, "check", lambda *given: checked.append(1) or check(*given))
    rows = [{"plate": "P", "well": "A1", "dna": "1.tif"}, {"plate": "P", "well": "A2", "dna": "2.tif"}]
    assert sources.fields({"images": table(tmp_path, rows), "channels": ["DNA"]}, "x")["DNA"].tolist() == [
        "1.tif",
        "2.tif",
    ]
    assert len(checked) == 1


def test_numbers_of_sites_and_objects_are_sorted_as_numbers(tmp_path):
    rows = [
        {"plate": "P", "well": "B2", "site": s, "object": o, "DNA": f"{s}{o}"}
        for s in ("10", "9", "f2")
        for o in (11, 2)
    ]
    frame = sources.fields({"images": table(tmp_path, rows), "channels": ["DNA"]}, "x")
    assert list(zip(frame["site"], frame["object"], strict=True)) == [
        ("9", "2"), ("9", "11"), ("10", "2"), ("10", "11"), ("f2", "2"), ("f2", "11"),
    ]  # fmt: skip


def test_one_image_as_two_channels_is_refused(tmp_path):
    rows = [{"plate": "P", "well": "A1", "a": "1.tif", "b": "2.tif", "c": ""}]
    rows += [{"plate": "P", "well": "B1", "a": "3.tif", "b": "4.tif", "c": "3.tif"}, rows[0] | {"well": "C1", "b": ""}]
    with pytest.raises(InputError, match=r"3.tif as a and as c of plate P, well B01, site 1 \(1 such fields\)"):
        sources.fields({"images": table(tmp_path, rows), "channels": ["a", "b", "c"]}, "x")


def test_one_image_in_several_fields_is_told(tmp_path):
    images = {"DNA": ["1", "2", "1", "1"], "RNA": ["a", "b", "", ""]}
    rows = [{"plate": "P", "well": f"A{i}"} | {c: images[c][i - 1] for c in images} for i in range(1, 5)]
    said = []
    sources.fields({"images": table(tmp_path, rows), "channels": ["DNA", "RNA"]}, "x", said.append)
    assert said == [
        "datasets.x.images: 2 fields name an image of DNA that another field has, too, "
        "such as 1 of P A01 1 and P A03 1; give every field its own"
    ]


def test_wells_may_be_left_out_only_where_cells_have_labels():
    assert sources.wells({"wells": "a.csv", "images": {"pattern": {}}}, "d") == "a.csv"
    with pytest.raises(InputError, match=r"datasets.d\n.*wells: PATH"):
        sources.wells({"wells": "", "images": {"pattern": {}}}, "d")


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


@pytest.mark.parametrize("root", ["", ".", "r", "r/", "./r", "..", "/", "/r", "//"])
def test_paths_below_a_root_are_those_of_pathlib(root):
    names = ["a.tif", "./a.tif", "x//a.tif", "/abs/a.tif", "x/", "x/.", "..", "../a", "/a.tif", "//a"]
    names += ["", "a.npy [tile=2/5]", "x/./a.tif | y/b.tif [z=max]"]
    found = sources._below(root, pd.Series(names, dtype=str))
    assert found.tolist() == [str(Path(root, name)) if name else "" for name in names]
