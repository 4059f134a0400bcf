"""A config for a folder of images: what is guessed of names, channels, plates, and that a plan can be made of it."""

from itertools import product

import numpy as np
import pandas as pd
import pytest
import tifffile
import yaml
from paths import SHARED
from wellread.plan.dag import Plan
from wellread.preview import draft, labels, names
from wellread.runtime.errors import InputError

DATA = SHARED / "data"


def each(form):
    """Names of that form of two of everything: {p}, wells {w}, channels {c}."""
    values = product((1, 2), ("A01", "A02", "B01"), ("DAPI", "ER"))
    return sorted({form.format(p=p, w=w, c=c) for p, w, c in values})


@pytest.mark.parametrize(
    ("files", "glob", "channels"),
    [
        (["B2_1_DNA.tif", "B2_2_DNA.tif", "B2_1_ER.tif", "B2_2_ER.tif"], "{well}_{site}_{channel}.*", ["DNA", "ER"]),
        (["P1/a1-w1.png", "P1/a1-w2.png", "P2/a1-w1.png", "P2/a1-w2.png"], "{plate}/{well}-{channel}.*", ["w1", "w2"]),
        (["Channel1-01-A-01.tif", "Channel2-01-A-01.tif", "Channel1-14-B-02.tif", "Channel2-14-B-02.tif"],
         "{channel}-*-{row}-{column}.*", ["Channel1", "Channel2"]),
        (["x/run_A01.tif", "x/run_A02.tif"], "x/run_{well}.*", []),
        (["one.tif", "two.tif"], "", []),
        (each("P{p}_{w}_s1_{c}.tif"), "{plate}_{well}_s1_{channel}.*", ["DAPI", "ER"]),
        (each("{w}_s1_z{p}_{c}.tif"), "{well}_s1_z{z}_{channel}.*", ["DAPI", "ER"]),
        (each("{w}_t0{p}_s1_{c}.tif"), "{well}_t{t}_s1_{channel}.*", ["DAPI", "ER"]),
        (each("P{p}/{w}/s1_{c}.tif"), "{plate}/{well}/s1_{channel}.*", ["DAPI", "ER"]),
        (each("{w}/field{p}_{c}.tif"), "{well}/{site}_{channel}.*", ["DAPI", "ER"]),
        (each("P{p}/{c}/{w}_s1.tif"), "{plate}/{channel}/{well}_s1.*", ["DAPI", "ER"]),
        (each("exp{p}/Images/{w} {c}.TIF"), "{plate}/Images/{well} {channel}.*", ["DAPI", "ER"]),
        (each("img{p}_{c}.tif"), "{well}_{channel}.*", ["DAPI", "ER"]),
        (["exp3_A01_d0.tif", "exp3_B01_d0.tif", "exp3_A01_d1.tif", "exp3_B01_d1.tif"], "exp3_{well}_{channel}.*",
         ["d0", "d1"]),
        (["A1_DAPI.tif", "AA01_DAPI.tif", "P24_DAPI.tif"], "{well}_{channel}.*", ["DAPI"]),
    ],
)  # fmt: skip
def test_names_of_files_become_a_glob(files, glob, channels):
    assert names.glob_of(files) == (glob, channels)


def screen(folder, plates=("P1",), wells=("A01", "A02", "B01"), channels=("Hoechst", "ConA")):
    """A folder of small images with names that say all; the first channel has spots of one size."""
    rng = np.random.default_rng(0)
    for plate in plates:
        (folder / plate).mkdir(parents=True)
        for well in wells:
            for channel in channels:
                plane = rng.integers(90, 110, (64, 64)).astype(np.uint16)
                tifffile.imwrite(folder / plate / f"{well}_1_{channel}.tif", plane)
    return folder


def made(folder, tmp_path):
    lines = draft.draft(str(folder), tmp_path / "config")
    path = next((tmp_path / "config").glob("*.yaml"))
    return yaml.safe_load(path.read_text()), lines


def test_a_folder_becomes_a_config_that_can_be_planned_and_a_wells_table(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    config, lines = made(screen(tmp_path / "my screen", ("P1", "P2")), tmp_path)
    plan = Plan.of(config)
    assert plan.plates("my-screen") == ["P1", "P2"]
    assert config["datasets"]["my-screen"]["segment"]["otsu_watershed"] == {"nucleus": "Hoechst", "cell": "ConA"}
    wells = pd.read_csv(tmp_path / "config" / "my-screen_wells.csv", keep_default_na=False)
    assert list(wells) == ["plate", "well", "treatment", "control"]
    assert len(wells) == 6
    assert "  2 plates (P1, P2), 6 wells, 6 fields" in lines
    assert lines[-1].startswith("Then: make preview CONFIG=")


def test_nothing_is_written_over(tmp_path):
    folder = screen(tmp_path / "s")
    made(folder, tmp_path)
    with pytest.raises(InputError, match="written over"):
        draft.draft(str(folder), tmp_path / "config")


def test_a_wells_table_that_is_filled_is_to_be_looked_over(tmp_path):
    folder = screen(tmp_path / "s")
    table = pd.DataFrame({"well": ["A01", "A02", "B01"], "treatment": ["DMSO", "x", "x"], "control": ["", "", ""]})
    remarks = ("FILL IN the column control; other columns are those of map.csv", "as map.csv says; look over treatment")
    told = ("Fill in {}: control of every well.", "Look over {}: treatment and control are as map.csv says.")
    for control, words, remark in zip(("", "negative"), told, remarks, strict=True):
        table.assign(control=[control, "", ""]).to_csv(folder / "map.csv", index=False)
        out = tmp_path / f"config{control}"
        assert draft.draft(str(folder), out)[-2] == words.format(out / "s_wells.csv")
        (line,) = [line for line in (out / "s.yaml").read_text().splitlines() if line.startswith("    wells:")]
        assert line.partition(" # ")[2].startswith(remark)


def test_a_draft_tells_nobody_to_copy_it_and_names_itself(tmp_path):
    made(screen(tmp_path / "s"), tmp_path)
    text = (tmp_path / "config" / "s.yaml").read_text()
    assert "make preview CONFIG=config/s.yaml" in text
    assert "copy" not in text
    assert "mine" not in text
    assert "FILL IN the columns treatment and control (control" in text
    assert {"activity", "replicates"} == set(yaml.safe_load(text)["tasks"])


CELLS = {"plate": ["P"] * 40, "file": [f"{i}.png" for i in range(40)]}


@pytest.mark.parametrize(
    ("labels", "tasks"),
    [
        ({"kind": ["a", "b"] * 20}, {"replicates": {"knn": {"label": "kind"}}}),
        ({}, {}),
        ({"treatment": ["a", "b"] * 20}, {"activity": {"average_precision": {}},
                                         "replicates": {"knn": {"label": "treatment"}}}),
    ],
)  # fmt: skip
def test_ready_crops_are_asked_what_their_labels_can_answer(labels, tasks, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "s").mkdir()
    for name in CELLS["file"]:
        tifffile.imwrite(tmp_path / "s" / name, np.arange(4096, dtype=np.uint16).reshape(64, 64))
    pd.DataFrame(CELLS | labels).to_csv(tmp_path / "s" / "cells.csv", index=False)
    config, _ = made(tmp_path / "s", tmp_path)
    assert {name: task["measure"] for name, task in (config["tasks"] or {}).items()} == tasks
    notes = "".join(Plan.of(config).notes)
    assert ("undecidable" in notes) == ("treatment" in labels)


def test_what_is_taken_of_planes_stands_in_the_config(tmp_path):
    folder = screen(tmp_path / "s", channels=("z1_Hoechst", "z2_Hoechst", "z3_Hoechst"))
    _, lines = made(folder, tmp_path)
    words = "taken of z-planes: the maximum of 3 planes (3 images)"
    assert [words in line for line in lines].count(True) == 1
    assert f"      # images.pattern.z: {words}" in (tmp_path / "config" / "s.yaml").read_text()


def test_where_nothing_looks_like_nuclei_the_first_channel_is_taken_and_told(tmp_path):
    (tmp_path / "s").mkdir()
    for channel in "12":
        tifffile.imwrite(tmp_path / "s" / f"A01_w{channel}.tif", np.zeros((64, 64), np.uint16))
    _, lines = made(tmp_path / "s", tmp_path)
    assert "  channels w1, w2; w1 is taken to show nuclei (the first one, as none looks like nuclei)" in lines
    assert "  1 plate (s), 1 well, 1 field" in lines


def test_labels_beside_the_images_are_taken_into_the_wells_table(tmp_path):
    folder = screen(tmp_path / "s")
    table = pd.DataFrame({"Well": ["a1", "A02", "B1"], "treatment": ["DMSO", "x", "x"], "file": ["a.tif"] * 3})
    table.to_csv(folder / "map.csv", index=False)
    wells, source = labels.labels(str(folder), pd.DataFrame({"plate": "P1", "well": ["A01", "A02", "B01"]}))
    assert source == "map.csv"
    assert wells["treatment"].tolist() == ["DMSO", "x", "x"]
    assert "file" not in wells


@pytest.mark.parametrize(
    ("files", "found"),
    [
        ({}, "an empty folder"),
        ({"notes.txt": b"hello"}, "1 file, such as notes.txt"),
        ({"A01.tif": b"no"}, "A01.tif"),
        ({"A01.tif.gz": b"no"}, "gunzip"),
        ({"A01.czi": b"no"}, "OME-TIFF"),
    ],
    ids=str,
)
def test_a_folder_without_images_is_refused(tmp_path, files, found):
    (tmp_path / "s").mkdir()
    for name, content in files.items():
        (tmp_path / "s" / name).write_bytes(content)
    with pytest.raises(InputError, match=found):
        draft.draft(str(tmp_path / "s"), tmp_path / "config")


def test_the_first_file_may_be_damaged_and_other_folders_and_masks_be_there(tmp_path):
    folder = screen(tmp_path / "s")
    (folder / "P1" / "A01_1_ConA.tif").write_bytes(b"")
    (folder / "P1" / "@eaDir").mkdir()
    (folder / "P1" / "@eaDir" / "A01_1_ConA.tif").write_bytes(b"of a disk")
    for well in ("A01", "A02", "B01"):
        tifffile.imwrite(folder / "P1" / f"{well}_1_Hoechst_mask.tif", np.zeros((64, 64), np.uint8))
    config, lines = made(folder, tmp_path)
    (dataset,) = config["datasets"].values()
    assert dataset["images"]["pattern"]["files"] == "P1/{well}_1_{channel}.*"
    assert dataset["channels"] == ["ConA", "Hoechst"]
    assert any("ConA.tif: empty" in line for line in lines)
    assert "  left out as masks: 3 files" in lines


@pytest.mark.parametrize("grey", [True, False])
def test_colours_of_a_picture_are_channels_unless_it_is_grey(grey, tmp_path):
    rng = np.random.default_rng(0)
    (tmp_path / "s").mkdir()
    for well in ("A01", "A02"):
        planes = rng.integers(0, 255, (3, 64, 64), np.uint8)
        image = np.stack([planes[0] if grey else plane for plane in planes], axis=-1)
        tifffile.imwrite(tmp_path / "s" / f"{well}.tif", image, photometric="rgb")
    config, _ = made(tmp_path / "s", tmp_path)
    (dataset,) = config["datasets"].values()
    assert dataset["channels"] == (["DNA"] if grey else ["red", "green", "blue"])
    assert dataset["images"]["pattern"]["rgb"] == ({"DNA": "red"} if grey else {c: c for c in dataset["channels"]})


@pytest.mark.parametrize("count", [1, 9])
def test_a_folder_of_several_kinds_is_refused_with_the_folders_named(count, tmp_path):
    folder = screen(tmp_path / "s", plates=("one",))
    plane = np.arange(4096, dtype=np.uint16).reshape(64, 64)
    for name in ("a_w1", *(f"r01c01f0{site}p01-ch1sk1fk1fl1" for site in range(1, count + 1))):
        (folder / "other").mkdir(exist_ok=True)
        tifffile.imwrite(folder / "other" / f"{name}.tiff", plane)
    (folder / "third").mkdir()
    for site in range(count):
        tifffile.imwrite(folder / "third" / f"P_A01_s{site}_w1.tif", plane)
    with pytest.raises(InputError, match=r"one as .*_1_\{channel\}"):
        draft.draft(str(folder), tmp_path / "config")


def test_of_several_times_the_first_is_taken(tmp_path):
    folder = screen(tmp_path / "s", channels=("t03_Hoechst", "t04_Hoechst"))
    config, _ = made(folder, tmp_path)
    (dataset,) = config["datasets"].values()
    assert dataset["images"]["pattern"]["time"] == 3


def test_a_folder_that_is_not_there_is_refused(tmp_path):
    with pytest.raises(InputError, match="no folder at"):
        draft.draft(str(tmp_path / "none"), tmp_path / "config")


def test_the_channel_of_nuclei_is_found_by_its_looks_where_names_say_nothing(painted, tmp_path):
    folder, rows = painted
    for row in rows.itertuples():
        for number, channel in enumerate(("Mito", "DNA"), 1):
            to = tmp_path / "s" / f"{row.well}_{row.site}_w{number}.tif"
            to.parent.mkdir(exist_ok=True)
            to.write_bytes((folder / getattr(row, channel)).read_bytes())
    config, _ = made(tmp_path / "s", tmp_path)
    (dataset,) = config["datasets"].values()
    assert dataset["segment"]["otsu_watershed"] == {"nucleus": "w2"}


REAL = {  # folder: plates, wells, fields, channels, pixel size, channel of nuclei
    "sbs_plate": (1, 48, 48, ["Channel1", "Channel2"], 0, "Channel2"),
    "dsb2018_hard": (3, 3, 3, ["DNA"], 0, "DNA"),
    "mitocheck_cells": (41, 1831, 1831, ["DNA"], 0, ""),
    "faim_hcs_layouts/imagexpress_1334": (1, 2, 4, ["w1", "w2", "w3", "w4"], 1.367, "w1"),
    "faim_hcs_layouts/imagexpress_exported_9987_Plate_3434": (1, 2, 4, ["DAPI", "FITC", "Texas Red"], 1.367, "DAPI"),
    "cellpainting_fovs/nf1_plate2": (1, 5, 5, ["DAPI", "GFP", "RFP"], 0, "DAPI"),
    "cellpainting_fovs/bbbc036_cloome": (
        1, 1, 1, ["ERSyto", "ERSytoBleed", "Hoechst", "Mito", "Ph_golgi"], 0, "Hoechst",
    ),
}  # fmt: skip


@pytest.mark.dag
@pytest.mark.skipif(not DATA.exists(), reason="no images beside the repository in shared/data")
@pytest.mark.parametrize("folder", REAL)
def test_real_folders_are_guessed_and_can_be_planned(folder, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    config, _ = made(DATA / folder, tmp_path)
    plan, ((name, dataset),) = Plan.of(config), config["datasets"].items()
    images = plan.images[name]
    nucleus = dataset.get("segment", {}).get("otsu_watershed", {}).get("nucleus", "")
    counts = len(plan.plates(name)), len(images[["plate", "well"]].drop_duplicates()), len(images)
    assert (*counts, dataset["channels"], dataset["pixel_size"], nucleus) == REAL[folder]
