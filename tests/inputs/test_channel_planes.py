"""Files of all channels of a field: which plane is which channel."""

import numpy as np
import pandas as pd
import pytest
import tifffile
from PIL import Image
from wellread.inputs import sources
from wellread.inputs.channel_planes import Inside, planes
from wellread.inputs.description import Description
from wellread.runtime.errors import InputError

OME = {"axes": "ZCYX", "Channel": {"Name": ["GFP", "Hoechst", "ER"]}}


def ends(header, channels=("a", "b"), **options):
    given = {"names": {}, "z": "", "time": "", "rgb": {}, "axes": "", "where": "k"} | options
    axes, shape, *names = header
    found = Description("tiff", axes, shape, np.dtype(np.uint8), *names, meaning="colour" if "S" in axes else "counts")
    return planes(found, "f.tif", list(channels), Inside(**given))


@pytest.mark.parametrize(
    ("header", "options", "found"),
    [
        (("CYX", (2, 8, 9)), {}, {"a": " [c=0]", "b": " [c=1]"}),
        (("QYX", (2, 8, 9)), {}, {"a": " [c=0]", "b": " [c=1]"}),
        (("CYX", (3, 8, 9), ["b", "x", "a"]), {}, {"a": " [c=2]", "b": " [c=0]"}),
        (("CYX", (3, 8, 9)), {"names": {"c2": "a", "c0": "b"}}, {"a": " [c=2]", "b": " [c=0]"}),
        (("CYX", (2, 8, 9), ["X", "b"]), {"names": {"X": "a"}}, {"a": " [c=0]", "b": " [c=1]"}),
        (("CYX", (2, 8, 9), ["Channel:0:0", "Channel:0:1"]), {}, {"a": " [c=0]", "b": " [c=1]"}),
        (("ZCYX", (5, 2, 8, 9)), {}, {"a": " [c=0, z=max]", "b": " [c=1, z=max]"}),
        (("CZYX", (2, 5, 8, 9)), {"z": "focus"}, {"a": " [c=0, z=focus]", "b": " [c=1, z=focus]"}),
        (("TCZYX", (3, 2, 5, 8, 9)), {"z": 4, "time": 2}, {"a": " [c=0, z=4, t=2]", "b": " [c=1, z=4, t=2]"}),
        (("YX", (8, 9)), {"channels": ["a"]}, {"a": ""}),
        (("ZYX", (2, 8, 9)), {"channels": ["a"]}, {"a": " [z=max]"}),
        (("QQYX", (3, 2, 8, 9)), {"axes": "ZCYX"}, {"a": " [c=0, z=max, axes=ZCYX]", "b": " [c=1, z=max, axes=ZCYX]"}),
        (("YXS", (8, 9, 3)), {"rgb": {"a": "blue", "b": "green"}}, {"a": " [rgb=blue]", "b": " [rgb=green]"}),
    ],
)
def test_planes_of_channels(header, options, found):
    assert ends(header, **options) == found


@pytest.mark.parametrize(("z", "told"), [("", "the maximum of 5"), ("focus", "the sharpest of 5"), (4, "")])
def test_what_is_taken_of_planes_is_told(z, told):
    said = []
    ends(("ZCYX", (5, 2, 8, 9)), z=z, say=said.append)
    words = f"k.z: taken of z-planes: {told} planes in a file; max, focus or a number takes another"
    assert said == [words] * bool(told)


@pytest.mark.parametrize(
    ("header", "options", "words"),
    [
        (("CYX", (3, 8, 9)), {}, ["no a, b in f.tif: c0, c1, c2", "write `names: {c0: a, c1: b}`"]),
        (("CYX", (2, 8, 9), ["DAPI", "FITC"]), {}, ["no a, b in f.tif: c0 (DAPI), c1 (FITC)"]),
        (("CYX", (2, 8, 9), ["a", "FITC"]), {}, ["no b in f.tif"]),
        (("YX", (8, 9)), {}, ["no a, b in f.tif: c0"]),
        (("QYX", (5, 8, 9)), {}, ["5 pages in f.tif", "give `axes`"]),
        (("TCYX", (5, 2, 8, 9)), {}, ["5 times in f.tif", "write `time: 0`"]),
        (("TCYX", (5, 2, 8, 9)), {"time": 5}, ["5 times in f.tif, from 0", "k.time"]),
        (("ZCYX", (5, 2, 8, 9)), {"z": 5}, ["a plane 5", "5 planes", "k.z"]),
        (("YXS", (8, 9, 3)), {}, ["f.tif has colours", "write `rgb: {a: blue}`"]),
        (("YXS", (8, 9, 3)), {"rgb": {"a": "blue"}}, ["none of b", "k.rgb"]),
        (("YXS", (8, 9, 3)), {"rgb": {"a": "blue", "b": "cyan"}}, ["b: cyan", "red, green, blue"]),
        (("QYX", (5, 8, 9)), {"axes": "ZCYX"}, ["3 axes for 5 x 8 x 9", "k.axes"]),
    ],
)
def test_what_a_file_does_not_say_is_asked_for(header, options, words):
    with pytest.raises(InputError) as error:
        ends(header, **options)
    assert all(word in str(error.value) for word in words), error.value


@pytest.fixture
def folder(tmp_path):
    for plate, well in (("P1", "A01"), ("P1", "A02"), ("P2", "A01")):
        (tmp_path / plate).mkdir(exist_ok=True)
        tifffile.imwrite(
            tmp_path / plate / f"{well}_2.ome.tif", np.zeros((2, 3, 8, 9), np.uint16), metadata=OME, ome=True
        )
    return tmp_path


def test_a_pattern_without_channels_opens_one_file_of_a_plate(folder):
    (folder / "P1/A02_2.ome.tif").write_text("damaged, and not looked at")
    options = {"folder": str(folder), "files": "{plate}/{well}_{site}.ome.tif", "names": {"Hoechst": "DNA"}}
    frame = sources.fields({"images": {"pattern": options}, "channels": ["DNA", "GFP"]}, "d")
    assert frame[["plate", "well", "site"]].values.tolist() == [
        ["P1", "A01", "2"],
        ["P1", "A02", "2"],
        ["P2", "A01", "2"],
    ]
    assert frame["DNA"][1] == f"{folder}/P1/A02_2.ome.tif [c=1, z=max]"
    assert frame["GFP"][2] == f"{folder}/P2/A01_2.ome.tif [c=0, z=max]"
    (folder / "P2/A01_2.ome.tif").write_text("damaged, and looked at")
    with pytest.raises(InputError, match=r"P2/A01_2.ome.tif: "):
        sources.fields({"images": {"pattern": options}, "channels": ["DNA", "GFP"]}, "d")


def test_a_table_with_one_column_of_paths(folder):
    rows = {"plate": "P1", "well": ["A1", "A2", "A3"], "path": ["P1/A01_2.ome.tif", "P1/A02_2.ome.tif", ""]}
    pd.DataFrame(rows).to_csv(folder / "t.csv", index=False)
    options = {"path": str(folder / "t.csv"), "root": str(folder), "z": 1}
    frame = sources.fields({"images": {"table": options}, "channels": ["ER"]}, "d")
    assert frame["ER"].tolist() == [
        f"{folder}/P1/A01_2.ome.tif [c=2, z=1]",
        f"{folder}/P1/A02_2.ome.tif [c=2, z=1]",
        "",
    ]


def test_colours(tmp_path):
    Image.new("RGB", (9, 8)).save(tmp_path / "A01.png")
    options = {"folder": str(tmp_path), "files": "{well}.png", "plate": "P", "rgb": {"DNA": "blue", "GFP": "green"}}
    frame = sources.fields({"images": {"pattern": options}, "channels": ["DNA", "GFP"]}, "d")
    assert frame.loc[0, ["DNA", "GFP"]].tolist() == [
        f"{tmp_path}/A01.png [rgb=blue]",
        f"{tmp_path}/A01.png [rgb=green]",
    ]
    with pytest.raises(InputError, match=r"A01.png has colours"):
        sources.fields({"images": {"pattern": options | {"rgb": {}}}, "channels": ["DNA", "GFP"]}, "d")
