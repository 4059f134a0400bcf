"""Replaced files change the hash of their plate and of no other; files that are not there are told before a run."""

import os
import shutil

import pandas as pd
import pytest
from wellread.plan import raw_files
from wellread.plan.dag import Plan
from wellread.runtime.errors import InputError

pytestmark = pytest.mark.dag

PLATES, WELLS = ("P1", "P2"), [f"A{i:02d}" for i in range(1, 13)]


@pytest.fixture
def images_need_not_exist():
    """They must exist here."""


@pytest.fixture
def config(tmp_path, monkeypatch):
    """Two plates of 12 fields of two channels, with label images beside them; a task compares with them."""
    monkeypatch.chdir(tmp_path)
    table = pd.DataFrame([(plate, well) for plate in PLATES for well in WELLS], columns=["plate", "well"])
    for channel in ("DNA", "RNA"):
        table[channel] = [f"raw/{p}/{w}_{channel}.tif" for p, w in table[["plate", "well"]].to_numpy()]
    for plate in PLATES:
        os.makedirs(f"raw/{plate}")
    for path in table[["DNA", "RNA"]].to_numpy().ravel():
        write(path, "image")
        if "DNA" in path:
            write(path.replace(".tif", "_mask.tif"), "mask")
            write(path.replace(".tif", "_true.tif"), "true")
    table.assign(site="1").to_csv("images.csv", index=False)
    table.assign(treatment="t", control="").to_csv("wells.csv", index=False)
    dataset = {"images": {"table": {"path": "images.csv"}}, "wells": "wells.csv", "channels": ["DNA", "RNA"]}
    dataset["segment"] = {"precomputed": {"nucleus": "raw/{plate}/{stem}_mask.tif"}}
    tasks = {"truth": {"measure": {"segmentation": {"truth": "raw/{plate}/{well}_DNA_true.tif"}}}}
    return {"datasets": {"d": dataset}, "models": {"m": {"encoder": {"random": {}}}}, "tasks": tasks}


def write(path, text, time=1_000_000_000):
    with open(path, "w") as file:
        file.write(text)
    os.utime(path, (time, time))


def stamps(config):
    """What a run would compare: images and masks of every plate, truth of all."""
    plan = Plan.of(config)
    each = {f"images {p}": plan.image_stamps("d", p) for p in PLATES}
    each |= {f"masks {p}": plan.mask_stamps("d", p) for p in PLATES}
    return each | {f"truth {p}": stamp for p, stamp in zip(PLATES, plan.truth_stamps("d", "truth"), strict=True)}


def changed(config, act):
    before = stamps(config)
    assert all(before.values())
    act()
    after = stamps(config)
    return {key for key in before if before[key] != after[key]}


REPLACED = {
    "an image of other size": (lambda: write("raw/P1/A03_RNA.tif", "longer image"), {"images P1"}),
    "an image of other time": (lambda: write("raw/P2/A03_DNA.tif", "image", 1_000_000_001), {"images P2"}),
    "an image that is gone": (lambda: os.remove("raw/P2/A12_DNA.tif"), {"images P2"}),
    "a mask": (lambda: write("raw/P1/A01_DNA_mask.tif", ""), {"masks P1"}),
    "the truth": (lambda: write("raw/P2/A01_DNA_true.tif", "new"), {"truth P2"}),
    "a file beside them": (lambda: write("raw/P1/notes.txt", "x"), set()),
    "a part of a second": (lambda: os.utime("raw/P1/A01_DNA.tif", (1_000_000_000.4,) * 2), set()),
}


@pytest.mark.parametrize("case", REPLACED)
def test_what_was_replaced_is_noticed_of_its_plate_only(config, case):
    act, expected = REPLACED[case]
    assert changed(config, act) == expected


def test_copies_that_keep_their_times_are_the_same(config):
    def copy():
        shutil.copytree("raw", "copy")
        shutil.rmtree("raw")
        os.rename("copy", "raw")

    assert changed(config, copy) == set()


def test_folders_tell_of_new_files_only(config):
    config["datasets"]["d"]["watch"] = "folders"
    for plate in PLATES:
        os.utime(f"raw/{plate}", (1_000_000_000,) * 2)
    assert changed(config, lambda: write("raw/P1/A03_RNA.tif", "longer image")) == set()
    assert changed(config, lambda: write("raw/P1/new.tif", "x")) == {"images P1", "masks P1", "truth P1"}


def test_nothing_is_watched_if_so_asked(config):
    config["datasets"]["d"]["watch"] = "nothing"
    assert set(stamps(config).values()) == {""}


def test_folders_are_watched_where_there_are_very_many_files():
    assert raw_files.watched("auto", 100_000) == "files"
    assert raw_files.watched("auto", 100_001) == "folders"
    assert raw_files.watched("files", 10**7) == "files"


def test_how_files_are_watched_and_looked_for_is_in_no_param(config):
    plan = Plan.of(config)
    assert not {"watch", "check_files"} & set(plan.result_settings["datasets"]["d"])


def test_every_file_of_a_reference_counts():
    rows = pd.DataFrame({"DNA": ["a.tif | b.tif [z=max]", ""], "RNA": ["c.ome.tif [c=1]", "d [1].tif"]})
    assert raw_files.files(rows, ["DNA", "RNA"]) == ["a.tif", "b.tif", "c.ome.tif", "d [1].tif"]


def test_a_zarr_group_changes_with_the_folders_in_it(tmp_path):
    (tmp_path / "a.zarr/0/0").mkdir(parents=True)
    for folder in ("a.zarr/0/0", "a.zarr/0", "a.zarr"):
        os.utime(tmp_path / folder, (1_000_000_000,) * 2)
    before = raw_files.stamps_hash([str(tmp_path / "a.zarr")], "files")
    os.utime(tmp_path / "a.zarr/0/0", (1_000_000_009,) * 2)
    assert raw_files.stamps_hash([str(tmp_path / "a.zarr")], "files") != before


def remove(pattern, wells=WELLS, plates=("P1",)):
    for plate in plates:
        for well in wells:
            os.remove(f"raw/{plate}/" + pattern.format(well))


ABSENT = {
    "all images of a plate": (
        lambda: remove("{}_RNA.tif"),
        "plate P1",
        "12 of 12 fields lack files, such as raw/P1/A01",
    ),
    "a quarter": (lambda: remove("{}_RNA.tif", WELLS[:3]), "plate P1", "3 of 12 fields lack files"),
    "all masks": (lambda: remove("{}_DNA_mask.tif"), "datasets.d.segment, plate P1", "12 of 12 fields"),
    "all truth": (lambda: remove("{}_DNA_true.tif", plates=PLATES), "tasks.truth", "none of 24, such as raw/P1/A01"),
}


@pytest.mark.parametrize("case", ABSENT)
def test_absent_files_are_refused(config, case):
    act, where, found = ABSENT[case]
    Plan.of(config)
    act()
    with pytest.raises(InputError) as error:
        Plan.of(config)
    assert where in str(error.value)
    assert found in str(error.value)
    config["datasets"]["d"]["check_files"] = "none"
    Plan.of(config)


def test_a_few_absent_files_are_told(config):
    remove("{}_RNA.tif", WELLS[:2])
    remove("{}_DNA_true.tif", WELLS[:11])
    plan = Plan.of(config)
    (note,) = plan.notes[1:]  # after the count of wells
    assert note == "datasets.d.images, plate P1: 2 of 12 fields lack files, such as raw/P1/A01_RNA.tif"


def test_plates_may_be_empty_if_the_config_says_so(config):
    remove("{}_RNA.tif")
    config["datasets"]["d"]["calibrate"] = {"max_failed_fields": 1}
    assert len(Plan.of(config).notes) == 2


def test_a_sample_of_every_plate_is_spread_evenly():
    rows = pd.DataFrame({"plate": ["P1"] * 96 + ["P2"] * 3, "site": [*range(96), 7, 8, 9]})
    found = raw_files.sampled(rows).groupby("plate")["site"].agg(list)
    assert found["P1"][:3] == [0, 5, 10]
    assert found["P1"][-1] == 95
    assert len(found["P1"]) == 20
    assert found["P2"] == [7, 8, 9]
    assert len(raw_files.sampled(rows[:0])) == 0


def test_a_pattern_of_other_placeholders_is_refused(config):
    config["datasets"]["d"]["segment"] = {"precomputed": {"nucleus": "{row}.tif"}}
    with pytest.raises(InputError, match="use only"):
        Plan.of(config)


def test_the_files_of_every_field_are_those_of_its_row():
    rows = pd.DataFrame({"A": ["a1", "a2 | a3 [z=max]", ""], "B": ["b1", "", ""]})
    assert raw_files.of_fields(rows, ["B", "A"]) == [["b1", "a1"], ["a2", "a3"], []]


@pytest.mark.parametrize("odd", [None, "", "bare.tif", "b/2.tif [c=1]", "b/1.tif | c/2.tif"])
def test_folders_of_all_plates_at_once_are_those_of_every_plate(odd):
    paths = {"P1": ["b/1.tif", "/2.tif", "a/b/3.tif"], "P2": ["a/b/1.tif", "c/2.tif", "a/b/4.tif"]}
    rows = [
        (plate, path, f"{'bbz'[number]}/{number}.tif")
        for plate, own in paths.items()
        for number, path in enumerate(own)
    ]
    images = pd.DataFrame(rows, columns=["plate", "DNA", "RNA"], dtype=str)
    images = images if odd is None else images.replace("c/2.tif", odd)
    expected = {
        plate: raw_files.folders(raw_files.files(own, ["RNA", "DNA"])) for plate, own in images.groupby("plate")
    }
    assert raw_files.folders_of_plates(images, ["RNA", "DNA"]) == expected
    assert expected["P1"] == ["b", ".", "z", "a/b"]


def of_weights(section):
    """What is changed of a config so that its `section` names the weights w.pth, and the key that does."""
    named = {"sha256": "0" * 64}
    if section == "segment":
        return "datasets", "d", {"segment": {"cellpose": named | {"weights": "w.pth"}}}, "segment.cellpose.weights"
    kind, key = ("vit", "start") if section == "start" else ("cell_dino", "path")
    named |= {"channels": ["DNA"]} if kind == "cell_dino" else {}
    return "models", "m", {"encoder": {kind: named | {key: "w.pth"}}}, f"encoder.{kind}.{key}"


@pytest.mark.parametrize("section", ["segment", "encoder", "start"])
def test_weights_that_are_none_are_told_before_a_run(config, section):
    part, name, changes, key = of_weights(section)
    config[part][name] |= changes
    del config["tasks"]
    for content in (None, "<html>"):
        if content:
            write("w.pth", content)
        with pytest.raises(InputError, match="web page" if content else "no file at") as error:
            Plan.of(config)
        assert f"{part}.{name}.{key}" in str(error.value)
