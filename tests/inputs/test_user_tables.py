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


def of(say=None, controls=None, **columns):
    """The wells table of some columns, checked; plate and control are filled in."""
    n = len(next(iter(columns.values())))
    frame = pd.DataFrame({"plate": ["P1"] * n, "well": [f"A{i + 1:02d}" for i in range(n)]} | columns)
    frame = frame.assign(**{name: [""] * n for name in ("treatment", "control") if name not in frame})
    return user_tables.check(frame, "wells", "w.csv", (), say or (lambda line: None), controls)


def test_missing_labels_are_missing_and_told_once_but_a_treatment_called_na_survives():
    said = []
    frame = of(said.append, treatment=["NA", "x", "y"], moa=["NA", " a | nan", "b"], gene=["None", "-", "MYC"])
    assert frame["treatment"].tolist() == ["NA", "x", "y"]
    assert frame["moa"].tolist() == ["", "a", "b"]
    assert frame["gene"].tolist() == ["", "", "MYC"]
    assert said == [
        "w.csv: 2 cells of moa with NA or the like, taken as missing",
        "w.csv: 2 cells of gene with NA or the like, taken as missing",
        "w.csv: 'NA' in treatment is taken as a name like any other; leave cells empty if it is none",
    ]


def test_a_control_column_written_by_r_and_labels_called_unknown():
    said = []
    assert of(said.append, control=["NA", "negative"], moa=["unknown", "Null"])["control"].tolist() == ["", "negative"]
    assert any("'Null', 'unknown' in moa" in line for line in said)


def test_names_that_look_alike_are_told_but_smiles_are_not():
    said = []
    of(said.append, treatment=["DMSO", "dmso"], moa=["a|B", "b"], SMILES=["C1CCCCC1", "c1ccccc1"])
    assert len(said) == 2
    assert "'DMSO' and 'dmso'" in said[0]
    assert "'B' and 'b'" in said[1]


@pytest.mark.parametrize(
    "name",
    [
        *[
            "site",
            "Site",
            "crop_row",
            "replicates",
            "Replicates",
            "object_count",
            "Object Count",
            "Object_Count",
            "control_use",
        ],
        *["Metadata_Site", "Metadata_Object_Count", "emb_0001", "EMB_x"],
    ],
)
def test_columns_that_profiles_have_of_their_own_are_refused(name):
    with pytest.raises(InputError, match=rf"(?s)columns not called site.*the column {name}\n.*rename {name}, to my_"):
        of(**{name: ["x"]})


@pytest.mark.parametrize("name", ["Well", "WELL", "Metadata_Well", "Plate", "Metadata_Plate", "Treatment", "Control"])
def test_columns_that_mean_the_same_are_refused(name):
    ours = name.removeprefix("Metadata_").lower()
    with pytest.raises(
        InputError, match=rf"(?s)({ours} and {name}|{name} and {ours}), which both mean {ours}.*w\.csv, header"
    ):
        of(**{name: ["x"]})


@pytest.mark.parametrize("name", ["field", "object", "name", "x", "n", "count", "Metadata_moa"])
def test_other_columns_are_carried(name):
    assert of(**{name: ["v"]})[name.removeprefix("Metadata_")].tolist() == ["v"]


@pytest.mark.parametrize("names", [("Plate", "Well"), ("Metadata_Plate", "Metadata_Well"), ("PLATE", "well")])
def test_known_columns_in_any_case(names):
    frame = pd.DataFrame([["P1", "a1", "x", ""]], columns=[*names, "Treatment", "CONTROL"])
    assert user_tables.check(frame, "wells", "w.csv").loc[0, ["plate", "well", "treatment"]].tolist() == [
        "P1",
        "A01",
        "x",
    ]


@pytest.mark.parametrize(
    "names", [("row", "column"), ("Row", "Column"), ("Metadata_Row", "Metadata_Col"), ("ROW", "Col")]
)
@pytest.mark.parametrize("kind", ["wells", "images"])
def test_rows_and_columns_are_wells(names, kind):
    cells = [["P1", "2", "3", "", ""], ["P1", "C", "11", "", ""]]
    frame = pd.DataFrame(cells, columns=["plate", *names, "treatment", "control"])
    assert user_tables.check(frame, kind, "w.csv")["well"].tolist() == ["B03", "C11"]


def test_numbers_that_are_names_are_whole():
    frame = pd.DataFrame({"plate": [1001.0, 1001.0], "well": ["A1", "A1"], "site": [1.0, 2.0], "DNA": "x.tif"})
    images = user_tables.check(frame, "images", "i.csv", ("DNA",))
    assert images[["plate", "site"]].to_numpy().tolist() == [["1001", "1"], ["1001", "2"]]
    mixed = user_tables.check(frame.assign(site=["1.0", "1.5"]), "images", "i.csv")
    assert mixed["site"].tolist() == ["1.0", "1.5"]


@pytest.mark.parametrize(
    ("sites", "order"),
    [
        (["10", "9", "1", "2"], ["1", "2", "9", "10"]),
        (["f10", "f9", "f1"], ["f1", "f9", "f10"]),
        (["1_10", "1_9", "0_11"], ["0_11", "1_9", "1_10"]),
        (["010", "2"], ["2", "010"]),
        (["b", "a"], ["a", "b"]),
    ],
)
def test_sites_are_in_natural_order(sites, order):
    frame = pd.DataFrame({"plate": "P1", "well": "A01", "site": sites})
    assert user_tables.check(frame, "images", "i.csv")["site"].tolist() == order


def test_crops_and_other_names_of_wells_are_in_natural_order():
    frame = pd.DataFrame({"plate": "P1", "well": ["cell10", "cell9", "cell9"], "site": "1", "object": ["1", "12", "3"]})
    found = user_tables.check(frame, "images", "i.csv")
    assert found[["well", "object"]].to_numpy().tolist() == [["cell9", "3"], ["cell9", "12"], ["cell10", "1"]]


def test_paths_of_images_keep_their_blanks_and_words():
    frame = pd.DataFrame({"plate": "P1", "well": "A1", "DNA": ["a\u00a0b | c.tif"]})
    assert user_tables.check(frame, "images", "i.csv", ("DNA",))["DNA"].tolist() == ["a\u00a0b | c.tif"]


def test_listed_controls_need_no_column():
    frame = pd.DataFrame({"plate": "P1", "well": ["A1", "A2"], "treatment": ["DMSO", "x"]})
    found = user_tables.check(frame, "wells", "w.csv", controls={"negative": ["DMSO"]})
    assert found["control"].tolist() == ["negative", ""]
    with pytest.raises(InputError, match="no control"):
        user_tables.check(frame, "wells", "w.csv", controls={})


def test_doses_have_one_unit():
    frame = of(dose=["0.5 uM", "500 nM", ""], treatment=["x", "y", "z"])
    assert frame["dose"].tolist()[:2] == [0.5, 0.5]
    assert frame["dose_unit"].tolist() == ["µM"] * 3
    assert "dose_unit" not in of(dose=["1", "2"])


def test_the_wells_of_a_section_are_those_of_its_path(tmp_path):
    path = str(written(tmp_path, WELLS))
    section = {"wells": path, "controls": {}, "images": {}}
    pd.testing.assert_frame_equal(user_tables.wells(section), user_tables.read(path, "wells"))
    pd.testing.assert_frame_equal(user_tables.wells(path), user_tables.read(path, "wells"))
    assert user_tables.wells_files(section) == user_tables.wells_files(path) == [path]
    assert user_tables.wells_section(section) == {"wells": path, "controls": {}}


def test_nothing_hangs_on_to_the_table(tmp_path):
    assert user_tables.read(written(tmp_path, WELLS), "wells").attrs == {}


def test_further_columns_of_an_images_table_mean_nothing():
    frame = pd.DataFrame(
        {"plate": ["P1"], "Metadata_Plate": "x", "well": "A1", "Well": "?", "Site": "2", "emb_1": "", "DNA": "a"}
    )
    found = user_tables.check(frame, "images", "i.csv", ("DNA",))
    assert found.loc[0, ["plate", "well", "site"]].tolist() == ["P1", "A01", "2"]


def test_what_spreadsheets_make_of_barcodes_and_genes():
    with pytest.raises(InputError, match=r"(?s)'4.10321E\+11'.*row 2, column plate.*shortened a long number"):
        of(plate=["4.10321E+11"], well=["A1"])
    said = []
    of(said.append, treatment=["2-Sep", "x"], gene=["Mar-01", "MYC"])
    assert [line.split(" may be")[0] for line in said] == ["w.csv: '2-Sep' in treatment", "w.csv: 'Mar-01' in gene"]


def test_absent_values_are_empty_text():
    assert of(gene=[None, "a"])["gene"].tolist() == of(gene=[float("nan"), "a"])["gene"].tolist() == ["", "a"]
