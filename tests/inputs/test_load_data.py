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
