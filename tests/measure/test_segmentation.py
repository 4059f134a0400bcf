"""Scores of masks: by hand on drawn objects, and against a slow loop that follows the published definitions."""

import numpy as np
import pandas as pd
import pytest
import tifffile
from truth import pooled_f1
from wellread.measure.segmentation import Overlap, counts, metrics, segmentation
from wellread.runtime.errors import InputError

IOU = (0.5, 0.7, 0.9)


def boxes(*places, size=40):
    labels = np.zeros((size, size), np.int32)
    for i, (top, left, bottom, right) in enumerate(places, start=1):
        labels[top:bottom, left:right] = i
    return labels


def scattered(seed, n=12, size=80):
    """Two label images with overlapping, missed, merged and shifted objects."""
    rng = np.random.default_rng(seed)
    images = np.zeros((2, size, size), np.int32)
    for label, (y, x) in enumerate(rng.integers(0, size - 12, (n, 2)), start=1):
        for image in images:
            dy, dx, side = rng.integers(-3, 4), rng.integers(-3, 4), rng.integers(6, 12)
            image[max(y + dy, 0) : y + dy + side, max(x + dx, 0) : x + dx + side] = label * (rng.random() < 0.85)
    return images


def slow_aji(true, found):
    """Kumar et al. 2017, algorithm 1, line by line."""
    shared = union = 0
    used = set()
    for i in np.unique(true[true > 0]):
        best, pair = 0.0, None
        for j in np.unique(found[found > 0]):
            both, either = ((true == i) & (found == j)).sum(), ((true == i) | (found == j)).sum()
            if both / either > best:
                best, pair = both / either, (both, either, j)
        if pair is None:
            union += (true == i).sum()
        else:
            shared, union = shared + pair[0], union + pair[1]
            used.add(pair[2])
    return shared, union + sum((found == j).sum() for j in np.unique(found[found > 0]) if j not in used)


@pytest.mark.parametrize("seed", range(8))
def test_aji_is_the_published_one(seed):
    true, found = scattered(seed)
    assert Overlap.of(true, found).aji() == slow_aji(true, found)


@pytest.mark.parametrize("seed", range(8))
@pytest.mark.parametrize("iou", [0.5, 0.7])
def test_f1_agrees_with_one_to_one_matching(seed, iou):
    true, found = scattered(seed)
    result = {line["metric"]: line["value"] for line in metrics(counts(true, found, [iou]), [iou])}
    assert result[f"f1_{iou:.2f}"] == pytest.approx(pooled_f1(true[None], found[None], iou + 1e-9))


def test_errors_of_drawn_objects():
    true = boxes((2, 2, 10, 10), (2, 12, 10, 20), (20, 2, 36, 10), (20, 20, 30, 30))
    found = boxes((2, 2, 10, 20), (20, 2, 27, 10), (28, 2, 36, 10), (2, 30, 8, 36))
    assert Overlap.of(true, found).error_counts() == {"missed": 1, "extra": 1, "merged": 1, "split": 1}


def test_by_hand():
    true, found = boxes((0, 0, 10, 10), (20, 20, 30, 30)), boxes((0, 0, 10, 8), (34, 34, 38, 38))
    result = {line["metric"]: line["value"] for line in metrics(counts(true, found, IOU), IOU)}
    assert result["f1_0.50"] == result["f1_0.70"] == 0.5
    assert result["f1_0.90"] == 0
    assert result["ap_0.50"] == pytest.approx(1 / 3)
    assert result["ap"] == pytest.approx(2 / 9)
    assert result["aji"] == pytest.approx(80 / (100 + 100 + 16))
    assert result["mean_iou"] == pytest.approx(0.8)


@pytest.mark.parametrize(("true", "found", "f1"), [(0, 0, 1.0), (1, 0, 0.0), (0, 1, 0.0)])
def test_empty_images(true, found, f1):
    images = [boxes(*[(2, 2, 9, 9)] * n) for n in (true, found)]
    result = {line["metric"]: line["value"] for line in metrics(counts(*images, IOU), IOU)}
    assert result["f1_0.50"] == result["aji"] == f1
    assert np.isnan(result["mean_iou"])


@pytest.mark.dag
def test_objects_at_the_border_may_be_left_out(painted, files):
    truth = str(painted[0] / "{plate}" / "truth.tif")
    every, inner = (segmentation(files, truth=truth, clear_border=clear) for clear in (False, True))
    every, inner = (result[result["item"] == ""].set_index("metric")["value"] for result in (every, inner))
    true = tifffile.imread(painted[0] / "P1" / "truth.tif")[:, 0]
    borders = [np.concatenate([f[0], f[-1], f[:, 0], f[:, -1]]) for f in true]
    assert every["true"] - inner["true"] == sum(len(np.unique(border[border > 0])) for border in borders)


@pytest.fixture
def files(plate):
    return [tuple(str(plate / name) for name in ("fields.parquet", "calibration.npz", "masks.tif"))]


@pytest.mark.parametrize(("of", "plane"), [("nucleus", 0), ("cell", 1)])
def test_a_painted_plate_is_scored(painted, files, of, plane):
    truth = painted[0] / "P1" / "truth.tif"
    result = segmentation(files, truth=str(painted[0] / "{plate}" / "truth.tif"), of=of)
    overall = result[result["item"] == ""].set_index("metric")["value"]
    true, found = tifffile.imread(truth)[:, plane], tifffile.imread(files[0][2])[:, plane]
    assert overall["f1_0.50"] == pytest.approx(pooled_f1(true, found))
    each = result[(result["item"] != "") & (result["metric"] == "f1_0.50")]
    assert len(each) == 12
    assert overall["f1_0.50_mean"] == pytest.approx(each["value"].mean())
    assert overall["true"] == sum(len(np.unique(field)) - 1 for field in true)


def test_fields_without_truth_are_counted(painted, files, tmp_path):
    labels = tifffile.imread(painted[0] / "P1" / "truth.tif")[3, 0]
    row = pd.read_parquet(files[0][0]).iloc[3]
    np.save(tmp_path / f"{row.well}_{row.site}.npy", labels)
    result = segmentation(files, truth=str(tmp_path / "{well}_{site}.npy"))
    assert result[result["metric"] == "left_out"].set_index("item")["value"].to_dict() == {
        "no label image": 11,
        "field left out": 0,
    }
    assert result.set_index(["metric", "item"])["value"]["found", ""] > 0


def test_no_truth_at_all_is_refused(files, tmp_path):
    with pytest.raises(InputError, match="no label image: 12"):
        segmentation(files, truth=str(tmp_path / "{well}.png"))
