"""Tables as real programs write them: the same text from all of them, or a message that names the cause."""

import gzip
from datetime import datetime

import openpyxl
import pandas as pd
import pytest
from wellread.inputs import spreadsheets, user_tables
from wellread.runtime.errors import InputError

TABLE = pd.DataFrame(
    {"plate": ["P1", "P1"], "well": ["A01", "A02"], "treatment": ["5 µM é", 'a,b;c\t"d"'], "control": ["negative", ""]}
)
SMILES = "CC#N.C[C@H]1CC1"


def excel(path, rows, name="Sheet1", **sheets):
    """An Excel file of rows of cells; further sheets by name."""
    book = openpyxl.Workbook()
    book.active.title = name
    for row in rows:
        book.active.append(row)
    for title, cells in sheets.items():
        sheet = book.create_sheet(title)
        for row in cells:
            sheet.append(row)
    book.save(path)
    return path


def rows_of(frame):
    return [list(frame), *frame.to_numpy().tolist()]


WRITERS = {
    "comma.csv": lambda p: TABLE.to_csv(p, index=False),
    "semicolon.csv": lambda p: TABLE.to_csv(p, index=False, sep=";"),
    "tabs.tsv": lambda p: TABLE.to_csv(p, index=False, sep="\t"),
    "tabs_called.csv": lambda p: TABLE.to_csv(p, index=False, sep="\t"),
    "packed.csv.gz": lambda p: TABLE.to_csv(p, index=False),
    "bom.csv": lambda p: TABLE.to_csv(p, index=False, encoding="utf-8-sig"),
    "utf16.tsv": lambda p: TABLE.to_csv(p, index=False, sep="\t", encoding="utf-16"),
    "utf16_without_mark.tsv": lambda p: p.write_bytes(TABLE.to_csv(index=False, sep="\t").encode("utf-16-le")),
    "windows.csv": lambda p: TABLE.to_csv(p, index=False, encoding="cp1252"),
    "mac_lines.csv": lambda p: p.write_bytes(TABLE.to_csv(index=False).replace("\n", "\r").encode()),
    "excel.xlsx": lambda p: excel(p, rows_of(TABLE)),
    "excel_called.csv": lambda p: excel(p, rows_of(TABLE)),
    "text.parquet": lambda p: TABLE.to_parquet(p),
    "categories.parquet": lambda p: TABLE.astype("category").to_parquet(p),
    "index.parquet": lambda p: TABLE.set_index(["plate", "well"]).to_parquet(p),
    "with_hint.csv": lambda p: p.write_text("sep=;\n" + TABLE.to_csv(index=False, sep=";")),
    "row_numbers.csv": lambda p: TABLE.to_csv(p),
    "trailing.csv": lambda p: p.write_text(TABLE.to_csv(index=False).replace("\n", ",,\n") + ",,,,,\n ,,,,,\n\n"),
    "blank_first_row.csv": lambda p: p.write_text("\n,,,\n" + TABLE.to_csv(index=False)),
    "padded.csv": lambda p: p.write_text(
        TABLE.to_csv(index=False).replace("A01", " A01\u200b").replace("plate", " plate ")
    ),
}


@pytest.mark.parametrize("name", WRITERS)
def test_every_program_writes_the_same_table(tmp_path, name):
    path = tmp_path / name
    WRITERS[name](path)
    frame = spreadsheets.read(path)
    assert frame.to_dict("list") == TABLE.to_dict("list")


def test_windows_1252_is_said(tmp_path):
    WRITERS["windows.csv"](tmp_path / "w.csv")
    said = []
    spreadsheets.read(tmp_path / "w.csv", say=said.append)
    assert len(said) == 1
    assert "w.csv" in said[0]
    assert "Windows-1252" in said[0]
    assert "µM é" in said[0]


def test_smiles_and_words_for_missing_are_text(tmp_path):
    (tmp_path / "w.csv").write_text(f"plate,smiles,moa\nP1,{SMILES},NA\nP2,#c,\n")
    assert spreadsheets.read(tmp_path / "w.csv").to_numpy().tolist() == [["P1", SMILES, "NA"], ["P2", "#c", ""]]


def test_typed_cells_become_the_text_a_person_would_write(tmp_path):
    day, hour = datetime(2024, 3, 1), datetime(2024, 3, 1, 9, 30)
    cells = [
        ["plate", "site", "dose", "day", "at", "yes"],
        [1001, 1.0, 0.1, day, hour, True],
        [1002, 2, None, None, None, False],
    ]
    frame = spreadsheets.read(excel(tmp_path / "w.xlsx", cells))
    expected = [["1001", "1", "0.1", "2024-03-01", "2024-03-01 09:30:00", "True"], ["1002", "2", "", "", "", "False"]]
    assert frame.to_numpy().tolist() == expected


def test_parquet_of_any_types(tmp_path):
    frame = pd.DataFrame(
        {
            "gap": [1.0, None],
            "small": pd.Series([0.1, 0.5], dtype="float32"),
            "whole": pd.Series([1, None], dtype="Int64"),
            "kind": pd.Categorical(["a", None]),
            "day": [pd.Timestamp("2024-03-01"), pd.NaT],
            "moa": [["a", "b"], []],
            "yes": pd.Series([True, None], dtype="boolean"),
            "raw": [b"x", None],
        }
    )
    frame.to_parquet(tmp_path / "w.parquet")
    found = spreadsheets.read(tmp_path / "w.parquet").to_numpy().tolist()
    assert found == [["1", "0.1", "1", "a", "2024-03-01", "a|b", "True", "x"], ["", "0.5", "", "", "", "", "", ""]]


def test_a_sheet_is_named_after_a_hash_and_the_first_visible_one_is_the_default(tmp_path):
    path = excel(tmp_path / "w.xlsx", [["a"], ["1"]], second=[["a"], ["2"]])
    book = openpyxl.load_workbook(path)
    book["Sheet1"].sheet_state = "hidden"
    book.save(path)
    assert spreadsheets.read(path)["a"].tolist() == ["2"]
    assert spreadsheets.read(f"{path}#second")["a"].tolist() == ["2"]
    with pytest.raises(InputError, match=r"(?s)a sheet called third.*only second"):
        spreadsheets.read(f"{path}#third")
    assert spreadsheets.file_of(f"{path}#second") == str(path)


def test_a_hash_may_be_part_of_a_file_name(tmp_path):
    TABLE.to_csv(tmp_path / "plate#3.csv", index=False)
    assert len(spreadsheets.read(tmp_path / "plate#3.csv")) == 2
    assert spreadsheets.file_of(tmp_path / "plate#3.csv") == str(tmp_path / "plate#3.csv")


def test_merged_cells_all_have_their_value(tmp_path):
    path = excel(tmp_path / "w.xlsx", [["plate", "well"], ["P1", "A01"], [None, "A02"]])
    book = openpyxl.load_workbook(path)
    book.active.merge_cells("A2:A3")
    book.save(path)
    assert spreadsheets.read(path)["plate"].tolist() == ["P1", "P1"]


def test_rows_keep_the_number_they_have_in_the_file(tmp_path):
    (tmp_path / "w.csv").write_text("\nplate,well\n\nP1,A01\n,\nP1,A02\n")
    assert (spreadsheets.read(tmp_path / "w.csv").index + 2).tolist() == [4, 6]


def test_short_rows_are_said(tmp_path):
    (tmp_path / "w.csv").write_text("plate,well,moa\nP1,A01\nP1,A02,x\n")
    said = []
    assert spreadsheets.read(tmp_path / "w.csv", say=said.append)["moa"].tolist() == ["", "x"]
    assert "1 rows have fewer cells than the first one, such as row 2" in said[0]


HEADER = "plate,well,treatment,control\n"
GOOD = HEADER + "P1,A01,DMSO,negative\nP1,A02,x,\n"
TWO = GOOD.replace("control", "control,{},{}").replace("x,", "x,,a,b")  # columns that say different things
DAMAGED = {  # name of the file: its bytes, and words of the message beside the file's name
    "old.xls": (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(512), [".xls", "save it as .xlsx"]),
    "page.csv": (b"<!DOCTYPE html><html>not found</html>", ["web page"]),
    "merge.csv": (b"<<<<<<< HEAD\n" + GOOD.encode(), ["unsolved merge of Git"]),
    "scan.csv": (b"%PDF-1.4 ...", ["PDF"]),
    "pointer.csv": (b"version https://git-lfs.github.com/spec/v1\noid sha256:00\n", ["git lfs pull"]),
    "empty.csv": (b" \n", ["an empty file"]),
    "only_header.csv": (HEADER.encode(), ["only a header"]),
    "only_commas.csv": (b",,,\n,,,\n", ["only empty cells"]),
    "cut.csv.gz": (gzip.compress(GOOD.encode())[:-12], ["cannot be unpacked", "again"]),
    "cut.xlsx": (b"PK\x03\x04" + bytes(100), ["cannot be read", "save it as .xlsx"]),
    "cut.parquet": (b"PAR1" + bytes(100), ["a whole Parquet file"]),
    "zeros.csv": (GOOD.encode() + bytes(64), ["bytes of zeros"]),
    "half.tsv": (GOOD.replace(",", "\t").encode("utf-16") + b"a", ["half a character"]),
    "odd_byte.csv": (GOOD.replace("DMSO", "x?").encode().replace(b"?", b"\x81"), ["row 2", "0x81", "CSV UTF-8"]),
    "open_quote.csv": (GOOD.replace("DMSO", '"DMSO').encode(), ['a " that is not closed']),
    "late_quote.csv": ((HEADER + 'P1,A01,"a,\nP1,A02,b",\nP1,A03,c,\n').encode(), ["row 2", "not closed"]),
    "long_row.csv": ((GOOD + "P1,A03,2,4-D,negative\n").encode(), ["row 4", "'negative' in column 5", "quote cells"]),
    "twice.csv": (GOOD.replace("control", "well").encode(), ["well twice", "header"]),
    "twice_by_case.csv": (GOOD.replace("treatment", "Well").encode(), ["well and Well", "which both mean well"]),
    "alike_by_case.csv": (TWO.format("moa", "MOA").encode(), ["moa and MOA", "only by case"]),
    "alike_by_blanks.csv": (TWO.format("Cell Line", "cell_line").encode(), ["Cell Line and cell_line", "remove"]),
    "title_above.csv": (b"My screen\n\n" + GOOD.encode(), ["row 3", "if row 3 is the header"]),
    "note_above.csv": (b"a,b,c,d\n" + GOOD.encode(), ["row 2 looks like the header"]),
    "no_plate.csv": ((HEADER + "P1,A01,x,\n,A02,x,\n").encode(), ["row 3, column plate", "every row needs one"]),
    "no_well.csv": ((HEADER + "P1,A01,x,\n\nP1,,x,\n").encode(), ["row 4, column well", "every row needs one"]),
    "bad_folder.csv": (GOOD.replace("P1,A02", "P/1,A02").encode(), ["'P/1'", "row 3, column plate"]),
    "repeated.csv": ((GOOD + "\nP1,a-1,y,\n").encode(), ["plate P1, well A01 again", "row 5"]),
    "controls.csv": (
        GOOD.replace("negative", "neg").encode(),
        ["'neg'", "row 2, column control", "did you mean negative"],
    ),
    "no_control.csv": (GOOD.replace("control", "kind").encode(), ["no control", "controls: {negative: [DMSO]}"]),
    "bad_row.csv": (b"plate,row,column,treatment,control\nP1,2,3,x,\nP1,R,C,x,\n", ["row 3", "row 'R', column 'C'"]),
    "bad_dose.csv": (
        b"plate,well,treatment,control,dose\nP1,A01,x,,1\nP1,A02,x,,high\n",
        ["'high'", "row 3, column dose"],
    ),
    "missing.csv": (None, ["no file at", "datasets.d.wells"]),
}


@pytest.mark.parametrize("name", DAMAGED)
def test_damaged_tables_are_refused_with_file_row_and_remedy(tmp_path, name):
    raw, words = DAMAGED[name]
    if raw is not None:
        (tmp_path / name).write_bytes(raw)
    with pytest.raises(InputError) as error:
        user_tables.read(tmp_path / name, "wells", key="datasets.d.wells")
    lines = [line.split(maxsplit=1)[0] for line in str(error.value).splitlines()]
    assert lines == ["expected", "found", "where", "edit"], str(error.value)
    assert all(word in str(error.value) for word in [name, *words]), str(error.value)


def test_what_is_no_value_in_excel_is_refused_by_its_cell(tmp_path):
    with pytest.raises(InputError, match=r"(?s)#REF! in B2.*w\.xlsx#Sheet1"):
        spreadsheets.read(excel(tmp_path / "w.xlsx", [["plate", "well"], ["P1", "#REF!"]]))
    with pytest.raises(InputError, match=r"(?s)none stored in B2.*replace formulas"):
        spreadsheets.read(excel(tmp_path / "w.xlsx", [["plate", "well"], ["P1", "=A2"]]))
    with pytest.raises(InputError, match="a sheet with cells"):
        spreadsheets.read(excel(tmp_path / "w.xlsx", []))


def test_another_separator_that_the_first_line_names(tmp_path):
    (tmp_path / "w.csv").write_text('sep=|\na|b\n"x\ny"|2\n')
    assert spreadsheets.read(tmp_path / "w.csv").to_numpy().tolist() == [["x\ny", "2"]]


def test_columns_of_alike_names_may_say_the_same(tmp_path):
    (tmp_path / "w.csv").write_text(TWO.format("moa", "MOA").replace(",b", ",a"))
    assert list(user_tables.wells(str(tmp_path / "w.csv"))["MOA"]) == ["", "a"]
