"""Pictures of fields, cells and plates: they show what they say, and the same twice."""

import numpy as np
import pandas as pd
import pytest
from conftest import PLATE, outputs
from PIL import Image
from wellread.crops.crops import crops
from wellread.look.plate_files import PlateFiles
from wellread.pictures import montage
from wellread.runtime import table_files
from wellread.runtime.registry import functions

LOOKS = functions("look")
KINDS = ("fields", "calibration", "masks", "objects")


@pytest.fixture(scope="module")
def plates(plate):
    files = {kind: [str(plate / name)] for kind, name in zip(KINDS, PLATE, strict=True)}
    return PlateFiles.of_dataset(files | {kind: [str(plate / f"{kind}.parquet")] for kind in ("cells", "lost")})


def draw(name, plates, folder, **options):
    numbers = LOOKS[name](plates, 0, folder / f"{name}.png", **options)
    with Image.open(folder / f"{name}.png") as picture:
        return numbers, np.asarray(picture.convert("RGB"))


@pytest.mark.dag
@pytest.mark.parametrize("name", LOOKS)
def test_the_same_twice(plates, tmp_path, name):
    (tmp_path / "again").mkdir()
    few = {} if name == "plates" else {"each": 1}  # large pictures take long to be compressed
    one, _ = draw(name, plates, tmp_path, **few)
    two, _ = draw(name, plates, tmp_path / "again", **few)
    pd.testing.assert_frame_equal(one, two)
    assert (tmp_path / f"{name}.png").read_bytes() == (tmp_path / "again" / f"{name}.png").read_bytes()


@pytest.mark.dag
def test_fields_are_the_best_and_worst_by_focus(plates, tmp_path):
    numbers, picture = draw("fields", plates, tmp_path, each=2, width=128)
    fields = plates[0].plate.fields
    rank = fields[[f"focus_{c}" for c in plates[0].plate.channels]].rank(pct=True).mean(axis=1)
    assert set(numbers[numbers["sort"] == "worst focus"]["field"]) == set(rank.nsmallest(2).index)
    assert set(numbers[numbers["sort"] == "best focus"]["field"]) == set(rank.nlargest(2).index)
    assert picture.shape[1] > 2 * 128


@pytest.mark.dag
def test_outlines_are_drawn(plates, tmp_path):
    masks = plates[0].masks(3)
    bare = montage.field_with_outlines(plates[0].plate, 3, None, 192)
    drawn = montage.field_with_outlines(plates[0].plate, 3, masks, 192)
    changed = (bare != drawn).any(axis=-1)
    assert 0 < changed.mean() < 0.3
    assert (masks[1][changed] > 0).all()


@pytest.mark.dag
def test_what_was_rejected_is_in_boxes_of_its_reason(plates, tmp_path):
    boxes = pd.DataFrame({"field": [3, 3, 5], "reason": ["debris", "haze", "haze"]})
    boxes = boxes.assign(top=20, left=[30, 60, 30], bottom=40, right=[50, 80, 50])
    table_files.write(boxes, tmp_path / "rejected.parquet", "rejected")
    own = [PlateFiles(plates[0].paths | {"rejected": str(tmp_path / "rejected.parquet")})]
    numbers, picture = draw("fields", own, tmp_path, each=1, width=plates[0].plate.shape[1])
    most = numbers[numbers["sort"] == "most rejected: debris orange, haze pink"]
    assert list(zip(most["field"], most["rejected"], strict=True)) == [(3, 2)]
    for reason in ("debris", "haze"):
        assert (picture == montage.REJECTED[reason][1]).all(axis=-1).sum() >= 4 * 21  # a box of 22 px about 20


def test_every_sort_of_cell_is_shown(plate, plates, tmp_path):
    files = [str(plate / name) for name in PLATE]
    rules = {"nucleus_area": {"z": [None, None], "range": [None, 180.0]}}
    crops(*files, outputs(tmp_path), seed=0, size=40, flags=rules, flagged="drop")
    own = {kind: [path] for kind, path in plates[0].paths.items()}
    own |= {kind: [str(tmp_path / f"{kind}.parquet")] for kind in ("cells", "lost")}
    numbers, picture = draw("cells", PlateFiles.of_dataset(own), tmp_path, each=4, side=48)
    sorts = numbers["sort"].value_counts()
    flagged = "flagged: nucleus_area, dropped"
    assert set(sorts.index) == {"kept", "kept, close to being flagged", "no crop: edge", flagged}
    dropped = numbers[numbers["sort"] == flagged]
    assert (dropped["nucleus_area"] > 180).all()
    assert (numbers[numbers["sort"].str.startswith("kept")]["nucleus_area"] <= 180).all()
    assert picture.shape[0] > 4 * 48


@pytest.mark.dag
def test_plates_return_the_numbers_of_every_well(plates, tmp_path):
    numbers, _ = draw("plates", plates, tmp_path, show=["cells", "lost", "focus", "saturated", "area", "intensity"])
    by_measure = numbers.set_index(["measure", "well"])["value"]
    found, fields = pd.read_parquet(plates[0].paths["objects"]), plates[0].plate.fields
    lost = pd.read_parquet(plates[0].paths["lost"])
    for well in fields["well"].unique():
        n = (found["well"] == well).sum()
        assert by_measure["cells", well] == n / (fields["well"] == well).sum()
        assert by_measure["lost", well] == pytest.approx((lost["well"] == well).sum() / n)
        assert by_measure["area", well] == found.loc[found["well"] == well, "nucleus_area"].median()
    assert by_measure["focus"].median() == pytest.approx(1, abs=0.2)


def test_images_that_were_moved_leave_a_note(own_rows, plates, tmp_path):
    gone = pd.read_parquet(plates[0].paths["fields"])
    gone[[c for c in gone if c.startswith("path_")]] = "nowhere.tif"
    table_files.write(gone, tmp_path / "fields.parquet", "fields")
    moved = [PlateFiles(plates[0].paths | {"fields": str(tmp_path / "fields.parquet")})]
    for name in ("fields", "cells"):
        numbers, _ = draw(name, moved, tmp_path)
        assert len(numbers)
