"""Ready-made crops: tables of cells, stacks, strips, and the wells that they make."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import tifffile
from PIL import Image
from wellread.inputs import images, sources
from wellread.runtime.errors import InputError

CELLS = pd.DataFrame(
    {
        "file": ["a.png", "b.png", "sub/c.png"],
        "gene": ["x", "y", "x"],
        "plate": ["L 1", "L 1", "L2"],
        "frame": [1, 2, 3],
    }
)


@pytest.fixture
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


def dataset(cells, channels=("DNA",), suffix="csv", **options):
    path = f"cells.{suffix}"
    cells.to_parquet(path) if suffix == "parquet" else cells.to_csv(
        path, index=False, sep="\t" if suffix == "tsv" else ","
    )
    defaults = {"path": "file", "item": "item", "plate": "plate", "well": "well", "site": "site"}
    return {"images": {"crops": {"cells": path} | defaults | options}, "channels": list(channels), "wells": ""}


def stack(name, *shape):
    np.save(name, np.zeros(shape, np.uint8))


def pictures():
    for name in CELLS["file"]:
        Path(name).parent.mkdir(exist_ok=True)
        Image.new("L", (8, 8)).save(name)


@pytest.mark.parametrize("suffix", ["csv", "tsv", "parquet"])
def test_every_cell_is_a_well_of_its_own(here, suffix):
    pictures()
    section = dataset(CELLS, suffix=suffix)
    frame = sources.fields(section, "d")
    assert frame[["plate", "well", "site", "object", "DNA"]].values.tolist() == [
        ["L2", "cell0003", "1", "1", "sub/c.png"],
        ["L_1", "cell0001", "1", "1", "a.png"],
        ["L_1", "cell0002", "1", "1", "b.png"],
    ]  # fmt: skip
    assert sources.wells(section, "d") == "results/d/wells.csv"
    wells = pd.read_csv("results/d/wells.csv", dtype=str, keep_default_na=False)
    assert wells[["plate", "well", "gene", "frame", "treatment", "control"]].values.tolist() == [
        ["L_1", "cell0001", "x", "1", "", ""],
        ["L_1", "cell0002", "y", "2", "", ""],
        ["L2", "cell0003", "x", "3", "", ""],
    ]  # fmt: skip
    assert "file" not in wells


def test_columns_that_make_wells_keep_the_labels_that_a_well_shares(here):
    pictures()
    section = dataset(CELLS, well=["gene"], plate="screen")
    assert sources.fields(section, "d")[["plate", "well", "object"]].values.tolist() == [
        ["screen", "x", "1"], ["screen", "x", "2"], ["screen", "y", "1"],
    ]  # fmt: skip
    wells = pd.read_csv(sources.wells(section, "d"))
    assert wells["well"].tolist() == ["x", "y"]
    assert wells["gene"].tolist() == ["x", "y"]
    assert not {"frame", "batch"} & set(wells)  # they differ within well x


def test_the_plates_of_the_table_become_batches_of_one_plate(here):
    wells = pd.read_csv(sources.wells(dataset(CELLS, plate="screen"), "d"))
    assert wells["plate"].tolist() == ["screen"] * 3
    assert wells["batch"].tolist() == ["L 1", "L 1", "L2"]


def test_the_wells_table_is_written_again_only_if_it_changes(here):
    path = here / sources.wells(dataset(CELLS), "d")
    path.touch()
    before = path.stat().st_mtime_ns
    sources.wells(dataset(CELLS), "d")
    assert path.stat().st_mtime_ns == before
    sources.wells(dataset(CELLS.assign(gene="z")), "d")
    assert set(pd.read_csv(path)["gene"]) == {"z"}


def test_cells_of_a_stack_are_numbered_by_a_column_or_by_the_order_of_the_table(here):
    stack("s.npy", 5, 2, 8, 8)
    cells = pd.DataFrame({"file": "s.npy", "well": ["A1", "A1", "B1"]})
    frame = sources.fields(dataset(cells, ["a", "b"]), "d")
    assert frame["a"].tolist() == ["s.npy [item=0, c=0]", "s.npy [item=1, c=0]", "s.npy [item=2, c=0]"]
    assert frame["b"][2] == "s.npy [item=2, c=1]"
    assert frame["object"].tolist() == ["1", "2", "1"]
    frame = sources.fields(dataset(cells.assign(item=[4, 3, 0]), ["b", "a"]), "d")
    assert frame["b"].tolist() == ["s.npy [item=4, c=0]", "s.npy [item=3, c=0]", "s.npy [item=0, c=0]"]


def test_a_grey_stack_has_no_channels(here):
    stack("s.npy", 5, 8, 8)
    frame = sources.fields(dataset(pd.DataFrame({"file": ["s.npy"] * 2})), "d")
    assert frame["DNA"].tolist() == ["s.npy [item=0]", "s.npy [item=1]"]


def test_one_file_of_all_channels_for_every_cell(here):
    stack("1.npy", 2, 8, 8)
    frame = sources.fields(dataset(pd.DataFrame({"file": ["1.npy"]}), ["a", "b"]), "d")
    assert frame.loc[0, ["a", "b"]].tolist() == ["1.npy [c=0]", "1.npy [c=1]"]


def test_strips(here):
    cells = pd.DataFrame({"file": ["1.png", "2.png"]})
    frame = sources.fields(dataset(cells, ["a", "b"], tiles=3, folder="crops"), "d")
    assert frame.loc[1, ["a", "b"]].tolist() == ["crops/2.png [tile=0/3]", "crops/2.png [tile=1/3]"]


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
@pytest.mark.parametrize("suffix", ["npy", "npz", "tif"])
def test_a_crop_of_a_stack_is_that_of_its_row(here, suffix, dtype):
    pixels = np.arange(3 * 2 * 6 * 7, dtype=dtype).reshape(3, 2, 6, 7)
    name = f"s.{suffix}"
    if suffix == "tif":
        tifffile.imwrite(name, pixels, photometric="minisblack", metadata={"axes": "TCYX"}, ome=True)
    else:
        np.save(name, pixels) if suffix == "npy" else np.savez_compressed(name, crops=pixels)
    frame = sources.fields(dataset(pd.DataFrame({"file": [name] * 2, "item": [2, 0]}), ["a", "b"]), "d")
    np.testing.assert_array_equal(images.read(frame["b"][0]), pixels[2, 1])
    np.testing.assert_array_equal(images.read(frame["a"][1]), pixels[0, 0])


def test_a_tile_of_a_strip_is_a_channel(here):
    pixels = np.arange(6 * 15, dtype=np.uint8).reshape(6, 15)
    Image.fromarray(pixels).save("strip.png")
    frame = sources.fields(dataset(pd.DataFrame({"file": ["strip.png"]}), ["a", "b", "c"], tiles=3), "d")
    np.testing.assert_array_equal(images.read(frame["b"][0]), pixels[:, 5:10])


@pytest.mark.parametrize(
    ("cells", "options", "words"),
    [
        (CELLS, {"path": "path"}, "no path among file, gene, plate, frame"),
        (CELLS, {"well": ["gene", "line"]}, "no line among"),
        (CELLS.assign(item=["1", "x", "2"]), {}, r"numbers from 0 of cells in a stack\n.*'x'"),
        (CELLS, {"tiles": 1, "channels": ["a", "b"]}, "a tile for each of 2 channels"),
        (pd.DataFrame({"file": ["s.npy"]}), {"channels": ["a", "b"]}, r"5 pictures in s.npy\n.*\n.*`item`"),
        (pd.DataFrame({"file": ["t.npy"]}), {}, r"no file at t.npy; did you mean s.npy"),
    ],
)  # fmt: skip
def test_what_does_not_fit_is_refused(here, cells, options, words):
    pictures()
    stack("s.npy", 5, 2, 8, 8)
    with pytest.raises(InputError, match=words):
        sources.fields(dataset(cells, **options), "d")


def test_a_table_that_is_missing_is_called_so(here):
    section = dataset(CELLS)
    section["images"]["crops"]["cells"] = "none.csv"
    with pytest.raises(InputError, match=r"no file at none\.csv"):
        sources.fields(section, "d")
