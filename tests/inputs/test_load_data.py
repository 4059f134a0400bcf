"""LoadData tables of CellProfiler and the Cell Painting Gallery become images tables."""

import pandas as pd
import pytest
from wellread.inputs import sources
from wellread.inputs.load_data import load_data
from wellread.runtime.errors import InputError

BUCKET = "/home/ubuntu/bucket/cpg0016/images"
TABLE = pd.DataFrame(
    {
        "Metadata_Plate": ["BR1", "BR1"],
        "Metadata_Well": ["A01", "b2"],
        "Metadata_Site": ["1", "2"],
        "FileName_OrigDNA": ["r01c01f01p01-ch5.tiff", ""],
        "PathName_OrigDNA": [f"{BUCKET}/BR1 a", f"{BUCKET}/BR1 a"],
        "URL_OrigER": ["file:///data/with%20space/er.tiff", "file:/data/er2.tiff"],
        "FileName_IllumDNA": ["BR1_IllumDNA.npy"] * 2,
    }
)


@pytest.fixture(params=["csv", "csv.gz", "parquet"])
def path(request, tmp_path):
    path = tmp_path / f"load_data.{request.param}"
    TABLE.to_parquet(path) if request.param == "parquet" else TABLE.to_csv(path, index=False)
    return str(path)


def test_files_and_urls_become_paths(path):
    frame = load_data(["DNA", "ER"], "", "here", path=path, replace={"/home/ubuntu/bucket": "/data/"})
    assert frame.columns.tolist() == ["plate", "well", "site", "DNA", "ER"]
    assert frame["DNA"].tolist() == ["/data/cpg0016/images/BR1 a/r01c01f01p01-ch5.tiff", ""]
    assert frame["ER"].tolist() == ["/data/with space/er.tiff", "/data/er2.tiff"]


def test_a_config_names_it_and_wells_are_spelt_alike(path):
    dataset = {"channels": ["nuclei"], "images": {"load_data": {"path": path, "names": {"nuclei": "DNA"}}}}
    assert sources.fields(dataset, "d")["well"].tolist() == ["A01", "B02"]


def test_only_whole_folders_are_replaced(path):
    frame = load_data(["DNA"], "", "here", path=path, replace={"/home/ubuntu/buck": "/no", BUCKET: "/yes"})
    assert frame["DNA"].iloc[0] == "/yes/BR1 a/r01c01f01p01-ch5.tiff"


def test_what_is_not_there_is_named(path, tmp_path):
    with pytest.raises(InputError, match=r"FileName_OrigMito.*\n.*DNA"):
        load_data(["Mito"], "", "here", path=path)
    with pytest.raises(InputError, match="no file at"):
        load_data(["DNA"], "", "here", path=str(tmp_path / "none.csv"))
    TABLE.drop(columns="Metadata_Well").to_csv(tmp_path / "wells.csv", index=False)
    with pytest.raises(InputError, match="Metadata_Well"):
        load_data(["DNA"], "", "here", path=str(tmp_path / "wells.csv"))


def test_images_on_a_server_are_refused(tmp_path):
    TABLE.assign(URL_OrigER="s3://cellpainting-gallery/er.tiff").to_csv(tmp_path / "t.csv", index=False)
    with pytest.raises(InputError, match="download"):
        load_data(["ER"], "", "here", path=str(tmp_path / "t.csv"))


def written(tmp_path, **columns):
    pd.DataFrame(columns).to_csv(tmp_path / "t.csv", index=False)
    return str(tmp_path / "t.csv")


def jump(suffix, **more):
    """As load_data_with_illum.parquet of cpg0016 has it."""
    bucket = "s3://cellpainting-gallery/cpg0016-jump/source_4/images/2021_04_26_Batch1"
    return pd.DataFrame(
        {
            "Metadata_Source": "source_4",
            "Metadata_Batch": "2021_04_26_Batch1",
            "Metadata_Plate": "BR00117035",
            "Metadata_Well": ["A01", "A02"],
            "Metadata_Site": [1, 2],
            "FileName_IllumDNA": "BR00117035_IllumDNA.npy",
            "PathName_IllumDNA": f"{bucket}/illum/BR00117035/",
            "FileName_OrigDNA": ["r01c01f01p01-ch5sk1fk1fl1.tiff", "r01c02f02p01-ch5sk1fk1fl1.tiff"],
            "PathName_OrigDNA": f"{bucket}/images/BR00117035__2021-05-02T16_02_51-Measurement1/Images/",
        }
        | more
    )


def test_tables_of_jump_have_paths_in_a_bucket(tmp_path, caplog):
    jump("parquet").to_parquet(tmp_path / "t.parquet")
    options = {"path": str(tmp_path / "t.parquet"), "replace": {"s3://cellpainting-gallery/": "/data"}}
    frame = load_data(["DNA"], "", "here", **options)
    assert frame[["plate", "well", "site"]].values.tolist() == [["BR00117035", "A01", "1"], ["BR00117035", "A02", "2"]]
    assert frame["DNA"][0] == (
        "/data/cpg0016-jump/source_4/images/2021_04_26_Batch1/images/BR00117035__2021-05-02T16_02_51-Measurement1/Images/"
        "r01c01f01p01-ch5sk1fk1fl1.tiff"
    )
    with pytest.raises(InputError, match=r"replace: \{s3://cellpainting-gallery: FOLDER\}"):
        load_data(["DNA"], "", "here", path=options["path"])


def test_rows_and_columns_as_numbers_are_wells(tmp_path):
    numbers = {"Metadata_Plate": "P", "Metadata_Row": [2, 27], "Metadata_Col": [3, 11], "Metadata_FieldID": [1, 4]}
    path = written(tmp_path, **numbers, FileName_OrigDNA=["a", "b"], PathName_OrigDNA="x")
    frame = load_data(["DNA"], "", "here", path=path)
    assert frame[["well", "site", "DNA"]].values.tolist() == [["B03", "1", "x/a"], ["AA11", "4", "x/b"]]


def test_numbers_with_gaps_are_whole_numbers(tmp_path):
    jump("parquet", Metadata_Site=[1.0, 2.0], FileName_OrigDNA=["a", None]).to_parquet(tmp_path / "t.parquet")
    options = {"path": str(tmp_path / "t.parquet"), "replace": {"s3://cellpainting-gallery": "/d"}}
    frame = load_data(["DNA"], "", "here", **options)
    assert frame["site"].tolist() == ["1", "2"]
    assert frame["DNA"][1] == ""


def test_the_table_of_bbbc021(tmp_path):
    path = written(
        tmp_path,
        TableNumber=4,
        ImageNumber=[233, 234],
        Image_FileName_DAPI=["G10_s1_w1.tif", "G10_s2_w1.tif"],
        Image_PathName_DAPI="Week4/Week4_27481",
        Image_Metadata_Plate_DAPI="Week4_27481",
        Image_Metadata_Well_DAPI="G10",
    )
    frame = load_data(
        ["DNA"], "", "here", path=path, names={"DNA": "DAPI"}, root="bbbc021", replace={"Week4": "images"}
    )
    assert frame.values.tolist() == [
        ["Week4_27481", "G10", "1", "bbbc021/images/Week4_27481/G10_s1_w1.tif"],
        ["Week4_27481", "G10", "2", "bbbc021/images/Week4_27481/G10_s2_w1.tif"],
    ]


def test_the_tables_of_all_plates(tmp_path):
    for plate in ("P2", "P1"):
        (tmp_path / plate).mkdir()
        jump("csv", Metadata_Plate=plate).to_csv(tmp_path / plate / "load_data.csv", index=False)
    options = {"replace": {"s3://cellpainting-gallery": "/d"}}
    frame = load_data(["DNA"], "", "here", path=f"{tmp_path}/*/load_data.csv", **options)
    assert frame[["plate", "well"]].values.tolist() == [["P1", "A01"], ["P1", "A02"], ["P2", "A01"], ["P2", "A02"]]
    with pytest.raises(InputError, match=r"no file fits .*\*/load.csv"):
        load_data(["DNA"], "", "here", path=f"{tmp_path}/*/load.csv")
