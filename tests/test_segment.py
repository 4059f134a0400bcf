"""Masks against painted truth, and fields in which there is nothing to find."""

import numpy as np
import pytest
import tifffile
from truth import pooled_f1
from wellread.segment import SEGMENTERS, _typical_diameter, segment

SECTION = {"otsu_watershed": {"nucleus": "DNA", "cell": "RNA"}}


def test_painted_cells_are_found(painted, plate):
    truth, found = tifffile.imread(painted[0] / "P1" / "truth.tif"), tifffile.imread(plate / "masks.tif")
    assert found.shape == truth.shape
    assert found.dtype == np.int32
    assert pooled_f1(truth[:, 0], found[:, 0]) >= 0.9
    assert pooled_f1(truth[:, 1], found[:, 1]) >= 0.85


def test_nuclei_and_cells_share_their_ids(plate):
    for nuclei, cells in tifffile.imread(plate / "masks.tif"):
        ids = np.unique(nuclei)
        assert ids.tolist() == list(range(len(ids)))
        assert ids.tolist() == np.unique(cells).tolist()
        assert (cells[nuclei > 0] == nuclei[nuclei > 0]).all()


def test_processes_do_not_change_the_file(plate, tmp_path):
    files = str(plate / "fields.parquet"), str(plate / "calibration.npz")
    segment(*files, str(tmp_path / "masks.tif"), SECTION, threads=2)
    assert (tmp_path / "masks.tif").read_bytes() == (plate / "masks.tif").read_bytes()


@pytest.mark.parametrize("value", [0.0, 0.4, 1.0])
@pytest.mark.parametrize("cell", ["RNA", ""])
def test_an_even_field_has_no_cells(value, cell):
    field = {"DNA": np.full((64, 64), value, np.float32), "RNA": np.full((64, 64), value, np.float32)}
    nuclei, cells = SEGMENTERS["otsu_watershed"]([field], nucleus="DNA", cell=cell)(field)
    assert nuclei.max() == cells.max() == 0


@pytest.mark.parametrize("counts", [5, 60, 3000])
@pytest.mark.parametrize("cell", ["RNA", ""])
def test_noise_has_no_cells(counts, cell):
    noise = np.random.default_rng(0).poisson(counts, (2, 200, 200)).astype(np.float32)
    dna, rna = (noise - noise.min()) / (noise.max() - noise.min())
    nuclei, cells = SEGMENTERS["otsu_watershed"]([], nucleus="DNA", cell=cell, diameter=16)({"DNA": dna, "RNA": rna})
    assert nuclei.max() == cells.max() == 0


@pytest.mark.parametrize("scale", [1, 2, 4])
def test_the_size_of_nuclei_is_estimated_from_the_plate(scale):
    y, x = np.mgrid[: 100 * scale, : 100 * scale] / scale
    centres = [(20, 20), (20, 70), (60, 30), (75, 75)]
    plane = sum(np.exp(-(np.maximum(np.hypot(y - a, x - b) - 7, 0) ** 2)) for a, b in centres).astype(np.float32)
    plane[0, 0] = 1  # a speck counts for nothing
    assert _typical_diameter([plane]) == pytest.approx(16 * scale, rel=0.1)


def test_touching_nuclei_are_parted():
    y, x = np.mgrid[:60, :60]
    plane = ((np.hypot(y - 30, x - 22) < 9) | (np.hypot(y - 30, x - 37) < 9)).astype(np.float32)
    nuclei, _ = SEGMENTERS["otsu_watershed"]([], nucleus="DNA", diameter=18)({"DNA": plane})
    assert nuclei.max() == 2
