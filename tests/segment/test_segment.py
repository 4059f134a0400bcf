"""What every segmenter's masks and table must be, and that processes change nothing."""

import numpy as np
import pandas as pd
import pytest
import tifffile
from truth import pooled_f1
from wellread.runtime import table_files
from wellread.segment.segment import segment

SECTION = {"otsu_watershed": {"nucleus": "DNA", "cell": "RNA"}}


def run(plate, folder, threads=1, section=SECTION, **changes):
    files = [str(plate / name) for name in ("fields.parquet", "calibration.npz")]
    outputs = {"masks": str(folder / "masks.tif"), "objects": str(folder / "objects.parquet")}
    segment(*files, outputs, section, threads, **changes)
    return tifffile.imread(folder / "masks.tif"), pd.read_parquet(folder / "objects.parquet")


def test_painted_cells_are_found(painted, plate):
    truth, found = tifffile.imread(painted[0] / "P1" / "truth.tif"), tifffile.imread(plate / "masks.tif")
    assert found.shape == truth.shape
    assert found.dtype == np.int32
    assert pooled_f1(truth[:, 0], found[:, 0]) >= 0.95
    assert pooled_f1(truth[:, 1], found[:, 1]) >= 0.9


def test_nuclei_and_cells_share_their_ids(plate):
    for nuclei, cells in tifffile.imread(plate / "masks.tif"):
        ids = np.unique(nuclei)
        assert ids.tolist() == list(range(len(ids)))
        assert ids.tolist() == np.unique(cells).tolist()
        assert (cells[nuclei > 0] == nuclei[nuclei > 0]).all()


def test_every_label_is_a_row(plate):
    objects = pd.read_parquet(plate / "objects.parquet")
    for field, (_, cells) in enumerate(tifffile.imread(plate / "masks.tif")):
        assert objects.loc[objects["field"] == field, "label"].tolist() == np.unique(cells)[1:].tolist()


@pytest.mark.dag
def test_what_is_rejected_is_a_table_of_its_own(plate, tmp_path, monkeypatch):
    monkeypatch.setattr("wellread.segment.nuclei.rejected", lambda labels, light, diameter: {1: "debris"})
    outputs = {kind: str(tmp_path / kind) for kind in ("masks", "objects", "rejected")}
    segment(*[str(plate / name) for name in ("fields.parquet", "calibration.npz")], outputs, SECTION)
    rejected, objects = (table_files.read(outputs[kind], kind) for kind in ("rejected", "objects"))
    before = pd.read_parquet(plate / "objects.parquet")
    assert set(rejected["reason"]) == {"debris"}
    assert list(rejected.columns.drop("reason")) == list(objects.columns)
    assert len(rejected) + len(objects) == len(before)


@pytest.mark.dag
def test_processes_do_not_change_the_files(plate, tmp_path):
    run(plate, tmp_path, threads=2)
    for name in ("masks.tif", "objects.parquet"):
        assert (tmp_path / name).read_bytes() == (plate / name).read_bytes()


@pytest.mark.dag
def test_bad_fields_have_no_cells(plate, tmp_path):
    fields = pd.read_parquet(plate / "fields.parquet")
    fields.loc[[0, 4], "status"] = "blank"
    table_files.write(fields, tmp_path / "fields.parquet", "fields")
    (tmp_path / "calibration.npz").write_bytes((plate / "calibration.npz").read_bytes())
    masks, objects = run(tmp_path, tmp_path)
    assert not masks[[0, 4]].any()
    assert set(objects["field"]) == set(range(12)) - {0, 4}


def test_a_plate_without_good_fields_has_masks_of_nothing(plate, tmp_path, caplog):
    fields = pd.read_parquet(plate / "fields.parquet").assign(status="blank")
    table_files.write(fields, tmp_path / "fields.parquet", "fields")
    (tmp_path / "calibration.npz").write_bytes((plate / "calibration.npz").read_bytes())
    masks, objects = run(tmp_path, tmp_path)
    assert masks.shape == (12, 2, 192, 192)
    assert len(objects) == masks.max() == 0


def test_fields_without_cells_are_logged(plate, tmp_path, caplog):
    empty = np.zeros((192, 192), np.int32)
    np.save(tmp_path / "none.npy", empty)
    _, objects = run(plate, tmp_path, section={"precomputed": {"nucleus": str(tmp_path / "none.npy")}})
    assert len(objects) == 0
    assert "12 good fields have none" in caplog.text
    assert "WARNING" in caplog.text
