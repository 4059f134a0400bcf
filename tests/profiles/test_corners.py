"""Corners of corrections, controls, consensus and similarity that whole screens do not show."""

import numpy as np
import pandas as pd
import pytest
from made_profiles import profiles, screen
from wellread.profiles import similarity, tables
from wellread.profiles.consensus import consensus
from wellread.profiles.controls import control_use
from wellread.profiles.correct import correct


def of_batches(n, D):
    """Two batches with n fitting controls each, and three other wells, of D features with deviations of their own."""
    rng = np.random.default_rng(0)
    wells = pd.DataFrame({"plate": "p", "batch": np.repeat(["a", "b"], n + 3), "treatment": "t"})
    wells["control"] = (["negative"] * n + [""] * 3) * 2
    wells["well"] = [f"A{i:02d}" for i in range(len(wells))]
    X = rng.normal(size=(len(wells), D)) * np.where(wells["batch"] == "a", 1, 4)[:, None]
    frame = profiles(wells, X)
    frame["Metadata_control_use"] = np.where(wells["control"] == "negative", "fit", "")
    return frame


def test_as_many_controls_as_dimensions_are_enough_for_coral():
    frame = of_batches(3, 3)
    before, after = (tables.split(f)[1] for f in (frame, correct(frame, [{"coral": {}}], seed=0)))
    assert (np.abs(after - before).max(axis=1) > 1e-3).all()
    np.testing.assert_array_equal(
        *(tables.split(f)[1] for f in (of_batches(2, 3), correct(of_batches(2, 3), [{"coral": {}}], seed=0)))
    )


def test_there_is_one_principal_component_less_than_rows():
    frame = of_batches(1, 12).assign(Metadata_batch="a")
    found = tables.split(correct(frame, [{"harmony": {}}], seed=0))[1]
    assert found.shape == (8, 7)
    assert (found.std(axis=0) > 0.01).all()


def test_a_value_that_some_wells_lack_becomes_text_and_one_that_all_have_does_not():
    frame = screen(plates=2, treatments=2, controls=2).assign(Metadata_passage=7.0, Metadata_site=3.0)
    treated = np.flatnonzero(frame["Metadata_treatment"] == "t000")
    frame.loc[frame.index[treated[0]], "Metadata_passage"] = np.nan
    row = consensus(frame).set_index("Metadata_treatment").loc["t000"]
    assert row["Metadata_passage"] == "7.0"
    assert row["Metadata_site"] == 3.0


def test_of_equal_neighbours_the_earlier_come_first():
    X = np.zeros((40, 2))
    X[:, 0] = 1
    X[30:] = [0, 1]  # ten of one kind, thirty of another
    index, cosine = similarity.nearest_neighbours(X, np.arange(40)[:, None], 29)
    assert index[5].tolist() == [i for i in range(30) if i != 5]
    index, cosine = similarity.nearest_neighbours(X, np.arange(40)[:, None], 9)
    assert index[35].tolist() == [i for i in range(30, 40) if i != 35]
    assert (cosine[35] == 1).all()


def test_the_halves_of_controls_do_not_change_from_version_to_version():
    """As drawn today, for what was fitted on one half must not be evaluated on it after an update."""
    wells = pd.DataFrame({"plate": "P1", "well": [f"B{i:02d}" for i in range(2, 10)], "control": "negative"})
    assert "".join(use[0] for use in control_use(wells, 0)) == "efeffeef"
    assert "".join(use[0] for use in control_use(wells.assign(plate="P2"), 0)) == "efeffeef"
    assert "".join(use[0] for use in control_use(wells, 1)) == "eeffffee"


def test_two_controls_of_a_plate_are_one_of_each_half():
    wells = pd.DataFrame(
        {
            "plate": np.repeat([f"P{i}" for i in range(20)], 2),
            "well": [f"A{i:02d}" for i in range(40)],
            "control": "negative",
        }
    )
    use = control_use(wells, 3).reshape(20, 2)
    assert (np.sort(use, axis=1) == ["evaluate", "fit"]).all()
    assert len({tuple(pair) for pair in use}) == 2  # drawn, not the first


@pytest.mark.parametrize("by", ["plate", "batch"])
def test_standardize_looks_at_its_own_groups(by):
    frame = screen(plates=4, D=3, shift=5.0)
    found = correct(frame, [{"standardize": {"by": by}}], seed=0)
    means = found.groupby(tables.column(by))[[f"emb_{i:04d}" for i in range(3)]].mean()
    np.testing.assert_allclose(means, 0, atol=1e-5)
    other = found.groupby(tables.column("plate"))[["emb_0000"]].mean()
    assert (np.abs(other).max().item() > 0.1) == (by == "batch")
