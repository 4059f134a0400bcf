"""Results in other formats, run as a user runs them: what is written, and again only where something changed."""

import os
import subprocess
import sys
from pathlib import Path

import h5py
import numpy as np
import pandas as pd
import pytest
import tifffile
from flow import clone, planned, replace, snakemake, write_config
from wellread.painted.layout import layout

pytestmark = [pytest.mark.dag, pytest.mark.slow]
CONFIG = {
    "device": "cpu",
    "datasets": {
        "d": {
            "images": {"painted": {"plates": 1, "wells": 12, "fields": 1, "size": 160, "cells": 7.0}},
            "wells": "wells.csv",
            "channels": ["DNA", "RNA"],
            "pixel_size": 0.5,
            "crops": {"size": 40},
        },
        "ready": {"object": "profile"},
    },
    "models": {
        "bright": {"encoder": {"mean_intensity": {}}},
        "cp": {"encoder": {"given": {"files": "cp.csv"}}},
    },
    "corrections": {"none": [], "z": [{"zscore": {}}]},
    "tasks": {"activity": {"datasets": ["d"], "measure": {"average_precision": {"null_size": 50}}}},
    "export": {"csv": True, "h5ad": True, "ome_tiff": True},
}
PROGRAMS = ["anndata", "scanpy", "pycytominer", "copairs", "tifffile", "napari", "napari-tiff"]
CODE, MASKS = "workflow/wellread/export", "results/d/P1/masks"


@pytest.fixture(scope="module")
def done(tmp_path_factory):
    folder = clone(tmp_path_factory.mktemp("exports"))
    wells = {"Metadata_Plate": "P1", "Metadata_Well": [f"A{i:02d}" for i in range(1, 9)]}
    wells |= {"Metadata_treatment": ["DMSO"] * 4 + ["x"] * 4, "Metadata_control": ["negative"] * 4 + [""] * 4}
    numbers = {"Cells_Area": np.arange(8.0), "Nuclei_Area": np.arange(8.0) ** 2}
    pd.DataFrame(wells | numbers).to_csv(folder / "cp.csv", index=False)
    layout(plates=1, wells=12).to_csv(folder / "wells.csv", index=False)
    write_config(folder, CONFIG)
    snakemake(folder)
    return folder


def test_every_table_but_those_of_steps_is_a_csv_too(done):
    results = done / "results"
    tables = [path for path in results.rglob("*.parquet") if path.parent.name != "pooled" and path.stem != "crossed"]
    assert len(tables) > 20
    assert [path for path in tables if not path.with_suffix(".csv").is_file()] == []
    for path in tables:
        table, csv = pd.read_parquet(path), pd.read_csv(path.with_suffix(".csv"))
        assert (list(csv), len(csv)) == (list(table), len(table)), path


def test_datasets_have_a_page_together(done):
    page = (done / "results/overview.html").read_text()
    assert [name for name in CONFIG["datasets"] if f'href="reports/{name}.html"' in page] == ["d", "ready"]
    assert '<td class="name">activity<' in page


def test_profiles_are_anndata_too(done):
    profiles = done / "results" / "ready" / "profiles" / "cp" / "z"
    with h5py.File(profiles / "well.h5ad") as file:
        assert file["var/name/categories"].asstr()[:].tolist() == ["Cells_Area", "Nuclei_Area"]
        assert file["uns/correction"].asstr()[()] == "z"
        expected = pd.read_parquet(profiles / "well.parquet")[["emb_0000", "emb_0001"]]
        np.testing.assert_array_equal(file["X"][:], expected)


def test_cells_tell_which_crop_they_are(done):
    folder = done / "results" / "d"
    cells = pd.read_parquet(folder / "P1" / "cells.parquet")
    embeddings = np.load(folder / "P1" / "embeddings" / "bright.npy")
    with h5py.File(folder / "profiles/bright/none/cell.h5ad") as file:
        rows = file["obs/Metadata_crop_row"][:]
        np.testing.assert_array_equal(file["X"][:], embeddings[rows])
        names = file["obs/_index"].asstr()[:].tolist()
    places = cells.loc[rows].astype({"site": str})
    assert names == [f"P1_{r.well}_{r.site}_{row}" for row, r in zip(rows, places.itertuples(), strict=True)]


def test_masks_are_ome_tiff_too(done):
    plate = done / "results" / "d" / "P1"
    masks, fields = tifffile.imread(plate / "masks.tif"), pd.read_parquet(plate / "fields.parquet")
    assert masks.max() > 1
    for number, field in fields.iterrows():
        own = tifffile.imread(plate / "masks" / f"{field['well']}_{field['site']}.ome.tif")
        np.testing.assert_array_equal(own, masks[number])


CHANGES = {
    "nothing": (lambda f: None, set()),
    "formats that are no longer wanted": (
        lambda f: replace(f / "test.yaml", "csv: true\n  h5ad: true", "csv: false\n  h5ad: false"),
        set(),
    ),
    "a task": (
        lambda f: replace(f / "test.yaml", "null_size: 50", "null_size: 49"),
        {"measure", "alarms", "overview", "report", "to_csv"},
    ),
    "the code of a format": (
        lambda f: replace(f / CODE / "to_h5ad.py", "import h5py\n", "import h5py\n\nNEW = 1\n"),
        {"to_h5ad"},
    ),
    "files that were deleted": (lambda f: (f / MASKS).rename(f / "away"), {"to_ome_tiff P1"}),
}


@pytest.mark.parametrize("change", CHANGES)
def test_what_runs_again(done, change):
    kept = {name: (done / name).read_bytes() for name in ("test.yaml", f"{CODE}/to_h5ad.py")}
    edit, expected = CHANGES[change]
    edit(done)
    try:
        assert planned(done) == expected
    finally:
        for name, text in kept.items():
            (done / name).write_bytes(text)
        if (done / "away").exists():
            (done / "away").rename(done / MASKS)


def test_a_model_of_one_dataset_leaves_the_page_of_another_as_it_is(done):
    kept = (done / "test.yaml").read_bytes()
    replace(done / "test.yaml", "models:\n", "models:\n  more: {encoder: {mean_intensity: {}}, embed_on: [d]}\n")
    try:
        assert planned(done, "results/reports/ready.html") == set()
        assert {"embed P1", "report"} <= planned(done, "results/reports/d.html")
    finally:
        (done / "test.yaml").write_bytes(kept)


@pytest.fixture
def other_python(tmp_path):
    """A Python with other programs, whose newest versions want an older pandas; OTHER_PYTHON may name one."""
    if "OTHER_PYTHON" in os.environ:
        return os.environ["OTHER_PYTHON"]
    subprocess.run([sys.executable, "-m", "venv", tmp_path / "venv"], check=True)
    python = tmp_path / "venv" / "bin" / "python"
    install = [python, "-m", "pip", "install", "--quiet", "--no-compile", *PROGRAMS]
    if subprocess.run(install, capture_output=True).returncode:
        pytest.skip("the packages cannot be installed")
    return python


@pytest.mark.system
def test_exports_open_in_other_programs(done, other_python):
    words = [other_python, "-W", "ignore", Path(__file__).with_name("opened.py"), "results/d", "bright", "z"]
    run = subprocess.run(words, cwd=done, capture_output=True, text=True)
    assert run.returncode == 0, run.stderr
    assert run.stdout.count(": fine") == 5
