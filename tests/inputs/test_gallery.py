"""A LoadData table of a public bucket becomes an images table of files that are yet to be copied."""

import pandas as pd
import pytest
from s3 import Server
from wellread.inputs import sources
from wellread.inputs.gallery import gallery, keys
from wellread.runtime.errors import InputError

BUCKET = "s3://cellpainting-gallery"
IMAGES = "cpg0016-jump/source_4/images/2021_04_26_Batch1/images"
TABLE = "cpg0016-jump/source_4/workspace/load_data_csv/{plate}/load_data.csv"
CHANNELS = ["DNA", "ER"]


def table(plate, start=BUCKET):
    """As those of the Gallery are, of two wells; no image of ER in the second."""
    wells = {"Metadata_Plate": plate, "Metadata_Well": ["A01", "A02"], "Metadata_Site": 1}
    folder = f"{start}/{IMAGES}/{plate} x/Images/"
    files = {f"FileName_Orig{c}": [f"r01c01-{c}.tiff", f"r01c02-{c}.tiff"] for c in CHANNELS}
    frame = pd.DataFrame(wells | files | {f"PathName_Orig{c}": folder for c in CHANNELS})
    frame.loc[1, "FileName_OrigER"] = ""
    return frame.to_csv(index=False).encode()


@pytest.fixture
def server():
    server = Server({TABLE.format(plate=plate): table(plate) for plate in ("P1", "P2")})
    yield server
    server.stop()


@pytest.fixture(autouse=True)
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def dataset(server, **options):
    options = {"path": f"{BUCKET}/{TABLE}", "plates": ["P1", "P2"], "endpoint": server.endpoint} | options
    return {"channels": CHANNELS, "images": {"gallery": options}}


def test_images_are_to_be_in_folders_of_their_plates(server):
    frame = sources.fields(dataset(server), "d")
    assert frame[["plate", "well", "site"]].values.tolist() == [
        [p, w, "1"] for p in ("P1", "P2") for w in ("A01", "A02")
    ]
    folder = "results/d/staged/P2"
    assert frame["DNA"][3] == f"{folder}/cellpainting-gallery/{IMAGES}/P2 x/Images/r01c02-DNA.tiff"
    assert frame["ER"][3] == ""
    paths = [*frame["DNA"], *frame["ER"], frame["DNA"][3]]
    names = ("r01c01-DNA.tiff", "r01c02-DNA.tiff", "r01c01-ER.tiff")
    assert keys(paths, folder, "cellpainting-gallery") == [f"{IMAGES}/P2 x/Images/{name}" for name in names]


def test_tables_are_fetched_once(server, tmp_path):
    said = []
    first = sources.fields(dataset(server), "d", said.append)
    assert len(server.asked) == sum("fetched" in line for line in said) == 2
    server.stop()
    pd.testing.assert_frame_equal(sources.fields(dataset(server), "d"), first)
    assert (tmp_path / "results/d/load_data" / TABLE.format(plate="P1")).read_bytes() == table("P1")


def test_paths_of_another_machine_are_replaced(server, tmp_path):
    (tmp_path / "t.csv").write_bytes(table("P1", "/home/ubuntu/bucket/projects"))
    replace = {"/home/ubuntu/bucket/projects": f"{BUCKET}/more/"}
    frame = sources.fields(dataset(server, path="t.csv", replace=replace), "d")
    assert frame["DNA"][0].startswith(f"results/d/staged/P1/cellpainting-gallery/more/{IMAGES}/P1 x/")
    with pytest.raises(
        InputError, match=r"(?s)such as /home/ubuntu.*replace: \{BEGINNING: s3://cellpainting-gallery\}"
    ):
        sources.fields(dataset(server, path="t.csv"), "d")
    assert server.asked == []


def test_a_table_that_is_not_there_is_named(server):
    with pytest.raises(InputError, match=r"(?s)a public object.*P3/load_data.csv.*datasets.d.images.gallery"):
        sources.fields(dataset(server, plates=["P3"]), "d")
    with pytest.raises(InputError, match=r"(?s)a table in s3://cellpainting-gallery.*s3://other"):
        sources.fields(dataset(server, path="s3://other/load_data.csv"), "d")


def test_paths_that_lead_out_of_their_folder_are_refused(server, tmp_path):
    (tmp_path / "t.csv").write_bytes(table("P1", f"{BUCKET}/../.."))
    with pytest.raises(InputError, match=r"paths without \.\."):
        sources.fields(dataset(server, path="t.csv"), "d")


@pytest.mark.dag
def test_a_server_that_is_not_there_is_named(server):
    server.stop()
    with pytest.raises(InputError, match=rf"an answer of {server.endpoint} within 0.5 s"):
        gallery(CHANNELS, "s", "here", path=f"{BUCKET}/{TABLE}", plates=["P1"], endpoint=server.endpoint, patience=0.5)
