"""Ready feature tables: files of any kind, which columns are features, where a row is from, and the wells they make."""

import gzip
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from wellread.inputs import feature_files, feature_tables, feature_wells
from wellread.runtime.errors import InputError

ROWS = pd.DataFrame(
    {
        "Metadata_Plate": ["P1", "P1", "P2"],
        "Metadata_Well": ["a1", "A02", "b-3"],
        "Metadata_compound": ["x", "DMSO", "x"],
        "Metadata_dose": [1.0, 0.0, 10.0],
        "Cells_Area": [1.5, np.nan, 3.0],
        "Nuclei_ZBF": [1, 2, 3],
        "note": ["fine", "", "fine"],
        "ImageNumber": [1, 2, 3],
        "dose": [1.0, 0.0, 10.0],
    }
)


@pytest.fixture(autouse=True)
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


def write(frame, path="t.csv"):
    Path(path).parent.mkdir(parents=True, exist_ok=True)
    if path.endswith("parquet"):
        frame.to_parquet(path)
    else:
        frame.to_csv(path, index=False, sep="\t" if "tsv" in path else ";" if "semi" in path else ",")
    return path


def opened(*paths, **columns):
    return feature_tables.opened(list(paths), columns, "here")


@pytest.mark.parametrize("path", ["t.csv", "t.csv.gz", "t.tsv", "t.tsv.gz", "semi.csv", "t.parquet"])
def test_a_table_of_any_kind_is_read_alike(path):
    (table,) = opened(write(ROWS, path))
    assert table.numbers == ["Cells_Area", "Nuclei_ZBF"]
    assert table.metadata == ["Metadata_compound", "Metadata_dose", "note", "dose"]
    assert table.rows.values.tolist() == [["P1", "A01", "1", ""], ["P1", "A02", "1", ""], ["P2", "B03", "1", ""]]
    np.testing.assert_array_equal(table.values(["Nuclei_ZBF", "Cells_Area"]), [[1, 1.5], [2, np.nan], [3, 3]])
    assert table.text(["note"])["note"].tolist() == ["fine", "", "fine"]


def test_what_a_file_is_follows_from_its_bytes():
    Path("t.parquet").write_bytes(gzip.compress(ROWS.to_csv(index=False).encode()))
    assert opened("t.parquet")[0].numbers == ["Cells_Area", "Nuclei_ZBF"]
    Path("t.csv").write_text("version https://git-lfs.github.com/spec/v1\noid 1\n")
    with pytest.raises(InputError, match="git lfs pull"):
        opened("t.csv")
    Path("t.csv").write_text("")
    with pytest.raises(InputError, match="an empty file"):
        opened("t.csv")
    Path("t.csv.gz").write_bytes(gzip.compress(ROWS.to_csv(index=False).encode())[:60])
    with pytest.raises(InputError, match=r"t\.csv\.gz"):
        opened("t.csv.gz")


def test_columns_without_values_and_infinite_ones():
    frame = ROWS.assign(Cells_Area=[np.inf, 1, 1e300], empty=None)
    for path in ("t.csv", "t.parquet"):
        (table,) = opened(write(frame, path))
        assert table.numbers == ["Cells_Area", "Nuclei_ZBF", "empty"]
        np.testing.assert_array_equal(np.isfinite(table.values(["Cells_Area", "empty"])), [[0, 0], [1, 0], [0, 0]])


def test_text_below_the_rows_that_types_follow_from_is_refused():
    text = pd.Series(["1"] * feature_files.SAMPLE + ["high"])
    frame = pd.DataFrame({"plate": "P", "well": "A1", "f": text, "g": 1})
    (table,) = opened(write(frame))
    with pytest.raises(InputError, match="text in f"):
        table.values(["g", "f"])


def test_where_a_row_is_from_may_be_told():
    frame = pd.DataFrame({"Barcode": ["7.0", "7.0"], "r": [1, 2], "Image_Metadata_Well": ["A1", "A2"], "f": [1, 2]})
    frame = frame.assign(Metadata_Site=[1, 2], Metadata_Object_Count=[10, 20], n=[5, 6], place=["B1", "B2"])
    (table,) = opened(write(frame))
    assert table.rows.values.tolist() == [["7", "A01", "1", "10"], ["7", "A02", "2", "20"]]
    (table,) = opened("t.csv", well="place", count="n", site="r", plate="barcode")
    assert table.rows.values.tolist() == [["7", "B01", "1", "5"], ["7", "B02", "2", "6"]]
    assert table.numbers == ["f"]
    with pytest.raises(InputError, match="a column spot"):
        opened("t.csv", well="spot")


def test_rows_and_columns_make_wells_and_files_name_plates():
    frame = pd.DataFrame({"Metadata_Row": [2, 8], "Metadata_Column": [3, 12], "f": [1, 2]})
    (table,) = opened(write(frame, "Plate 7.features.csv"))
    assert table.rows[["plate", "well"]].values.tolist() == [["Plate_7", "B03"], ["Plate_7", "H12"]]
    with pytest.raises(InputError, match="a column of wells"):
        opened(write(frame.drop(columns="Metadata_Row")))
    (table,) = opened(write(ROWS.assign(Metadata_Well=["A1", "", "A3"])))
    with pytest.raises(InputError, match="row 3"):
        table.rows  # noqa: B018


def test_files_are_paths_globs_or_lists():
    for path in ("d/P1.csv", "d/P2.csv", "e/P3.csv"):
        write(ROWS, path)
    assert feature_tables.paths("{dataset}/*.csv", "d", "w") == ["d/P1.csv", "d/P2.csv"]
    assert feature_tables.paths(["e/P3.csv", "d/*.csv", "d/P1.csv"], "d", "w") == ["d/P1.csv", "d/P2.csv", "e/P3.csv"]
    for files in ("d/*.tsv", "f.csv", ["d/P1.csv", "f.csv"]):
        with pytest.raises(InputError, match="no file at"):
            feature_tables.paths(files, "d", "w")


@pytest.mark.parametrize(
    ("features", "exclude", "kept"),
    [
        ("", "", ["Cells_Area", "Nuclei_ZBF"]),
        ("", "Brightfield|ZBF", ["Cells_Area"]),
        ("^Nuclei_", "", ["Nuclei_ZBF"]),
        (["Nuclei_ZBF", "dose"], "", ["Nuclei_ZBF", "dose"]),
    ],
)
def test_features_are_columns_of_numbers_or_those_that_are_asked_for(features, exclude, kept):
    reasons = feature_tables.chosen_features(opened(write(ROWS)), features, exclude, "w")
    assert [name for name, why in reasons.items() if why == "kept"] == kept
    others = {"excluded"} if exclude else {"not among features"} if features else set()
    assert set(reasons.values()) - {"kept"} == others


@pytest.mark.parametrize(
    ("features", "exclude", "words"),
    [("(", "", "mend it"), ("", "[", "mend it"), ("none", "", "none of 2"), (["Cells_Area", "x"], "", "no 'x'")],
)
def test_features_that_are_not_there_are_refused(features, exclude, words):
    with pytest.raises(InputError, match=words):
        feature_tables.chosen_features(opened(write(ROWS)), features, exclude, "w")


def test_tables_meet_on_the_features_that_all_have():
    other = ROWS.assign(Metadata_Plate="P9", Nuclei_ZBF="text", more=1.0)
    reasons = feature_tables.chosen_features(opened(write(ROWS), write(other, "u.csv")), "", "", "w")
    assert reasons == {"Cells_Area": "kept", "Nuclei_ZBF": "not in every table", "more": "not in every table"}


def level(rows="auto", **columns):
    frame = pd.DataFrame({"plate": "P", "well": ["A1", "A1", "A2"], "f": 1.0} | columns)
    return feature_tables.check_rows(opened(write(frame)), rows, "w")


def test_what_a_row_is():
    assert level() == "cell"
    assert level(site=["1", "2", "1"]) == "site"
    assert level(well=["A1", "A3", "A2"]) == "well"
    with pytest.raises(InputError, match="3 rows of 2 wells: cells"):
        level(rows="well")


def test_a_few_wells_that_are_there_twice_are_no_cells():
    twice = {"plate": ["P"] * 5, "well": ["A1", "A2", "A3", "A4", "A4"], "f": [1.0] * 5}
    with pytest.raises(InputError, match="1 of 4 with several, such as plate P, well A04"):
        level(**twice)
    assert level(rows="cell", **twice) == "cell"


def test_a_well_in_two_files_is_refused():
    with pytest.raises(InputError, match=r"plate P1, well A01 in t.csv and in u.csv \(3 such wells\)"):
        feature_tables.check_rows(opened(write(ROWS), write(ROWS, "u.csv")), "auto", "w")


def test_metadata_make_the_wells_table():
    tables = opened(write(ROWS.drop(columns=["dose"])))
    assert feature_wells.wells({"names": {"treatment": "compound"}}, "d", tables) == {
        "path": "results/d/wells.csv", "names": {"treatment": "compound"},
    }  # fmt: skip
    wells = pd.read_csv("results/d/wells.csv", dtype=str, keep_default_na=False)
    assert list(wells) == ["plate", "well", "Metadata_compound", "Metadata_dose", "note"]
    assert wells[["plate", "well", "Metadata_compound"]].values.tolist() == [
        ["P1", "A01", "x"], ["P1", "A02", "DMSO"], ["P2", "B03", "x"],
    ]  # fmt: skip
    stamp = Path("results/d/wells.csv").stat().st_mtime_ns
    feature_wells.wells({"names": {"treatment": "compound"}}, "d", tables)
    assert Path("results/d/wells.csv").stat().st_mtime_ns == stamp  # so that nothing runs again


def test_a_wells_table_of_its_own_counts_alone():
    for section in ("w.csv", {"path": "w.csv"}, {"grids": "g.xlsx"}, {"platemaps": "m", "barcodes": "b"}):
        assert feature_wells.wells(section, "d", []) == section


def test_without_treatments_the_metadata_are_no_wells_table():
    with pytest.raises(InputError, match=r"(?s)Metadata_compound.*treatment: COLUMN"):
        feature_wells.wells("", "d", opened(write(ROWS)))


def test_what_differs_within_a_well_or_is_a_name_of_ours_is_no_label():
    frame = pd.DataFrame({"plate": "P", "well": ["A1", "A1", "A2"], "site": ["1", "2", "1"], "f": 1.0})
    frame = frame.assign(Metadata_treatment=["x", "x", "y"], Metadata_file=["a", "b", "c"], Metadata_Object_Count=3)
    wells = feature_wells.metadata(opened(write(frame)))
    assert wells.values.tolist() == [["P", "A01", "x"], ["P", "A02", "y"]]


def test_metadata_of_several_tables_fill_each_other():
    place = ["Metadata_Plate", "Metadata_Well"]
    first = ROWS[[*place, "Cells_Area"]].assign(Metadata_moa=["", "", "m"])
    second = ROWS[[*place, "Metadata_compound", "Nuclei_ZBF"]][1:].assign(Metadata_moa=["n", "o"])
    wells = feature_wells.metadata(opened(write(first), write(second, "u.csv")))
    assert wells[["plate", "well", "Metadata_compound", "Metadata_moa"]].values.tolist() == [
        ["P1", "A01", "", ""], ["P1", "A02", "DMSO", "n"], ["P2", "B03", "x", "m"],
    ]  # fmt: skip
