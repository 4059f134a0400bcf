"""What vendors' names of files mean, and globs."""

import re

import pytest
from wellread.inputs import vendors

UUID = "7A9B0C1D-12AB-4CDE-8F01-23456789ABCD"


def groups(naming, name):
    match = naming.compiled.fullmatch(name)
    return match and " ".join(f"{key}={value}" for key, value in sorted(match.groupdict().items()) if value)


@pytest.mark.parametrize(
    ("preset", "name", "found"),
    [
        ("imagexpress", "A01_s1_w1.TIF", "channel=w1 site=1 well=A01"),
        ("imagexpress", f"Week1_22123/G10_s4_w2{UUID}.tif", "channel=w2 site=4 well=G10"),
        ("imagexpress", f"my plate/x y_z_b03_w12{UUID}.tif", "channel=w12 well=b03"),
        ("imagexpress", "P/TimePoint_2/ZStep_3/9_AF48_s10_w1.TIF", "channel=w1 site=10 t=2 well=AF48 z=3"),
        ("imagexpress", "P/ZStep_0/9_C04.tif", "well=C04 z=0"),
        ("imagexpress", "P/SC_BP445-45_20x v2_M01_CH01.tif", None),
        ("imagexpress", "P/A01_s1_w1_thumb.jpg", None),
        ("opera", "Images/r02c03f01p01-ch1sk1fk1fl1.tiff", "channel=ch1 column=03 row=02 site=01 t=1 z=01"),
        ("opera", "B/r16c24f09p10-ch12.tif", "channel=ch12 column=24 row=16 site=09 z=10"),
        ("opera", "Index.idx.xml", None),
        ("cv8000", "a b/x_y_F08_T0001F012L01A02Z03C04.tif", "channel=C04 site=012 t=0001 well=F08 z=03"),
        ("cv8000", "DC_DCAM#1_CAM3.tif", None),
    ],
)  # fmt: skip
def test_names_of_vendors(preset, name, found):
    assert groups(vendors.PRESETS[preset], name) == found


@pytest.mark.parametrize(
    ("preset", "name"),
    [
        ("imagexpress", f"P/A01_s1_w1_thumb{UUID}.tif"),
        ("cv8000", "P/DC_DCAM#1_CAM3.tif"),
        ("cv8000", "SC_BP445-45_20x v2_M01_CH01.tif"),
    ],
)
def test_files_beside_the_fields_are_known(preset, name):
    assert re.fullmatch(vendors.PRESETS[preset].ignored, name)


@pytest.mark.parametrize(
    ("preset", "folder", "plate"),
    [
        ("imagexpress", "/d/1334/TimePoint_1/ZStep_2", "1334"),
        ("imagexpress", "/d/1334", "1334"),
        ("opera", "/d/BR00117011__2020-11-08T19_57_47-Measurement 1/Images", "BR00117011"),
        ("opera", "/d/P_1", "P_1"),
        ("cv8000", "/d/run 3", "run 3"),
        ("cv8000", "/", "/"),
    ],
)
def test_plates_are_called_like_their_folders(preset, folder, plate):
    assert vendors.PRESETS[preset].plate_of(folder) == plate


@pytest.mark.parametrize(
    ("glob", "name", "found"),
    [
        ("{plate}/{well}_{site}_{channel}.tif", "P 1/A01_2_DNA.tif", "channel=DNA plate=P 1 site=2 well=A01"),
        ("{plate}/{well}_{site}_{channel}.tif", "P/c7_s2_a_b.tif", "channel=a_b plate=P site=s2 well=c7"),
        ("{plate}/{well}_{channel}.tif", "P/x/A01_DNA.tif", None),
        ("**/{well}-{channel}.t*", "P/x/A-01-DNA.tiff", "channel=DNA well=A-01"),
        ("**/{well}-{channel}.t*", "A01-DNA.tif", "channel=DNA well=A01"),
        ("Channel{channel}-*-{row}-{column}.tif", "Channel1-05-A-05.tif", "channel=1 column=05 row=A"),
        ("{plate}/{plate}_{well}{channel}?.tif", "P1/P1_A01xy.tif", "channel=x plate=P1 well=A01"),
        ("{plate}/{plate}_{well}{channel}?.tif", "P1/P2_A01xy.tif", None),
        ("a(b)+[c].{z}_{t}_{well}", "a(b)+[c].3_4_B2", "t=4 well=B2 z=3"),
    ],
)  # fmt: skip
def test_globs(glob, name, found):
    assert groups(vendors.of_glob(glob), name) == found


def test_an_unknown_placeholder_is_an_error():
    with pytest.raises(KeyError, match="stain"):
        vendors.of_glob("{stain}.tif")


@pytest.mark.parametrize(
    ("naming", "stop"),
    [
        (vendors.of_glob("{plate}/{well}_{channel}.tif"), (8, ".tif")),
        (vendors.Naming(r"(?P<plate>\w+)/(?P<well>[A-P]\d+)_ch(?P<channel>.)", "regex"), (7, "ch(?P<channel>.)")),
        (vendors.Naming(r"x+(?P<well>.)", "x+(?P<well>.)"), (0, "x+(?P<well>.)")),
    ],
)
def test_where_a_match_stops(naming, stop):
    assert naming.stop("P1/A01_s1") == stop


def test_presets_that_fit():
    names = ["a.xml", "thumb.png", *(f"r01c0{i}f01p01-ch1sk1fk1fl1.tiff" for i in range(1, 6))]
    assert vendors.that_fit(names) == ["opera"]
    assert vendors.that_fit(["a.xml"]) == []
