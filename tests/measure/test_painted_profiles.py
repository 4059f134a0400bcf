"""Painted profiles have the covariances they claim; on them activity, recall and mechanisms answer what is true."""

import numpy as np
import pandas as pd
import pytest
from made_profiles import values
from painted_profiles import DIRECTIONS, FITTED, LEVELS, deviations, fitted, painted, true_recall
from paths import SHARED
from wellread.measure.average_precision import average_precision
from wellread.measure.nearest_class import nearest_class
from wellread.measure.retrieval import retrieval
from wellread.profiles import controls, tables
from wellread.profiles.consensus import consensus

PLATES = SHARED / "data" / "jump_pilot_profiles"
RECALL = {"active": 40, "controls": 16, "plates": 2, "batches": 2, "sources": 2, "layouts": 2, "effect": 0.2}


@pytest.mark.slow
@pytest.mark.skipif(not PLATES.exists(), reason="no profiles beside the repository in shared/data/jump_pilot_profiles")
def test_the_constants_are_those_of_four_real_plates():
    every = pd.concat([pd.read_csv(path) for path in sorted(PLATES.glob("BR*.csv.gz"))])
    every = every.sort_values(["Metadata_Plate", "Metadata_Well"])
    features = [name for name in every if not name.startswith("Metadata_") and not name.count("BF")]
    X = every[[name for name in features if "Brightfield" not in name]].to_numpy(float).reshape(4, 384, -1)
    first = every[:384]
    negative = (first["Metadata_control_type"] == "negcon").to_numpy()
    found = fitted(X, first["Metadata_broad_sample"].fillna("DMSO").to_numpy(), negative)
    assert found == {name: pytest.approx(law, rel=0.01) for name, law in FITTED.items()}


def test_what_is_painted_has_these_covariances():
    """Variances of wells and of positions along the directions, from 160 controls on six plates."""
    frame = painted(3, controls=160, active=2, plates=6, gradient=0.0)
    own = frame[frame["Metadata_control"] == "negative"].sort_values(["Metadata_Plate", "Metadata_Well"])
    X = tables.split(own)[1].reshape(6, 160, DIRECTIONS)
    rest = X - X.mean(axis=1, keepdims=True) - X.mean(axis=0) + X.mean(axis=(0, 1))
    well = (rest**2).sum(axis=(0, 1)) / (5 * 159)
    position = X.mean(axis=0).var(axis=0, ddof=1) - well / 6
    assert np.log(well / deviations("well") ** 2).mean() == pytest.approx(0, abs=0.02)
    assert np.mean(position / deviations("position") ** 2) == pytest.approx(1, abs=0.06)


def test_gradients_are_linear_in_row_and_column():
    frame = painted(4, controls=100, active=2, plates=1, gradient=1.0)
    own = frame[frame["Metadata_control"] == "negative"]
    X, wells = tables.split(own)[1], own["Metadata_Well"]
    A = np.stack([np.ones(100), wells.str[0].map(ord), wells.str[1:].astype(int)], axis=1)
    left = X - A @ np.linalg.lstsq(A, X, rcond=None)[0]
    assert np.log((left**2).sum(axis=0) / 97 / deviations("well") ** 2).mean() == pytest.approx(0, abs=0.04)


def called_active(seed, repeated, permute="auto"):
    """Which treatments are active, of those that do nothing, n000, and of those that do something, a000."""
    frame = painted(seed, active=40, nothing=60, effect=0.2, repeated=repeated)
    found = average_precision(frame, 0, controls.swapped(frame), permute=permute, null_size=200)
    assert values(found, "fraction_decidable")[""] == 1
    return values(found, "active")


def share(seeds, kind, *options):
    """The share of treatments that are called active, of a kind, `n` of nothing or `a`, and its standard error."""
    found = [
        np.mean([value for name, value in called_active(seed, *options).items() if name[0] == kind]) for seed in seeds
    ]
    return np.mean(found), np.std(found) / np.sqrt(len(found))


@pytest.mark.slow
@pytest.mark.parametrize("repeated", [False, True])
def test_at_most_five_in_a_hundred_treatments_of_nothing_are_called_active(repeated):
    active, error = share(range(12), "n", repeated)
    assert active <= 0.05 + 2 * error


@pytest.mark.dag
def test_with_one_layout_wells_would_call_more_of_nothing_active():
    assert share(range(2), "n", True, "wells")[0] > 0.1


@pytest.mark.dag
def test_with_changing_layouts_power_is_that_of_permuted_wells():
    assert called_active(0, False) == called_active(0, False, "wells")


@pytest.mark.slow
def test_recall_is_the_true_one_at_every_level():
    """The mean of twelve screens, and by a loop over wells of sixty others."""
    told = [retrieval(painted(seed, **RECALL), 0) for seed in range(12)]
    true = [painted(1000 + seed, **RECALL) for seed in range(60)]
    for level in LEVELS:
        found = np.array([values(one, f"recall_{level}")[""] for one in told])
        truth = np.mean([true_recall(frame, level) for frame in true])
        assert found.mean() == pytest.approx(truth, abs=0.03 + 2 * found.std() / np.sqrt(12))
    assert truth < 0.5  # of other positions; of other wells it is half


@pytest.mark.dag
def test_mechanisms_are_found_as_far_as_treatments_share_them():
    def nsc(effect, common):
        rules = {"active": 60, "controls": 20, "classes": 12, "repeated": False}
        frames = [consensus(painted(seed, effect=effect, common=common, **rules)) for seed in range(6)]
        return np.mean([values(nearest_class(frame, 0, permutations=0), "nsc")[""] for frame in frames])

    assert nsc(0.0, 0.5) < 0.2
    assert 0.5 < nsc(0.2, 0.5) < 0.8
    assert nsc(0.4, 0.75) > 0.9
