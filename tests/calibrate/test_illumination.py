"""The light is found to 2% on painted plates, even light is left even, and what is downstream gains."""

import numpy as np
import pandas as pd
import pytest
import tifffile
from truth import pooled_f1
from wellread.calibrate.calibrate import survey
from wellread.calibrate.illumination import LightModel, PlateShape, functions, retrospective, shrink
from wellread.calibrate.plate import calibrated, flat_field
from wellread.painted import layout, paint
from wellread.runtime.errors import InputError
from wellread.segment.otsu_watershed import otsu_watershed
from wellread.segment.scene import Scene

CHANNELS = list(layout.CHANNELS)
MADE = {"wells": 48, "fields": 1, "size": 256, "cells": 18.0, "seed": 0}


def tilted(size):
    """Strong light from one side, a third of the mean in the far corner, and no polynomial's exponential."""
    y, x = np.mgrid[:size, :size] / size - 0.5
    return (1 + 0.3 * x) / (1 + 1.2 * ((y - 0.1) ** 2 + (x + 0.2) ** 2)) ** 2


LIGHTS = {"painted": None, "tilted": tilted, "even": lambda size: np.ones((size, size))}


@pytest.fixture(
    scope="module", params=["tilted", *(pytest.param(name, marks=pytest.mark.slow) for name in ("painted", "even"))]
)
def lit(request, tmp_path_factory):
    """Name of a light, rows of a plate under it, and that light, mean 1."""
    return painted_under(request.param, tmp_path_factory.mktemp(request.param))


def painted_under(name, folder):
    optics = paint.microscope(1, MADE["size"], 1.0, 0)
    if LIGHTS[name]:
        optics["vignette"] = LIGHTS[name](MADE["size"])
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(paint, "microscope", lambda *_: optics)
        paint.paint("P1", folder, **MADE)
    rows = layout.images(folder, plates=1, **MADE)
    return name, rows, optics["vignette"] / optics["vignette"].mean(), folder


@pytest.fixture(scope="module")
def found(lit):
    return survey(lit[1], CHANNELS, illumination={"retrospective": {}})[1]


def error(estimate, truth):
    return np.sqrt(np.mean((estimate / truth - 1) ** 2, axis=(-2, -1)))


@pytest.mark.dag
def test_the_light_is_found_to_2_percent_without_knowing_the_dark(lit, found):
    assert (error(found["illumination"], lit[2]) < 0.02).all()
    np.testing.assert_allclose(found["illumination"].mean((1, 2)), 1, rtol=1e-5)


@pytest.mark.dag
def test_with_the_dark_known_it_is_found_to_half_a_percent(lit):
    fields = np.stack(
        [[shrink(tifffile.imread(path)) for path in paths] for paths in lit[1][["RNA", "Mito"]].to_numpy()]
    )
    surface, dark = retrospective(PlateShape("P1", ["RNA", "Mito"], lit[2].shape), fields, dark=200)
    assert (dark == 200).all()
    assert (error(surface, lit[2]) < 0.005).all()


@pytest.mark.dag
def test_even_light_changes_no_count_by_1_percent(lit, found):
    if lit[0] == "even":
        assert np.abs(found["illumination"] - 1).max() < 0.01
        plain = survey(lit[1], CHANNELS)[1]
        raw = np.stack([tifffile.imread(path) for path in lit[1].loc[7, CHANNELS]])
        keys = ("illumination", "dark", "limits")
        ours, theirs = (calibrated(raw, *(one[key] for key in keys)) for one in (found, plain))
        assert np.abs(ours - theirs).max() < 0.01


@pytest.mark.dag
def test_the_dark_is_found_where_light_is_uneven(lit, found):
    if lit[0] != "even":
        assert np.abs(found["dark"] - 200).max() < 12


@pytest.mark.dag
def test_limits_are_percentiles_of_corrected_counts(lit, found):
    even = found["illumination"], found["dark"]
    planes = [flat_field(np.stack([tifffile.imread(p) for p in paths]), *even) for paths in lit[1][CHANNELS].to_numpy()]
    wanted = np.percentile(np.stack(planes, axis=1).reshape(len(CHANNELS), -1), [0.05, 99.95], axis=1).T
    np.testing.assert_allclose(found["limits"], wanted, atol=0.3, rtol=2e-3)


def segmented(rows, calibration):
    """Calibrated fields and masks (2, F, H, W)."""
    keys = ("illumination", "dark", "limits")
    stacks = (np.stack([tifffile.imread(path) for path in paths]) for paths in rows[CHANNELS].to_numpy()[::4])
    fields = [dict(zip(CHANNELS, calibrated(raw, *(calibration[k] for k in keys)), strict=True)) for raw in stacks]
    method = otsu_watershed(Scene(fields[:8]), nucleus="DNA", cell="RNA")
    return fields, np.stack([method(field, {}) for field in fields], axis=1)


@pytest.mark.slow
def test_cells_gain_and_brightness_no_longer_tells_the_place(lit, found):
    if lit[0] != "tilted":
        return
    _, rows, light, folder = lit
    true = tifffile.imread(folder / "P1" / "truth.tif")[::4]
    before, after = (segmented(rows, one) for one in (survey(rows, CHANNELS)[1], found))
    f1 = [[pooled_f1(true[:, i], masks[i], 0.9) for i in (0, 1)] for _, masks in (before, after)]  # all are found
    shares = [[explained(fields, true[:, 1], light, channel) for channel in CHANNELS] for fields, _ in (before, after)]
    assert f1[1][0] >= f1[0][0] - 0.01
    assert f1[1][1] > f1[0][1] + 0.02
    assert (np.array(shares[1]) < 0.1 * np.array(shares[0])).all()


@pytest.mark.slow
def test_profiles_of_the_same_cells_no_longer_tell_their_plates_apart(lit, tmp_path):
    if lit[0] != "tilted":
        return
    other = painted_under("even", tmp_path)  # the same cells
    shares = []
    for method in ({"none": {}}, {"retrospective": {"dark": 200}}):
        plates = [profiles(*plate[1::2], survey(plate[1], CHANNELS, illumination=method)[1]) for plate in (lit, other)]
        both, middle = np.concatenate(plates), np.mean(plates, axis=1)
        shares.append(((middle - both.mean(0)) ** 2).mean(0) / both.var(0))  # of variance that the plate explains
    spread = np.array(shares)[:, len(CHANNELS) :]
    assert np.median(spread[0]) > 0.3
    assert (spread[1] < 0.2 * spread[0]).all()


def profiles(rows, folder, calibration):
    """Mean and deviation over the cells of every well of the log of their brightness: (wells, 2 C)."""
    true, keys = tifffile.imread(folder / "P1" / "truth.tif")[:, 1], ("illumination", "dark", "limits")
    out = []
    for paths, cells in zip(rows[CHANNELS].to_numpy(), true, strict=True):
        field = calibrated(np.stack([tifffile.imread(path) for path in paths]), *(calibration[key] for key in keys))
        area = np.bincount(cells.ravel())[1:]
        light = np.log([np.bincount(cells.ravel(), plane.ravel())[1:] / area for plane in field])
        out.append(np.concatenate([light.mean(1), light.std(1)]))
    return np.array(out)


def explained(fields, cells, light, channel) -> float:
    """The share of variance of the mean brightness of true cells that the light at their place explains."""
    bright, lit = [], []
    for field, labels in zip(fields, cells, strict=True):
        for label in np.unique(labels)[1:]:
            bright.append(field[channel][labels == label].mean())
            lit.append(light[labels == label].mean())
    return float(np.corrcoef(bright, lit)[0, 1] ** 2)


@pytest.mark.dag
def test_too_few_fields_are_taken_to_be_evenly_lit(lit, caplog):
    calibration = survey(lit[1].iloc[:6], CHANNELS, illumination={"retrospective": {}})[1]
    assert (calibration["illumination"] == 1).all()
    assert "6 good fields" in caplog.text


@pytest.mark.dag
def test_crowded_places_are_not_taken_for_light():
    """Twice as many cells on the right as on the left, in even light."""
    rng = np.random.default_rng(0)
    crowd = np.linspace(0.15, 0.3, 64)
    cells = rng.random((60, 64, 64)) < crowd
    counts = 200 + 80 + cells * rng.lognormal(6, 0.4, cells.shape) + 2 * rng.standard_normal(cells.shape)
    surface, _ = retrospective(PlateShape("P", ["a"], (64, 64)), counts[:, None].astype(np.float32))
    assert np.abs(surface - 1).max() < 0.01


def test_planes_shrink_to_blocks_of_about_64():
    plane = np.arange(130 * 200).reshape(130, 200)
    np.testing.assert_allclose(shrink(plane), plane.reshape(65, 2, 100, 2).mean((1, 3)))
    assert shrink(np.ones((40, 50))).shape == (40, 50)
    assert LightModel(np.random.default_rng(0).random((12, 64, 65)) + 1, 3).basis.shape == (64 * 65, 9)


@pytest.fixture
def files(tmp_path):
    (tmp_path / "P").mkdir()
    np.save(tmp_path / "P" / "IllumOrigDNA.npy", np.linspace(1, 3, 12).reshape(3, 4))
    np.save(tmp_path / "P" / "IllumER.npy", np.ones((3, 4)))
    return {"path": str(tmp_path / "{plate}" / "Illum{channel}.npy"), "names": {"DNA": "OrigDNA"}}


PLATE = PlateShape("P", ["DNA", "ER"], (3, 4))


def test_functions_are_read_by_name_and_brought_to_mean_1(files):
    surface, dark = functions(PLATE, **files, dark=100.0)
    np.testing.assert_allclose(surface[0], np.linspace(1, 3, 12).reshape(3, 4) / 2, rtol=1e-6)
    assert (surface[1] == 1).all()
    assert dark.tolist() == [100, 100]


@pytest.mark.parametrize(
    ("plane", "words"),
    [
        (np.ones((4, 3)), r"\(3, 4\), as the fields[\s\S]*\(4, 3\)"),
        (np.full((3, 4), np.nan), "finite numbers above 0"),
        (np.eye(3, 4), "finite numbers above 0"),
        (np.array([None]), "a .npy file with an array"),
    ],
)
def test_functions_that_do_not_fit_are_refused(files, tmp_path, plane, words):
    np.save(tmp_path / "P" / "IllumER.npy", plane)
    with pytest.raises(InputError, match=words):
        functions(PLATE, **files)


def test_missing_functions_are_refused(files):
    with pytest.raises(InputError, match="no file at"):
        functions(PLATE, path=files["path"])
    with pytest.raises(InputError, match="plate"):
        functions(PLATE, path="{dish}.npy")


@pytest.mark.dag
def test_functions_reach_the_calibration(painted, tmp_path):
    light = np.exp(-np.linspace(0, 1, 192))[:, None] * np.ones(192)
    for channel in CHANNELS:
        np.save(tmp_path / f"{channel}.npy", light)
    calibration = survey(painted[1], CHANNELS, illumination={"functions": {"path": str(tmp_path / "{channel}.npy")}})
    np.testing.assert_allclose(calibration[1]["illumination"], np.stack([light / light.mean()] * 5), rtol=1e-5)
    two = survey(painted[1], CHANNELS, 2, illumination={"functions": {"path": str(tmp_path / "{channel}.npy")}})
    pd.testing.assert_frame_equal(calibration[0], two[0])
    np.testing.assert_array_equal(calibration[1]["limits"], two[1]["limits"])
