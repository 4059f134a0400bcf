"""Real images of seven layouts, through the workflow to their ledgers: every field and cell is accounted for."""

import contextlib
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import tifffile
from flow import clone, snakemake, write_config
from paths import SHARED
from wellread.inputs import sources
from wellread.profiles.ledger import check_ledger, is_kept

DATA = SHARED / "data"
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not DATA.exists(), reason="no images beside the repository in shared/data"),
]
FAIM, FOVS = DATA / "faim_hcs_layouts", DATA / "cellpainting_fovs"
NF1 = {"DAPI": "1", "GFP": "2", "RFP": "3"}  # channel: its number in the site of a file name


def sbs(folder):
    regex = r"Channel(?P<channel>[12])-\d+-(?P<row>[A-H])-(?P<column>\d\d)\.tif"
    pattern = {"folder": str(DATA / "sbs_plate"), "regex": regex, "names": {"1": "GFP", "2": "DNA"}, "plate": "SBS"}
    return {"images": {"pattern": pattern}, "channels": ["GFP", "DNA"], "segment": otsu("DNA", "GFP")}


def dsb(folder):
    """A plate per size of the fields, whatever their magnification."""
    images = pd.read_csv(DATA / "dsb2018_fluo" / "metadata.csv")
    rows = {"plate": [f"{h}x{w}" for h, w in zip(images["height"], images["width"], strict=True)]}
    rows |= {"well": images["image_id"].str[:16]}
    rows |= {"DNA": [str(DATA / "dsb2018_fluo" / "images" / file) for file in images["file"]]}
    return table(folder, "dsb", rows) | {"channels": ["DNA"], "segment": otsu("DNA")}


def mitocheck(folder):
    images = pd.read_csv(DATA / "mitocheck_cells" / "metadata.csv")
    rows = {"plate": "mitocheck", "well": images["plate"], "object": images.index.astype(str)}
    rows["H2B"] = [str(DATA / "mitocheck_cells" / file) for file in images["file"]]
    return table(folder, "mitocheck", rows) | {"channels": ["H2B"], "object": "crop", "crops": {"size": 64}}


def imagexpress(folder):
    regex = r"Projection-Mix_(?P<well>[A-Z]\d\d)_s(?P<site>\d)_w(?P<channel>[123])[0-9A-F-]{36}\.tif"
    pattern = {"folder": str(FAIM / "imagexpress_1334"), "regex": regex, "names": dict(zip("123", "ABC", strict=True))}
    return {"images": {"pattern": pattern}, "channels": ["A", "B", "C"], "segment": otsu("A", "B")}


def exported(folder):
    regex = r"TimePoint_1/ZStep_1/(?P<plate>\d+)_(?P<well>[A-Z]\d\d)_s(?P<site>\d)_w(?P<channel>[123])\.TIF"
    pattern = {"folder": str(FAIM / "imagexpress_exported_9987_Plate_3434"), "regex": regex}
    pattern["names"] = dict(zip("123", "ABC", strict=True))
    return {"images": {"pattern": pattern}, "channels": ["A", "B", "C"], "segment": otsu("A", "B")}


def cv8000(folder):
    """Every pixel of these is zero."""
    regex = r".*_(?P<well>[A-Z]\d\d)_T0001F(?P<site>\d{3})L01A0\dZ02C(?P<channel>\d\d)\.tif"
    pattern = {"folder": str(FAIM / "cv8000_minimal"), "regex": regex, "names": {"01": "A", "02": "B"}, "plate": "CV"}
    calibrate = {"max_failed_fields": 1.0}
    return {"images": {"pattern": pattern}, "channels": ["A", "B"], "calibrate": calibrate, "segment": otsu("A")}


def nf1(folder):
    return nf1_images(folder, "nf1") | {"segment": otsu("DAPI", "GFP")}


def nf1_given(folder):
    """The same fields with the nuclei of CellProfiler, masks without numbers."""
    masks = str(FOVS / "nf1_plate2" / "Plate_2_masks")
    given = {"nucleus": masks + "/{stem}_MaskNuclei.tiff", "kind": "binary", "reach": 12}
    return nf1_images(folder, "nf1_given") | {"segment": {"precomputed": given}}


def nf1_images(folder, name):
    home = FOVS / "nf1_plate2" / "Plate_2_images"
    files = {channel: sorted(map(str, home.glob(f"*_{channel}_*.tif"))) for channel in NF1}
    wells = [Path(path).name.split("_")[0] for path in files["DAPI"]]
    return table(folder, name, {"plate": "NF1", "well": wells, **files}) | {"channels": list(NF1)}


def cloome(folder):
    names = ["Hoechst", "ERSyto", "ERSytoBleed", "Ph_golgi", "Mito"]
    files = {name: str(FOVS / "bbbc036_cloome" / f"{name}.tif") for name in names}
    rows = {"plate": ["BBBC036"], "well": ["A01"], **files}
    return table(folder, "cloome", rows) | {"channels": names, "segment": otsu("Hoechst", "ERSytoBleed")}


def otsu(nucleus, cell=""):
    return {"otsu_watershed": {"nucleus": nucleus, "cell": cell}}


def table(folder, name, rows):
    pd.DataFrame(rows).to_csv(folder / f"{name}.csv", index=False)
    return {"images": {"table": {"path": f"{name}.csv"}}}


DATASETS = [sbs, dsb, mitocheck, imagexpress, exported, cv8000, nf1, nf1_given, cloome]
SCORED = {
    "nf1": FOVS / "nf1_plate2" / "Plate_2_masks" / "{stem}_MaskNuclei.tiff",
    "dsb": DATA / "dsb2018_fluo" / "labels" / "{stem}.png",
}


@pytest.fixture(scope="module")
def results(tmp_path_factory):
    """Every dataset as far as its ledger, with an encoder that knows nothing; nuclei scored where there is truth."""
    folder = clone(tmp_path_factory.mktemp("real"))
    datasets = {make.__name__: {"crops": {"size": 48}} | make(folder) for make in DATASETS}
    encoder = {"random": {"arch": "tiny", "dim": 32, "depth": 1, "heads": 2, "image": 32, "patch": 8}}
    config = {"device": "cpu", "datasets": datasets, "tasks": {}}
    config["models"] = {"random": {"encoder": encoder, "embed": {"view": 32}}}
    for name, truth in SCORED.items():
        cellprofiler = {"kind": "binary", "clear_border": True}  # which leaves out nuclei at the border
        measure = {"truth": str(truth)} | (cellprofiler if name == "nf1" else {})
        config["tasks"][name] = {"datasets": [name], "measure": {"segmentation": measure}}
    for name, dataset in datasets.items():
        dataset["wells"] = f"{name}_wells.csv"
        wells_of(folder, name, dataset).to_csv(folder / dataset["wells"], index=False)
    write_config(folder, config)
    ledgers = [f"results/{name}/ledger.parquet" for name in datasets]
    snakemake(folder, "--", *ledgers, *[f"results/{name}/tasks/{name}/masks.parquet" for name in SCORED])
    return folder / "results"


def wells_of(folder, name, dataset):
    """A wells table that knows every well of the images."""
    with contextlib.chdir(folder):
        rows = sources.fields(dataset, name)
    return rows[["plate", "well"]].drop_duplicates().assign(treatment="untreated", control="")


@pytest.mark.parametrize("name", [make.__name__ for make in DATASETS])
def test_the_ledger_adds_up(results, name):
    ledger = pd.read_parquet(results / name / "ledger.parquet")
    check_ledger(ledger)
    kept = ledger[is_kept(ledger["reason"])].groupby(["plate", "stage"])["n"].sum()
    for plate in kept.index.levels[0]:
        home = results / name / plate
        cells = pd.read_parquet(home / "cells.parquet")
        assert kept[plate, "crops"] == len(cells) == len(np.load(home / "crops.npy", mmap_mode="r"))
        if (home / "masks.tif").exists():
            masks = tifffile.imread(home / "masks.tif")
            cells = masks.reshape(-1, 2, *masks.shape[-2:])[:, 1]
            assert kept[plate, "objects"] == sum(len(np.unique(page[page > 0])) for page in cells)


COUNTS = {"sbs": 48, "dsb": 245, "mitocheck": 1831, "imagexpress": 4, "exported": 4, "cv8000": 12, "nf1": 5}
COUNTS["cloome"] = 1


@pytest.mark.parametrize(("name", "fields"), COUNTS.items())
def test_every_field_is_listed(results, name, fields):
    ledger = pd.read_parquet(results / name / "ledger.parquet")
    assert ledger.loc[ledger["stage"] == "images", "n"].sum() == fields


def test_all_black_images_have_no_cells_and_no_nan(results):
    ledger = pd.read_parquet(results / "cv8000" / "ledger.parquet").set_index(["stage", "reason"])["n"]
    assert ledger["fields", "blank"] == 12
    assert ledger["objects", "kept"] == ledger["crops", "kept"] == 0
    assert np.load(results / "cv8000" / "CV" / "embeddings" / "random.npy").shape == (0, 32)


@pytest.mark.parametrize("name", ["sbs", "imagexpress", "nf1", "cloome"])
def test_crops_are_neither_black_nor_white(results, name):
    for path in (results / name).glob("*/crops.npy"):
        mean = np.load(path).mean(axis=(0, 2, 3))
        assert ((mean > 5) & (mean < 200)).all()


def overall(results, name):
    frame = pd.read_parquet(results / name / "tasks" / name / "masks.parquet")
    return frame[frame["item"] == ""].set_index("metric")["value"]


def test_nuclei_of_nf1_are_those_of_cellprofiler(results):
    told = overall(results, "nf1")
    assert told["found"] == pytest.approx(told["true"], rel=0.1)
    assert told["mean_iou"] > 0.85


def test_nuclei_of_many_magnifications_are_found(results):
    told = overall(results, "dsb")
    assert told["f1_0.50"] >= 0.86
    assert told["f1_0.50_mean"] >= 0.88


def test_given_masks_are_taken_as_they_are(results):
    own = pd.read_parquet(results / "nf1_given" / "NF1" / "objects.parquet")
    assert own.groupby("field").size().between(23, 29).all()
