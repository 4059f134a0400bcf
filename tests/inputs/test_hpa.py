"""Images of the Human Protein Atlas: which file is which channel of which field, and what the table of labels says."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image
from wellread.inputs import hpa, images, sources
from wellread.plan.dag import Plan
from wellread.preview.draft import draft
from wellread.runtime.errors import InputError

CHANNELS = list(hpa.COLOURS.values())
UUID = "5c27f04c-bb99-11e8-b2b9-ac1f6b6435d0"


@pytest.fixture
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


def picture(name, pixels):
    Path(name).parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(pixels).save(name)


def planes(names, folder="hpa"):
    """Files of four colours of every name: red holds 0, green 1, blue 2, yellow 3."""
    for name in names:
        for value, colour in enumerate(hpa.COLOURS):
            picture(f"{folder}/{name}_{colour}.png", np.full((6, 8), value, np.uint8))


def cells(names, folder="cells", corner=0):
    """RGBA files of every name, masked to the middle: the pixel there is 10, 20, 30, 40."""
    pixels = np.full((9, 9, 4), corner, np.uint8)
    pixels[3:6, 3:6] = [10, 20, 30, 40]
    for name in names:
        picture(f"{folder}/{name}.png", pixels)


def dataset(channels=CHANNELS, **options):
    return {"images": {"hpa": {"folder": "hpa", "labels": ""} | options}, "channels": channels, "wells": ""}


def seen(frame, channels=CHANNELS):
    """The middle pixel of every channel of the first field."""
    return [int(plane[plane.shape[0] // 2, plane.shape[1] // 2]) for plane in map(images.read, frame.loc[0, channels])]


def test_files_of_colours_are_the_channels_of_a_field(here):
    planes(["10_A1_1", "10_A1_2", "11_H12_3"])
    picture("hpa/10_A1_1_blue_red_green.png", np.zeros((6, 8, 3), np.uint8))
    picture("hpa/10_A1_1_predictedmask.png", np.zeros((6, 8), np.uint8))
    frame = sources.fields(dataset(), "d")
    expected = [["10", "A01", "1"], ["10", "A01", "2"], ["11", "H12", "3"]]
    assert frame[["plate", "well", "site"]].values.tolist() == expected
    assert seen(frame) == [0, 1, 2, 3]
    own = ["a", "b"]
    assert seen(sources.fields(dataset(own, colours={"a": "yellow", "b": "red"}), "d"), own) == [3, 0]


def test_coloured_files_are_read_by_their_colour(here):
    for colour, rgb in zip(hpa.COLOURS, ([9, 0, 0], [0, 8, 0], [0, 0, 7], [6, 5, 0]), strict=True):
        picture(f"hpa/{UUID}_{colour}.png", np.tile(np.array(rgb, np.uint8), (6, 6, 1)))
    frame = sources.fields(dataset(), "d")
    assert frame[["plate", "well"]].values.tolist() == [["hpa", UUID]]
    assert seen(frame) == [9, 8, 7, 6]


@pytest.mark.parametrize("ending", ["png", "tiff"])
def test_masked_cells_are_one_file_of_four_channels(here, ending):
    cells(["10_A1_1_4", "10_A1_1_5"], "hpa")
    if ending == "tiff":
        for path in Path("hpa").glob("*.png"):
            Image.open(path).save(path.with_suffix(".tiff"))
            path.unlink()
    frame = sources.fields(dataset(), "d")
    assert frame[["well", "site"]].values.tolist() == [["A01", "1_4"], ["A01", "1_5"]]
    assert seen(frame) == [10, 20, 30, 40]


def test_a_table_of_a_column_for_every_label_becomes_two(here):
    planes(["a", "b", "c"])
    rows = {
        "file": ["/x/a.tiff", "/x/b.tiff", "/x/z.tiff"],
        "cytosol": ["True", "False", "True"],
        "actin filaments,focal adhesion sites": ["True", "False", "True"],
        "U2OS": ["True", "False", "True"],
        "A-431": ["False", "True", "False"],
    }
    pd.DataFrame(rows).to_csv("labels.csv", index=False)
    said = []
    section = dataset(labels="labels.csv")
    frame = sources.fields(section, "d", said.append)
    assert frame["well"].tolist() == ["a", "b"]  # c has no labels
    assert any("2 of 3 images are listed; 1 rows have no image" in line for line in said)
    table = pd.read_csv(sources.wells(section, "d"), keep_default_na=False)
    expected = [["a", "U2OS", "cytosol|actin filaments,focal adhesion sites"], ["b", "A-431", ""]]
    assert table[["well", "cell_line", "location"]].values.tolist() == expected


def test_tables_of_antibodies_and_cell_lines_make_the_wells(here):
    planes(["10_A1_1", "10_A1_2", "10_B1_1"])
    rows = {
        "filename": ["/a/10_A1_1_", "10_A1_2_blue", "10_B1_1"],
        "antibody": ["HPA1", "HPA1", "HPA2"],
        "gene_names": ["ANK3", "ANK3", "TP53"],
        "locations": ["Cytosol, Plasma membrane"] * 2 + ["Nucleoplasm"],
        "atlas_name": ["U2OS", "U2OS", "MCF7"],
        "sample": [1, 2, 1],
    }
    rows["filename"][0] = "/a/10_A1_1_red.png"
    pd.DataFrame(rows).to_csv("if.tsv", index=False, sep="\t")
    table = pd.read_csv(sources.wells(dataset(labels="if.tsv"), "d"), keep_default_na=False)
    kept = ["plate", "well", "treatment", "antibody", "location", "cell_line"]
    expected = [
        [10, "A01", "ANK3", "HPA1", "Cytosol|Plasma membrane", "U2OS"],
        [10, "B01", "TP53", "HPA2", "Nucleoplasm", "MCF7"],
    ]
    assert table[kept].values.tolist() == expected
    assert "sample" not in table  # differs within a well


def test_what_cannot_be_is_refused(here):
    with pytest.raises(InputError, match="hpa"):
        sources.fields(dataset(), "d")
    cells(["a"], "hpa")
    Image.new("RGB", (8, 8)).save("hpa/a.png")
    with pytest.raises(InputError, match="four channels"):
        sources.fields(dataset(), "d")
    planes(["a"])
    with pytest.raises(InputError, match="tubulin"):
        sources.fields(dataset(["tubulin"]), "d")
    pd.DataFrame({"file": ["z.png"], "cell_type": ["U2OS"]}).to_csv("labels.csv", index=False)
    with pytest.raises(InputError, match="names images of hpa"):
        sources.fields(dataset(labels="labels.csv"), "d")
    planes(["a"], "hpa/again")
    with pytest.raises(InputError, match="different names"):
        sources.fields(dataset(), "d")


def test_a_folder_of_masked_cells_is_guessed_and_planned(here):
    cells([f"cell_{i}" for i in range(6)])
    lines = {"U2OS": ["True", "False"] * 3, "MCF7": ["False", "True"] * 3}
    table = pd.DataFrame({"file": [f"cell_{i}.png" for i in range(6)], "cytosol": "True", **lines})
    table.to_csv("cells/labels.csv", index=False)
    told = "\n".join(draft("cells", Path("config")))
    assert "masked single cells" in told
    plan = Plan.of(_loaded("config/cells.yaml"))
    (section,) = plan.config["datasets"].values()
    assert section["object"] == "crop"
    assert section["channels"] == CHANNELS
    assert plan.wells["cells"]["cell_line"].tolist() == ["U2OS", "MCF7"] * 3


def test_a_folder_of_colours_is_guessed(here):
    planes(["10_A1_1", "10_A2_1", "10_A3_1"])
    told = "\n".join(draft("hpa", Path("config")))
    assert "nucleus is taken to show nuclei" in told
    assert list(_loaded("config/hpa.yaml")["datasets"]["hpa"]["images"]) == ["hpa"]
    assert Path("config/hpa_wells.csv").is_file()


def _loaded(path):
    import yaml

    return yaml.safe_load(Path(path).read_text())
