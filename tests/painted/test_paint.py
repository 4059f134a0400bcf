"""The painted screen: known layout, exact truth, pictures within a camera's range, all of it from the seed."""

import numpy as np
import pandas as pd
import pytest
import tifffile
from conftest import SMALL
from paths import ROOT
from wellread.inputs import user_tables
from wellread.painted import layout, paint, phantom

pytestmark = pytest.mark.dag

TREATED = layout.layout().query("control == ''")


def test_the_demo_table_is_the_layout(tmp_path):
    shipped = ROOT / "resources" / "demo" / "wells.csv"
    pd.testing.assert_frame_equal(
        user_tables.read(shipped, "wells").astype({"dose": float}),
        user_tables.check(layout.layout().fillna(""), "wells", "layout").astype({"dose": float}),
    )


def test_four_mechanisms_of_three_compounds_at_two_doses_in_two_wells():
    active = TREATED[TREATED["moa"] != ""]
    assert active.groupby("moa")["treatment"].nunique().tolist() == [3] * 4
    assert TREATED.loc[TREATED["moa"] == "", "treatment"].nunique() == 2
    assert TREATED.groupby(["treatment", "dose"]).size().unique().tolist() == [2]
    assert TREATED.groupby("treatment")["dose"].nunique().unique().tolist() == [2]


def test_a_compound_lives_on_one_plate_and_a_mechanism_on_both():
    assert TREATED.groupby("treatment")["plate"].nunique().max() == 1
    assert TREATED[TREATED["moa"] != ""].groupby("moa")["plate"].nunique().min() == 2
    assert layout.layout().query("control == 'negative'").groupby("plate").size().tolist() == [20, 20]


@pytest.mark.parametrize("wells", [12, 24, 48])
def test_a_further_plate_changes_no_other(wells):
    two, three = layout.layout(plates=2, wells=wells), layout.layout(plates=3, wells=wells)
    pd.testing.assert_frame_equal(two, three[three["plate"] != "P3"].reset_index(drop=True))


def test_the_same_seed_gives_the_same_bytes_and_another_does_not(painted, tmp_path):
    paint.paint("P1", tmp_path / "again", **SMALL)
    paint.paint("P1", tmp_path / "other", **SMALL | {"seed": 4})
    files = sorted(path.name for path in (painted[0] / "P1").iterdir())
    assert files == sorted(path.name for path in (tmp_path / "again" / "P1").iterdir())
    for name in files:
        assert (painted[0] / "P1" / name).read_bytes() == (tmp_path / "again" / "P1" / name).read_bytes()
    first = painted[1]["DNA"].iloc[0].rsplit("/", 1)[1]
    assert (painted[0] / "P1" / first).read_bytes() != (tmp_path / "other" / "P1" / first).read_bytes()


def test_truth_is_exact(painted):
    truth = tifffile.imread(painted[0] / "P1" / "truth.tif")
    assert truth.shape == (12, 2, 192, 192)
    counts = [len(np.unique(field[1])) - 1 for field in truth]
    assert len(set(counts)) > 3
    for nuclei, cells in truth:
        assert (cells[nuclei > 0] == nuclei[nuclei > 0]).all()  # a nucleus lies in its own cell, and in no other
        assert np.array_equal(np.unique(nuclei), np.unique(cells))  # and no cell is without one


@pytest.mark.parametrize("number", [1, 2, 3, 4, 5, 17])
def test_every_plate_is_within_the_range_of_the_camera(number):
    rng = np.random.default_rng(0)
    light, masks = phantom.draw(rng, 12, 128, np.zeros(4))
    with np.errstate(all="raise"):
        counts = paint.expose(rng, light, paint.microscope(number, 128, 1.0, seed=0))
    assert counts.dtype == np.uint16
    assert counts.min() > 100
    assert (counts >= 4095).mean() < 0.001
    inside = masks[1] > 0
    assert all(plane[inside].mean() > 1.2 * plane[~inside].mean() for plane in counts)


def test_inactive_compounds_and_controls_do_nothing():
    assert not paint.response("inertin-A", "", 10.0, 1.0, 0).any()
    low, high = (paint.response("cablin-A", "actin bundling", dose, 1.0, 0) for dose in (1.0, 10.0))
    assert (low / high > 0.4).all()
    assert (low / high < 0.7).all()


@pytest.mark.parametrize(
    ("moa", "channel", "brighter", "rougher"),
    [
        ("mitochondrial biogenesis", "Mito", 1.57, "same"),
        ("RNA depletion", "RNA", 0.64, "same"),
        ("chromatin condensation", "DNA", 1, "rougher"),
        ("ER coarsening", "ER", 1, "smoother"),
    ],
)
def test_mechanisms_of_light_change_brightness_alone_or_texture_alone(moa, channel, brighter, rougher):
    strengths = 0.9 * (np.array(list(layout.MECHANISMS["light"])) == moa)
    fields = [drawn(strengths=value, mechanisms="light") for value in (0 * strengths, strengths)]
    for index, name in enumerate(layout.CHANNELS):
        before, after = (light[:, index] for light, _ in fields)
        steps = [np.abs(np.diff(planes, axis=1)).sum() / planes.sum() for planes in (before, after)]
        assert after.sum() / before.sum() == pytest.approx(brighter if name == channel else 1, abs=0.06)
        found = "rougher" if steps[1] > 1.3 * steps[0] else "smoother" if steps[1] < 0.8 * steps[0] else "same"
        assert found == (rougher if name == channel else "same")
    np.testing.assert_array_equal(fields[0][1], fields[1][1])  # shapes


def drawn(**options):
    """Light and masks of four fields."""
    fields = [phantom.draw(np.random.default_rng(seed), 12, 192, **options) for seed in range(4)]
    return tuple(np.stack(planes) for planes in zip(*fields, strict=True))


def test_screens_of_light_have_compounds_of_their_own():
    screen = layout.layout(mechanisms="light")
    assert set(screen.loc[screen["moa"] != "", "moa"]) == set(layout.MECHANISMS["light"])
    assert screen["well"].tolist() == layout.layout()["well"].tolist()
    active = [set(table.loc[table["moa"] != "", "treatment"]) for table in (screen, TREATED)]
    assert not active[0] & active[1]
