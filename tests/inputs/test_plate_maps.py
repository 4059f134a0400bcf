"""Wells tables as labs keep them: plate maps and barcodes, grids in a spreadsheet, labels joined by a column."""

import openpyxl
import pandas as pd
import pytest
from paths import SHARED
from wellread.inputs import plate_maps, user_tables
from wellread.plan import settings
from wellread.runtime.errors import InputError

LINCS = SHARED / "data" / "lincs_moa_metadata"


def wells(section, controls=None, say=lambda line: None):
    return user_tables.wells({"wells": section, "controls": controls or {"negative": ["DMSO"]}}, "datasets.d", say)


def by_well(frame, column, plate=None):
    """{well: value} of a plate, or of all."""
    rows = frame[frame["plate"] == plate] if plate else frame
    return dict(zip(rows["well"], rows[column], strict=True))


def text(path, *rows, sep="\t"):
    path.write_text("\n".join(sep.join(row.split()) if sep == "\t" else row for row in rows) + "\n")
    return str(path)


@pytest.fixture
def lab(tmp_path):
    """Two plate maps, three plates, a table of labels with several rows per compound."""
    (tmp_path / "platemap").mkdir()
    head = "plate_map_name\twell_position\tbroad_sample\tmmoles_per_liter\tsolvent\n"
    maps = {
        "C-1": "C-1\tA01\t\t\tDMSO\nC-1\ta02\tBRD-K00000001-001-02-3\t0.0100000001\tDMSO\n",
        "C-2": "C-2\tA01\tBRD-K00000002-001-02-3\t0.01\tDMSO\nC-2\tA02\t\t\tDMSO\n",
    }
    for name, rows in maps.items():
        (tmp_path / "platemap" / f"{name}.txt").write_text(head + rows)
    (tmp_path / "barcode_platemap.csv").write_text("Assay_Plate_Barcode,Plate_Map_Name\nS1,C-1\nS2,C-1\nS3,C-2\n")
    (tmp_path / "moa.tsv").write_text(
        "broad_id\tmoa\tvendor\tsmiles\n"
        "BRD-K00000001-001-09-9\tkinase inhibitor | NA\tX\tC#N\n"
        "BRD-K00000001-003-07-7\ttubulin inhibitor|kinase inhibitor\tY\tC#N\n"
        "BRD-K00000003-001-01-1\tnone of ours\tX\tC\n"
        "\tempty id\tX\tC\n"
    )
    return tmp_path


def of_maps(lab, **more):
    return {"platemaps": str(lab / "platemap"), "barcodes": str(lab / "barcode_platemap.csv")} | more


def test_plate_maps_and_barcodes_make_a_row_per_plate_and_well(lab):
    frame = wells(of_maps(lab))
    assert frame["plate"].tolist() == ["S1", "S1", "S2", "S2", "S3", "S3"]
    assert by_well(frame, "treatment", "S2") == {"A01": "DMSO", "A02": "BRD-K00000001-001-02-3"}
    assert by_well(frame, "treatment", "S3") == {"A01": "BRD-K00000002-001-02-3", "A02": "DMSO"}
    assert by_well(frame, "control", "S3") == {"A01": "", "A02": "negative"}
    assert by_well(frame, "Plate_Map_Name", "S3") == {"A01": "C-2", "A02": "C-2"}
    assert frame["dose"].dropna().tolist() == [0.01, 0.01, 0.01]
    assert set(frame["dose_unit"]) == {"mM"}


def test_all_files_are_inputs(lab):
    found = plate_maps.files(of_maps(lab, labels=[{"path": str(lab / "moa.tsv"), "by": "x"}]))
    names = ["barcode_platemap.csv", "moa.tsv", "platemap/C-1.txt", "platemap/C-2.txt"]
    assert found == [str(lab / name) for name in names]
    assert plate_maps.files("w.csv") == ["w.csv"]
    assert plate_maps.files({"grids": {"P1": "b.xlsx#x", "P2": "a.xlsx"}}) == ["a.xlsx", "b.xlsx"]


def test_samples_find_their_compound_and_several_rows_become_one(lab):
    said = []
    labels = [{"path": str(lab / "moa.tsv"), "by": {"treatment": "broad_id"}, "columns": ["moa", "vendor"]}]
    frame = wells(of_maps(lab, labels=labels), say=said.append)
    assert len(frame) == 6
    assert by_well(frame, "moa", "S1") == {"A01": "", "A02": "kinase inhibitor|tubulin inhibitor"}
    assert by_well(frame, "vendor", "S1") == {"A01": "", "A02": "X|Y"}
    assert by_well(frame, "moa", "S3") == {"A01": "", "A02": ""}
    (line,) = [line for line in said if "moa.tsv" in line]
    assert "1 of 3 values of the wells were found among 3 of the labels" in line
    assert "without labels stay 'DMSO', 'BRD-K00000002-001-02-3'" in line
    assert "1 further rows of the same value were merged" in line


def test_samples_that_are_there_are_matched_as_they_are(lab):
    others = ["BRD-K00000001-001-09-9 c", "BRD-K00000002-003-09-9 b", "BRD-K00000002-001-09-9 d"]
    text(lab / "exact.tsv", "broad_sample moa", "BRD-K00000001-001-02-3 a", *others)
    frame = wells(of_maps(lab, labels=[{"path": str(lab / "exact.tsv"), "by": "broad_sample"}]))
    assert by_well(frame, "moa", "S1") == {"A01": "", "A02": "a"}
    assert by_well(frame, "moa", "S3") == {"A01": "b|d", "A02": ""}


WRONG = {
    "a map without a file": (
        lambda lab: (lab / "platemap" / "C-2.txt").unlink(),
        ["a file for every plate map", "'C-2' among 'C-1'"],
    ),
    "barcodes without a column of maps": (
        lambda lab: text(lab / "barcode_platemap.csv", "plate,kind", "S1,C-1", sep=","),
        ["plate_map_name", "barcode_platemap.csv"],
    ),
    "a map without wells": (
        lambda lab: text(lab / "platemap" / "C-1.txt", "broad_sample dose", "x 1"),
        ["a column well", "C-1.txt"],
    ),
    "a plate twice": (
        lambda lab: (lab / "barcode_platemap.csv").write_text("plate,platemap\nS1,C-1\nS1,C-2\n"),
        ["every plate, well once", "plate S1, well A01 again"],
    ),
    "no barcodes": (lambda lab: (lab / "barcode_platemap.csv").unlink(), ["no file at", "datasets.d.wells.barcodes"]),
}


@pytest.mark.parametrize("case", WRONG)
def test_plate_maps_that_do_not_fit_are_refused(lab, case):
    spoil, words = WRONG[case]
    spoil(lab)
    with pytest.raises(InputError) as error:
        wells(of_maps(lab))
    assert all(word in str(error.value) for word in words), str(error.value)


def test_a_map_may_be_named_for_every_plate(lab):
    maps = {name: str(lab / "platemap" / "C-1.txt") for name in ("X1", "X2")}
    frame = wells({"platemaps": maps})
    assert frame["plate"].tolist() == ["X1", "X1", "X2", "X2"]
    assert by_well(frame, "treatment", "X2") == {"A01": "DMSO", "A02": "BRD-K00000001-001-02-3"}
    assert plate_maps.files({"platemaps": maps}) == [maps["X1"]]


LABELS = {
    "no such column of wells": ({"by": "compound"}, ["a column compound", "datasets.d.wells.labels[0].by"]),
    "no such column of labels": ({"by": "treatment"}, ["a column treatment", "moa.tsv"]),
    "nothing in common": ({"by": {"well": "broad_id"}}, ["values that both tables have", "'A01'", "BRD-K00000001"]),
    "no such label": ({"by": {"treatment": "broad_id"}, "columns": ["mao"]}, ["the columns mao", "labels[0].columns"]),
}


@pytest.mark.parametrize("case", LABELS)
def test_labels_that_do_not_fit_are_refused(lab, case):
    change, words = LABELS[case]
    with pytest.raises(InputError) as error:
        wells(of_maps(lab, labels=[{"path": str(lab / "moa.tsv")} | change]))
    assert all(word in str(error.value) for word in words), str(error.value)


def test_one_way_to_say_where_the_wells_are(lab):
    with pytest.raises(InputError, match=r"(?s)one of path, platemaps, grids.*path, platemaps"):
        wells(of_maps(lab, path="w.csv"))
    with pytest.raises(InputError, match=r"(?s)one of path, platemaps, grids.*only names"):
        wells({"names": {}})


def test_public_tables_of_jump(tmp_path):
    files = {
        "well": ["Source Plate Well JCP2022", "s1 B1 A01 JCP2022_033924", "s1 B1 A02 JCP2022_000001"],
        "plate": ["Source Batch Plate PlateType", "s1 day1 B1 COMPOUND", "s1 day2 B2 DMSO"],
        "compound": ["JCP2022 InChIKey SMILES", "JCP2022_000001 AAAA C#N", "JCP2022_033924 BBBB CS(C)=O"],
    }
    for name, (header, *rows) in files.items():
        columns = [f"Metadata_{column}" for column in header.split()]
        pd.DataFrame([row.split() for row in rows], columns=columns).to_csv(tmp_path / f"{name}.csv.gz", index=False)
    labels = [
        {"path": str(tmp_path / "plate.csv.gz"), "by": "Metadata_Plate"},
        {"path": str(tmp_path / "compound.csv.gz"), "by": "JCP2022", "columns": ["Metadata_InChIKey"]},
    ]
    section = {"path": str(tmp_path / "well.csv.gz"), "names": {"treatment": "JCP2022"}, "labels": labels}
    frame = wells(section, {"negative": ["JCP2022_033924"]})
    assert by_well(frame, "control") == {"A01": "negative", "A02": ""}
    assert by_well(frame, "InChIKey") == {"A01": "BBBB", "A02": "AAAA"}
    assert set(frame["batch"]) == {"day1"}
    assert set(frame["PlateType"]) == {"COMPOUND"}


def test_names_translate_columns(tmp_path):
    text(tmp_path / "w.tsv", "Barcode Position drug empty", "P1 A1 x -", "P1 A2 DMSO -")
    names = {"plate": "Barcode", "well": "Position", "treatment": "drug"}
    frame = wells({"path": str(tmp_path / "w.tsv"), "names": names})
    assert by_well(frame, "treatment") == {"A01": "x", "A02": "DMSO"}
    with pytest.raises(InputError, match=r"(?s)no Drug among.*datasets\.d\.wells\.names\.treatment"):
        wells({"path": str(tmp_path / "w.tsv"), "names": names | {"treatment": "Drug"}})


def drawn(path, **sheets):
    """A spreadsheet of rows of cells per sheet."""
    book = openpyxl.Workbook()
    book.remove(book.active)
    for name, rows in sheets.items():
        sheet = book.create_sheet(name)
        for row in rows:
            sheet.append(row)
    book.save(path)
    return str(path)


COMPOUNDS = [["", 1, 2, 3], ["A", "DMSO", "x", None], ["B", "y", "DMSO", None]]
DOSES = [[None, 1, 2, 3], ["A", None, "1 uM", None], ["B", "500 nM", None, None]]


def test_a_sheet_is_a_plate(tmp_path):
    frame = wells({"grids": drawn(tmp_path / "w.xlsx", P1=COMPOUNDS, P2=[["my plate"], [], *COMPOUNDS[:2]][2:])})
    assert by_well(frame, "treatment", "P1") == {"A01": "DMSO", "A02": "x", "B01": "y", "B02": "DMSO"}
    assert by_well(frame, "treatment", "P2") == {"A01": "DMSO", "A02": "x"}


def test_a_part_of_a_column_may_be_a_column(tmp_path):
    path = text(tmp_path / "w.tsv", "plate well treatment", "Week1_7 A1 DMSO", "Week2_8 A1 DMSO", "test A1 DMSO")
    batch = {"batch": {"of": "plate", "regex": "^Week[0-9]+"}, "number": {"of": "plate", "regex": "_([0-9])$"}}
    frame = wells({"path": path, "names": batch})
    assert frame["plate"].tolist() == ["Week1_7", "Week2_8", "test"]
    assert frame["batch"].tolist() == ["Week1", "Week2", ""]
    assert frame["number"].tolist() == ["7", "8", ""]
    for regex, words in (
        ("(", "a regular expression"),
        ("day", r"'day' is found"),
    ):
        with pytest.raises(InputError, match=rf"(?s){words}.*names\.batch\.regex"):
            wells({"path": path, "names": {"batch": {"of": "plate", "regex": regex}}})


def test_a_sheet_is_a_variable_of_a_plate_that_the_config_names(tmp_path):
    path = drawn(tmp_path / "w.xlsx", treatment=COMPOUNDS, dose=DOSES)
    frame = wells({"grids": {"P7": path}})
    assert set(frame["plate"]) == {"P7"}
    assert by_well(frame, "treatment") == {"A01": "DMSO", "A02": "x", "B01": "y", "B02": "DMSO"}
    doses = {well: dose for well, dose in by_well(frame, "dose").items() if not pd.isna(dose)}
    assert doses == {"A02": 1.0, "B01": 0.5}
    assert set(frame["dose_unit"]) == {"µM"}


def test_several_grids_on_a_sheet_are_named_in_the_corner_or_above(tmp_path):
    corner = [["Treatment", *COMPOUNDS[0][1:]], *COMPOUNDS[1:]]
    beside = [
        [*row, None, *([None, 1, 2, 3] if i == 0 else [*"AB"][i - 1 : i] + ["HeLa"] * 3)]
        for i, row in enumerate(corner)
    ]
    beside[0][5] = "cell line"
    rows = [["Layout of the third of May"], [], *beside, [], ["Dose"], *DOSES]
    frame = wells({"grids": drawn(tmp_path / "w.xlsx", P1=rows)})
    assert by_well(frame, "treatment")["B01"] == "y"
    assert by_well(frame, "dose")["B01"] == 0.5
    assert by_well(frame, "cell line")["A01"] == "HeLa"
    assert by_well(frame, "treatment")["A03"] == ""  # a cell line, but no treatment


@pytest.mark.parametrize(("rows", "columns"), [(8, 12), (16, 24), (32, 48)])
def test_whole_plates_drawn_as_text(tmp_path, rows, columns):
    letters = [chr(65 + i) if i < 26 else f"A{chr(65 + i - 26)}" for i in range(rows)]
    lines = [";".join(["", *(f"{n:02d}" for n in range(1, columns + 1))])]
    lines += [";".join([letter, *(f"c{letter}{n}" for n in range(1, columns + 1))]) for letter in letters]
    (tmp_path / "P9.csv").write_text("\n".join(lines))
    frame = wells({"grids": str(tmp_path / "P9.csv")}, {"negative": ["cA1"]})
    assert len(frame) == rows * columns
    last = f"{letters[-1]}{columns}"
    assert by_well(frame, "treatment", "P9")[last] == f"c{last}"


def test_grids_that_are_none_or_say_a_thing_twice_are_refused(tmp_path):
    with pytest.raises(InputError, match=r"(?s)a grid: columns 1, 2, 3.*w\.xlsx#P1"):
        wells({"grids": drawn(tmp_path / "w.xlsx", P1=[["plate", "well"], ["P1", "A01"]])})
    with pytest.raises(InputError, match=r"(?s)every variable once.*treatment twice"):
        wells({"grids": drawn(tmp_path / "w.xlsx", P1=[*COMPOUNDS, [], *COMPOUNDS])})


def test_the_config_takes_all_these_shapes(lab):
    by = {"treatment": "broad_id"}
    mappings = [
        "w.csv",
        {"path": "w.csv"},
        {"grids": "w.xlsx"},
        {"grids": {"P1": "w.xlsx"}},
        {"platemaps": {"P1": "w.csv"}},
        of_maps(
            lab, names={"treatment": ["a", "b"], "dose": "c"}, labels=[{"path": "m.tsv", "by": by, "columns": ["moa"]}]
        ),
    ]
    for mapping in mappings:
        dataset = {"images": {"table": {"path": "i.csv"}}, "wells": mapping, "channels": ["DNA"]}
        filled = settings.load({"datasets": {"d": dataset}, "models": {"m": {"encoder": {"random": {}}}}})
        assert filled["datasets"]["d"]["wells"] == mapping
        assert filled["datasets"]["d"]["min_joined"] == 0.5
    dataset["wells"] = {"pathh": "w.csv"}
    with pytest.raises(InputError, match=r"pathh -> path"):
        settings.load({"datasets": {"d": dataset}, "models": {"m": {"encoder": {"random": {}}}}})


@pytest.mark.slow
@pytest.mark.skipif(not LINCS.is_dir(), reason="needs the annotations of LINCS")
@pytest.mark.parametrize(
    ("table", "column", "both", "rest"),
    [
        ("repurposing_info_external_moa_map_resolved.tsv", "broad_sample", "1570 of 1570", ""),
        ("repurposing_info_external_moa_map_resolved.tsv", "broad_id", "1570 of 1570", ""),
        ("repurposing_simple.tsv", "pert_id", "1254 of 1570", "and 313 more"),
        ("repurposing_info.tsv", "broad_id", "1254 of 1570", "further rows of the same value were merged"),
    ],
)
def test_mechanisms_of_lincs_join_to_plate_maps(tmp_path, table, column, both, rest):
    """All 28 plate maps, made from the samples they hold, each on a plate of its own."""
    samples = pd.read_csv(LINCS / "broad_sample_info.tsv", sep="\t", dtype=str, keep_default_na=False)
    (tmp_path / "maps").mkdir()
    places = [f"{row}{column:02d}" for row in "ABCDEFGHIJKLMNOP" for column in range(1, 25)]
    names = sorted(samples["plate_map_name"].unique())
    for name, own in samples.groupby("plate_map_name"):
        own = own.assign(well_position=places[: len(own)], mmoles_per_liter="0.01")
        own.to_csv(tmp_path / "maps" / f"{name}.txt", sep="\t", index=False)
    barcodes = {"Assay_Plate_Barcode": [f"SQ{i:05d}" for i in range(len(names))], "Plate_Map_Name": names}
    pd.DataFrame(barcodes).to_csv(tmp_path / "barcodes.csv", index=False)
    said = []
    labels = [{"path": str(LINCS / table), "by": {"broad_sample": column}, "columns": ["moa", "target"]}]
    section = {"platemaps": str(tmp_path / "maps"), "barcodes": str(tmp_path / "barcodes.csv"), "labels": labels}
    frame = wells(section, say=said.append)
    assert len(frame) == len(samples) == 1652
    assert (frame["control"] == "negative").sum() == 28
    (line,) = [line for line in said if table in line and "were found among" in line]
    assert both in line
    assert rest in line
    moa = frame[frame["treatment"] != "DMSO"].drop_duplicates("treatment").set_index("treatment")["moa"]
    assert len(moa) == 1570
    if both == "1570 of 1570":  # what the description of the data says
        counts = (
            (moa == "").sum(),
            moa.str.contains("|", regex=False).sum(),
            moa[moa != ""].str.split("|").explode().nunique(),
        )
        assert counts == (52, 214, 494)
        assert moa["BRD-A00147595-001-01-5"] == "insulin sensitizer|PPAR receptor partial agonist"
    assert (moa != "").sum() > 1200
