"""Images tables from the names of files: presets, globs and regexes, and what is said when they do not fit."""

from itertools import product

import pytest
from wellread.inputs import sources
from wellread.runtime.errors import InputError

REGEX = r"(?P<plate>\w+)/(?P<row>[A-P])(?P<column>\d+)_s(?P<site>\d)_w(?P<channel>\d)\.tif"
NAMES = {"1": "DNA", "2": "ER"}


@pytest.fixture
def folder(tmp_path):
    return made(
        tmp_path / "images", *(f"X/{n}.tif" for n in ("A1_s1_w1", "A1_s1_w2", "B12_s2_w1", "B12_s2_w2", "thumbs"))
    )


def made(folder, *names):
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).touch()
    return folder


def fields(folder, channels=("DNA", "ER"), say=print, **options):
    section = {"folder": str(folder)} | options
    return sources.fields({"images": {"pattern": section}, "channels": list(channels)}, "x", say)


def refusal(folder, channels=("DNA", "ER"), **options):
    with pytest.raises(InputError) as error:
        fields(folder, channels, **options)
    return str(error.value)


def keys(frame):
    return frame[["plate", "well", "site"]].values.tolist()


def test_a_regex(folder):
    frame = fields(folder, regex=REGEX, names=NAMES)
    assert keys(frame) == [["X", "A01", "1"], ["X", "B12", "2"]]
    assert frame["ER"].iloc[1] == str(folder / "X/B12_s2_w2.tif")


def test_a_glob(folder):
    frame = fields(folder, say=(said := []).append, files="{plate}/{well}_s{site}_w{channel}.tif", names=NAMES)
    assert keys(frame) == [["X", "A01", "1"], ["X", "B12", "2"]]
    fit = "fit {plate}/{well}_s{site}_w{channel}.tif, 1 do not, such as X/thumbs.tif"
    assert said == [f"4 files of {folder} {fit}"]


def test_imagexpress_prefers_the_projection_that_was_saved(tmp_path):
    uuid = "7A9B0C1D-12AB-4CDE-8F01-23456789ABCD"
    made(tmp_path / "a plate", f"x_A01_s1_w1{uuid}.tif", f"x_A01_s1_w1_thumb{uuid}.tif")
    made(tmp_path / "a plate", *(f"ZStep_{z}/x_A01_s1_w{w}{uuid}.tif" for z in (1, 10, 5) for w in (1, 2)))
    frame = fields(tmp_path, ["DNA", "w2"], preset="imagexpress", names={"w1": "DNA"})
    assert keys(frame) == [["a_plate", "A01", "1"]]
    assert frame["DNA"][0] == f"{tmp_path}/a plate/x_A01_s1_w1{uuid}.tif"
    planes = " | ".join(f"{tmp_path}/a plate/ZStep_{z}/x_A01_s1_w2{uuid}.tif" for z in (1, 5, 10))
    assert frame["w2"][0] == f"{planes} [z=max]"


def test_imagexpress_of_one_wavelength(tmp_path):
    made(tmp_path / "P", "x_A01_s1.tif", "x_A01_s2.tif")
    frame = fields(tmp_path / "P", ["w1"], preset="imagexpress")
    assert frame["w1"].tolist() == [f"{tmp_path}/P/x_A01_s{s}.tif" for s in (1, 2)]


def test_opera_rows_and_columns_are_wells(tmp_path):
    parts = product(("P1", "P2"), ("02", "27"), ("01", "10", "9"), (1, 2))
    names = [f"{p}__2020-Measurement 1/Images/r{r}c03f{f}p01-ch{c}sk1fk1fl1.tiff" for p, r, f, c in parts]
    frame = fields(
        made(tmp_path, *names, "P1__2020-Measurement 1/Images/Index.idx.xml"), ["ch2", "ch1"], preset="opera"
    )
    assert keys(frame)[:7] == [["P1", w, s] for w in ("AA03", "B03") for s in ("1", "9", "10")] + [["P2", "AA03", "1"]]
    assert frame["ch2"][0].endswith("r27c03f01p01-ch2sk1fk1fl1.tiff")


def test_rows_as_numbers_are_letters_for_a_regex_and_a_glob(tmp_path):
    made(tmp_path, "Images/r02c03f01p01-ch1sk1fk1fl1.tiff")
    regex = r"Images/r(?P<row>\d+)c(?P<column>\d+)f(?P<site>\d+)p01-ch(?P<channel>\d)sk1fk1fl1\.tiff"
    assert fields(tmp_path, ["1"], regex=regex)["well"].tolist() == ["B03"]
    assert fields(tmp_path, ["1"], files="Images/r{row}c{column}f{site}p*-ch{channel}sk*.tiff")["well"].tolist() == [
        "B03"
    ]


def test_cv8000_leaves_out_camera_and_shading(tmp_path):
    said = []
    names = [
        "P/x_F08_T0001F001L01A01Z01C01.tif",
        "P/x_F08_T0001F001L01A01Z02C01.tif",
        "P/DC_DCAM#1_CAM3.tif",
        "P/SC_1_M01_CH01.tif",
    ]
    frame = fields(made(tmp_path, *names, "P/DC_DCAM#1_CAM3.tif"), ["C01"], said.append, preset="cv8000", z="focus")
    assert frame["C01"].tolist() == [f"{tmp_path}/{names[0]} | {tmp_path}/{names[1]} [z=focus]"]
    assert ["the sharpest of 2 planes (1 image)" in words for words in said] == [True]


@pytest.mark.parametrize(
    ("options", "plate"),
    [
        ({"preset": "imagexpress"}, "run_7"),
        ({"files": "{well}_w{channel}.tif"}, "run_7"),
        ({"files": "{well}_w{channel}.tif", "plate": "P"}, "P"),
        ({"regex": r"(?P<well>\w\d+)_w(?P<channel>\d)\.tif"}, "plate"),
        ({"preset": "imagexpress", "plate": "P"}, "P"),
    ],
)
def test_names_of_plates_that_files_do_not_hold(tmp_path, options, plate):
    made(tmp_path / "run 7", "A01_w1.tif")
    assert fields(tmp_path / "run 7", ["w1"], names={"1": "w1"}, **options)["plate"].tolist() == [plate]


def test_several_times_are_refused_or_one_is_chosen(tmp_path):
    made(tmp_path / "P", *(f"TimePoint_{t}/A01_s1_w1.tif" for t in (1, 2, 10)))
    assert "3 times: 1, 2, 10" in refusal(tmp_path / "P", ["w1"], preset="imagexpress")
    frame = fields(tmp_path / "P", ["w1"], preset="imagexpress", time=10)
    assert frame["w1"].tolist() == [f"{tmp_path}/P/TimePoint_10/A01_s1_w1.tif"]


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (
            {"regex": r"(?P<well>x)(?P<channel>y)"},
            ["files that match", "5 files, none fits, such as X/A1_s1_w1.tif: it differs at once"],
        ),
        (
            {"files": "{plate}/{well}_f{site}_{channel}.tif"},
            ["it fits as far as `X/B12_`; then `f{site}_{channel}.tif` should match `s2_w1.tif`"],
        ),
        (
            {"regex": r"(?P<plate>\w)/(?P<well>[A-P]\d+)_(?P<site>\d)_(?P<channel>\d)\.tif"},
            [r"it fits as far as `X/B12_`; then `(?P<site>\d)_(?P<channel>\d)\.tif` should match `s2_w1.tif`"],
        ),
        ({"regex": r".*w(?P<channel>\d)\.tif"}, ["named groups", "add (?P<well>...)"]),
        ({"files": "*/*_w{channel}.tif"}, ["named groups", "add {well} to files"]),
        ({"files": "{plate}/{wel}.tif"}, ["placeholders among {plate}, {well}", "{wel} in {plate}/{wel}.tif"]),
        ({"regex": r"(?P<well>x"}, ["a regular expression", "missing )", "regex, or use files"]),
        ({}, ["one of preset, files, regex", "none of them"]),
        ({"preset": "opera", "files": "{well}"}, ["one of preset, files, regex", "2 of them"]),
        (
            {"regex": REGEX, "names": NAMES, "channels": ("DNA", "ER", "Mito")},
            ["files of every channel", "none of Mito; the files have 1 (DNA), 2 (ER)"],
        ),
        ({"regex": REGEX}, ["none of DNA, ER; the files have 1, 2", 'write `names: {"1": ..., "2": ...}`']),
        ({"preset": "opera"}, ["5 files, none fits"]),
    ],
)
def test_what_does_not_fit_is_explained(folder, options, words):
    (folder / "X/thumbs.tif").rename(folder / "X/zzz.tif")
    text = refusal(folder, **options)
    assert all(word in text for word in words), text


def test_the_preset_that_fits_is_named(tmp_path):
    made(tmp_path, *(f"r01c01f0{i}p01-ch1sk1fk1fl1.tiff" for i in range(1, 5)), "Index.xml")
    assert "these look like opera: write `preset: opera`" in refusal(tmp_path, files="{plate}/{well}_{channel}.tif")


def test_an_empty_folder_is_called_empty(tmp_path):
    assert f"no files in {tmp_path}" in refusal(tmp_path, preset="opera")


def test_the_two_files_that_clash_are_named(tmp_path):
    made(tmp_path, "X/A1_s1_w2.tif", "X/A1_s1_w1.tif", "X/A1_s2_w1.tif", "Y/A1_s1_w1.tif", "Y/A1_s2_w1.tif")
    text = refusal(tmp_path, regex=REGEX.replace("plate", "_"), plate="one", names=NAMES)
    assert (
        f"{tmp_path}/X/A1_s1_w1.tif and {tmp_path}/Y/A1_s1_w1.tif, both plate one, well A01, site 1, channel DNA (2"
        in text
    )
    text = refusal(tmp_path, regex=r"X/(?P<well>[A-P]\d).*")
    assert f"{tmp_path}/X/A1_s1_w1.tif and {tmp_path}/X/A1_s1_w2.tif, both plate plate, well A01, site 1 (2" in text


def test_channels_that_nobody_asked_for_are_told(folder):
    frame = fields(folder, ["2"], (said := []).append, regex=REGEX)
    assert frame["2"].tolist() == [f"{folder}/X/A1_s1_w2.tif", f"{folder}/X/B12_s2_w2.tif"]
    assert said[1:] == ["datasets.x.images.pattern: channels that are not used: 1"]
    fields(folder, ["ER"], (said := []).append, regex=REGEX, names=NAMES)
    assert said[1:] == ["datasets.x.images.pattern: channels that are not used: 1"]
