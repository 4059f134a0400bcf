"""Real and painted plates as they come, each by a config of at most 12 lines without a regex."""

import numpy as np
import pandas as pd
import pytest
import tifffile
import yaml
import zarr
from paths import SHARED
from wellread.inputs import images
from wellread.painted import layout
from wellread.painted.paint import paint
from wellread.plan.dag import Plan

pytestmark = pytest.mark.dag

DATA = SHARED / "data"
LINES = 12
MODEL = "models: {random: {encoder: {random: {dim: 64, depth: 4, heads: 2, patch: 8, image: 128}}}}\n"
SEGMENT = "    segment: {otsu_watershed: {nucleus: DNA, cell: %s}}\n"
REAL = {
    "imagexpress": (
        """\
datasets:
  d:
    images:
      pattern:
        folder: DATA/faim_hcs_layouts/imagexpress_1334
        preset: imagexpress
        names: {w1: DNA, w2: ER, w3: RNA, w4: Mito}
    wells: wells.csv
    channels: [DNA, ER, RNA, Mito]
"""
        + SEGMENT % "ER",
        {"fields": 4, "plate": "imagexpress_1334", "wells": ["E07", "E08"], "shape": (512, 512)},
    ),
    "imagexpress_exported": (
        """\
datasets:
  d:
    images:
      pattern:
        folder: DATA/faim_hcs_layouts/imagexpress_exported_9987_Plate_3434
        preset: imagexpress
        names: {w1: DNA, w2: ER, w3: RNA}
    wells: wells.csv
    channels: [DNA, ER, RNA]
"""
        + SEGMENT % "ER",
        {"fields": 4, "plate": "imagexpress_exported_9987_Plate_3434", "wells": ["B02", "B03"], "shape": (256, 256)},
    ),
    "cv8000": (
        """\
datasets:
  d:
    images:
      pattern: {folder: DATA/faim_hcs_layouts/cv8000_minimal, preset: cv8000, names: {C01: DNA, C02: ER}}
    wells: wells.csv
    channels: [DNA, ER]
"""
        + SEGMENT % "ER",
        {
            "fields": 12,
            "plate": "CV8000-Minimal-DataSet-2C-3W-4S-FP2-stack",
            "wells": ["D08", "E03", "F08"],
            "shape": (2000, 2000),
        },
    ),
    "sbs_plate": (
        """\
datasets:
  d:
    images:
      pattern:
        folder: DATA/sbs_plate
        files: "Channel{channel}-*-{row}-{column}.tif"
        names: {"1": GFP, "2": DNA}
    wells: wells.csv
    channels: [GFP, DNA]
"""
        + SEGMENT % "GFP",
        {
            "fields": 48,
            "plate": "sbs_plate",
            "wells": [f"{r}{c:02d}" for r in "ABEF" for c in range(1, 13)],
            "shape": (640, 640),
        },
    ),
    "nf1_plate2": (
        """\
datasets:
  d:
    images:
      pattern:
        folder: DATA/cellpainting_fovs/nf1_plate2/Plate_2_images
        files: "{well}_01_*_{site}_{channel}_001.tif"
        names: {DAPI: DNA}
    wells: wells.csv
    channels: [DNA, GFP, RFP]
"""
        + SEGMENT % "RFP",
        {"fields": 5, "plate": "Plate_2_images", "wells": ["B07", "D06", "D07", "F07", "H12"], "shape": (904, 1224)},
    ),
    "bbbc036_cloome": (
        """\
datasets:
  d:
    images:
      pattern: {folder: DATA/cellpainting_fovs/bbbc036_cloome, files: "{channel}.tif", well: A01, names: {Hoechst: DNA}}
    wells: wells.csv
    channels: [DNA, ERSyto, ERSytoBleed, Ph_golgi, Mito]
"""
        + SEGMENT % "ERSyto",
        {"fields": 1, "plate": "bbbc036_cloome", "wells": ["A01"], "shape": (520, 696)},
    ),
}
CELLS = """\
datasets:
  d:
    images: {crops: {cells: DATA/mitocheck_cells/metadata.csv, path: file, plate: mitocheck}}
    channels: [H2B]
    object: crop
    crops: {size: 64}
"""


@pytest.fixture
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


def planned(text, plate, wells):
    """The plan of a config that lies in a folder with a wells table of some wells of a plate."""
    text = text.replace("DATA", str(DATA)) + (MODEL.replace("128", "64") if text == CELLS else MODEL)
    assert len(text.splitlines()) <= LINES
    assert "regex" not in text
    table = pd.DataFrame({"plate": plate, "well": wells, "treatment": "x", "control": ""})
    table.to_csv("wells.csv", index=False)
    return Plan.of(yaml.safe_load(text))


@pytest.mark.skipif(not DATA.is_dir(), reason="the data lie beside the project, or not at all")
@pytest.mark.parametrize("name", REAL)
def test_real_plates(here, name):
    text, expected = REAL[name]
    plan = planned(text, expected["plate"], expected["wells"])
    frame, channels = plan.images["d"], plan.config["datasets"]["d"]["channels"]
    assert plan.plates("d") == [expected["plate"]]
    assert sorted(set(frame["well"])) == expected["wells"]
    assert len(frame) == expected["fields"]
    assert (frame[channels] != "").all(axis=None)
    stack = images.read_stack(frame.loc[len(frame) - 1, channels].tolist(), expected["shape"])
    assert stack.shape == (len(channels), *expected["shape"])


@pytest.mark.skipif(not DATA.is_dir(), reason="the data lie beside the project, or not at all")
def test_real_cells_need_no_wells_table(here):
    plan = planned(CELLS, "mitocheck", [])
    frame, wells = plan.images["d"], plan.wells["d"]
    meta = pd.read_csv(DATA / "mitocheck_cells/metadata.csv", dtype=str)
    assert len(frame) == len(wells) == 1831
    joined = frame.merge(wells, on=["plate", "well"])
    assert joined["H2B"].tolist() == [str(DATA / "mitocheck_cells" / file) for file in meta["file"]]
    assert joined["phenotype"].tolist() == meta["phenotype"].tolist()
    assert joined["batch"].tolist() == meta["plate"].tolist()
    assert images.read(frame["H2B"][1830]).shape == (64, 64)


@pytest.fixture(scope="module")
def painted(tmp_path_factory):
    """Fields of a painted plate: (folder, images table, {(well, site): (C, H, W)})."""
    folder = tmp_path_factory.mktemp("painted")
    options = {"wells": 12, "fields": 2, "size": 96, "cells": 3}
    paint("P1", str(folder), **options)
    frame = layout.images(str(folder), plates=1, **options)
    stacks = {
        (row["well"], row["site"]): np.stack([tifffile.imread(row[c]) for c in layout.CHANNELS])
        for _, row in frame.iterrows()
    }
    return folder, frame, stacks


CHANNELS = "    channels: [Mito, DNA, RNA, ER, AGP]\n" + SEGMENT % "RNA"


def as_ome_tiff(folder, stacks):
    for (well, site), stack in stacks.items():
        metadata = {"axes": "CYX", "Channel": {"Name": list(layout.CHANNELS)}}
        tifffile.imwrite(folder / f"{well}_{site}.ome.tif", stack, ome=True, metadata=metadata)
    return '    images: {pattern: {folder: plate, files: "{well}_{site}.ome.tif", plate: P1}}\n'


def as_stacks_of_planes(folder, stacks):
    """Three planes of which the middle one is the field; the others are darker."""
    for (well, site), stack in stacks.items():
        for channel, plane in zip(layout.CHANNELS, stack, strict=True):
            for z, counts in enumerate([plane // 2, plane, plane // 3], 1):
                tifffile.imwrite(folder / f"{well}_s{site}_z{z}_{channel}.tif", counts)
    return '    images: {pattern: {folder: plate, files: "{well}_s{site}_z{z}_{channel}.tif", plate: P1}}\n'


def as_opera(folder, stacks):
    (folder / "P1__2020-Measurement 1/Images").mkdir(parents=True)
    for (well, site), stack in stacks.items():
        for number, plane in enumerate(stack, 1):
            name = f"r{ord(well[0]) - 64:02d}c{well[1:]}f{int(site):02d}p01-ch{number}sk1fk1fl1.tiff"
            tifffile.imwrite(folder / "P1__2020-Measurement 1/Images" / name, plane)
    names = ", ".join(f"ch{number}: {channel}" for number, channel in enumerate(layout.CHANNELS, 1))
    return f"    images: {{pattern: {{folder: plate, preset: opera, names: {{{names}}}}}}}\n"


def as_ome_zarr(folder, stacks):
    wells = sorted({well for well, _ in stacks})
    plate = zarr.open_group(folder / "P1.zarr", mode="w", zarr_format=2)
    plate.attrs["plate"] = {"wells": [{"path": f"{well[0]}/{well[1:]}"} for well in wells]}
    for well in wells:
        group = plate.require_group(f"{well[0]}/{well[1:]}")
        group.attrs["well"] = {"images": [{"path": site} for one, site in stacks if one == well]}
    for (well, site), stack in stacks.items():
        image = plate.require_group(f"{well[0]}/{well[1:]}/{site}")
        image.create_array("0", data=stack[:, None], chunks=(1, 1, 96, 96))
        axes = [{"name": name} for name in "czyx"]
        image.attrs["multiscales"] = [{"axes": axes, "datasets": [{"path": "0"}], "version": "0.4"}]
        image.attrs["omero"] = {"channels": [{"label": channel} for channel in layout.CHANNELS]}
    return "    images: {ome_zarr: {path: plate/P1.zarr}}\n"


@pytest.mark.parametrize("save", [as_ome_tiff, as_stacks_of_planes, as_opera, as_ome_zarr])
def test_a_painted_plate_saved_again_has_the_same_counts(here, painted, save):
    _, table, stacks = painted
    (here / "plate").mkdir()
    source = save(here / "plate", stacks)
    wells = sorted(set(table["well"]))
    plan = planned("datasets:\n  d:\n" + source + "    wells: wells.csv\n" + CHANNELS, "P1", wells)
    frame, channels = plan.images["d"], plan.config["datasets"]["d"]["channels"]
    assert frame[["plate", "well", "site"]].values.tolist() == table[["plate", "well", "site"]].values.tolist()
    for _, row in frame.iterrows():
        found = images.read_stack(row[channels].tolist(), (96, 96))
        order = [layout.CHANNELS.index(channel) for channel in channels]
        np.testing.assert_array_equal(found, stacks[row["well"], row["site"]][order])
