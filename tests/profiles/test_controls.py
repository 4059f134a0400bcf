"""Which negative controls corrections are fitted on, and which the measures compare with."""

import pandas as pd
import pytest
from wellread.profiles import controls


def wells_of(plates, n_controls, treated=3):
    rows = [
        {"plate": plate, "well": f"A{i:02d}", "control": "negative" if i < n_controls else ""}
        for plate in plates
        for i in range(n_controls + treated)
    ]
    return pd.DataFrame(rows)


def test_control_use_halves_the_negative_controls_of_every_plate():
    wells = wells_of(["p1", "p2", "p3"], n_controls=8)
    wells["use"] = controls.control_use(wells, 0)
    counts = wells.groupby(["plate", "use"]).size().unstack()
    assert (counts[["fit", "evaluate"]] == 4).all(axis=None)
    assert (wells.loc[wells["control"] == "", "use"] == "").all()


def test_control_use_of_a_plate_depends_on_nothing_else():
    wells = wells_of(["p2", "p1"], n_controls=9)
    alone = wells[wells["plate"] == "p1"]
    both = controls.control_use(wells, 0)[(wells["plate"] == "p1").to_numpy()]
    assert (controls.control_use(alone, 0) == both).all()
    shuffled = alone.sample(frac=1, random_state=1)
    again = pd.Series(controls.control_use(shuffled, 0), shuffled.index)
    assert (again.loc[alone.index] == both).all()
    assert (controls.control_use(alone, 1) != both).any()


def test_single_controls_go_either_way():
    use = controls.control_use(wells_of([f"p{i}" for i in range(40)], n_controls=1), 0)
    assert 10 < (use == "fit").sum() < 30


def test_a_position_has_the_same_use_on_every_plate():
    wells = wells_of(["p1", "p2", "p3"], n_controls=9)
    use = pd.Series(controls.control_use(wells, 0))
    assert (use.groupby(wells["well"]).nunique() == 1).all()
    assert set(use[wells["control"] == "negative"]) == {"fit", "evaluate"}


@pytest.mark.dag
def test_positions_of_either_half_are_drawn_by_the_seed():
    wells = wells_of(["p1"], n_controls=8)
    draws = pd.DataFrame([controls.control_use(wells, seed) == "fit" for seed in range(200)]).iloc[:, :8]
    assert draws.mean().between(0.38, 0.62).all()
    assert (draws.sum(axis=1) == 4).all()


def test_swapping_the_halves_changes_the_use_of_controls_alone():
    frame = pd.DataFrame({"Metadata_control_use": ["fit", "evaluate", ""], "emb_0000": [1.0, 2, 3]})
    swapped = controls.swapped(frame)
    assert swapped["Metadata_control_use"].tolist() == ["evaluate", "fit", ""]
    pd.testing.assert_frame_equal(controls.swapped(swapped), frame)
