"""Corrections: against the golden vectors and pycytominer, on raw data; the columns they get, and what they do."""

import logging

import numpy as np
import pandas as pd
import pytest
from made_profiles import profiles, screen, values
from paths import SHARED
from wellread.profiles import tables
from wellread.profiles.correct import correct
from wellread.profiles.harmony import harmony
from wellread.profiles.scaling import standardize
from wellread.profiles.whitening import coral, sphering
from wellread.runtime.errors import InputError
from wellread.runtime.registry import functions

GOLDEN = SHARED / "golden" / "sphering.npz"


def controls(n_fit, n_other=0, plate="p1", batch="b1"):
    """The metadata that a correction gets: `n_fit` controls to fit on, then other wells."""
    use = ["fit"] * n_fit + [""] * n_other
    meta = {"plate": plate, "batch": batch, "control": ["negative"] * n_fit + [""] * n_other, "control_use": use}
    return pd.DataFrame(meta).rename(columns=tables.column)


def raw(n, D, seed=0):
    """Correlated features, far from 0, with deviations from 0.01 to 100."""
    rng = np.random.default_rng(seed)
    return rng.normal(size=(n, D)) @ (rng.normal(size=(D, D)) / D + np.eye(D)) * np.geomspace(0.01, 100, D) + 50


def covariance(X):
    return np.cov(X.T, bias=True)


def test_sphering_reproduces_the_golden_vectors():
    if not GOLDEN.is_file():
        pytest.skip("the golden vectors are not here")
    golden = np.load(GOLDEN)
    n = int(golden["n_controls"])
    meta = controls(n, len(golden["X"]) - n)
    out = sphering(golden["X"], meta, 0, regularisation=float(golden["lam"]), relative=False)
    np.testing.assert_allclose(out, golden["out"], atol=2e-12, rtol=1e-11)


def test_sphering_whitens_the_controls_it_fitted():
    X = raw(300, 20)
    out = sphering(X, controls(200, 100), 0, regularisation=1e-12)
    assert np.abs(covariance(out[:200]) - np.eye(20)).max() < 1e-4
    assert np.abs(out[:200].mean(axis=0)).max() < 1e-6


def test_sphering_is_that_of_pycytominer():
    pytest.importorskip("pycytominer")
    from pycytominer.operations import Spherize

    X = pd.DataFrame(raw(300, 12))
    oracle = Spherize(epsilon=1e-12, center=True, method="ZCA")
    oracle.fit(X[:200])
    ours = sphering(X.to_numpy(), controls(200, 100), 0, regularisation=1e-13)
    np.testing.assert_allclose(ours * np.sqrt(199 / 200), oracle.transform(X), rtol=1e-4, atol=1e-4)


def test_relative_regularisation_is_blind_to_units():
    X, meta = raw(80, 30), controls(40, 40)
    once, larger = sphering(X, meta, 0), sphering(1000 * X, meta, 0)
    np.testing.assert_allclose(once, larger, rtol=1e-6, atol=1e-9)
    absolute = sphering(1000 * X, meta, 0, regularisation=1e-2, relative=False)
    assert not np.allclose(absolute, sphering(X, meta, 0, regularisation=1e-2, relative=False))


def test_default_regularisation_bounds_the_stretch_of_unseen_directions():
    X = raw(1000, 60)[:, ::-1]
    X = (X - X.mean(axis=0)) / X.std(axis=0)
    out = sphering(X, controls(20, 980), 0)  # 20 controls see 19 of 60 directions
    mean_eigenvalue = np.trace(covariance(X[:20])) / 60
    stretch = np.linalg.norm(out - out[:20].mean(axis=0), axis=1) / np.linalg.norm(X - X[:20].mean(axis=0), axis=1)
    assert stretch.max() <= 1 / np.sqrt(mean_eigenvalue) + 1e-9


def test_ledoit_wolf_is_that_of_scikit_learn():
    from sklearn.covariance import ledoit_wolf

    X = raw(60, 20)
    shrunk = ledoit_wolf(X[:40])[0]
    out = sphering(X, controls(40, 20), 0, regularisation="ledoit_wolf")
    centred = X - X[:40].mean(axis=0)
    np.testing.assert_allclose((out**2).sum(axis=1), (centred @ np.linalg.inv(shrunk) * centred).sum(axis=1))


@pytest.mark.parametrize("name", ["sphering", "standardize", "coral"])
def test_the_order_of_rows_does_not_matter(name):
    frame = screen(plates=3, D=8, shift=1.0)
    order = np.random.default_rng(0).permutation(len(frame))
    straight = tables.split(correct(frame, [{name: {}}], seed=0))[1]
    shuffled = tables.split(correct(frame.iloc[order], [{name: {}}], seed=0))[1]
    np.testing.assert_allclose(straight[order], shuffled, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("name", ["sphering", "coral"])
def test_corrections_are_fitted_on_the_fitting_controls_only(name):
    frame = screen(plates=4, D=4, controls=20)
    meta, X = tables.split(frame)
    fitted = (meta["Metadata_control_use"] == "fit").to_numpy()
    other = X + np.where(fitted, 0, 100)[:, None]
    function = functions("correction")[name]
    np.testing.assert_allclose(function(X, meta, 0)[fitted], function(other, meta, 0)[fitted])


@pytest.mark.parametrize("name", sorted(functions("correction")))
def test_rows_and_metadata_stay_and_labels_do_not_count(name):
    if name == "harmony":
        pytest.importorskip("harmonypy")
    frame = screen(plates=4, D=8, treatments=20)
    corrected = correct(frame, [{name: {}}], seed=0)
    pd.testing.assert_frame_equal(tables.split(corrected)[0], tables.split(frame)[0])
    relabelled = frame.assign(Metadata_treatment=frame["Metadata_treatment"].to_numpy()[::-1], Metadata_moa="x")
    np.testing.assert_array_equal(
        tables.split(correct(relabelled, [{name: {}}], seed=0))[1], tables.split(corrected)[1]
    )


def test_corrections_get_no_labels(monkeypatch):
    columns = []
    spy = lambda X, meta, seed: columns.extend(meta) or X  # noqa: E731
    monkeypatch.setattr("wellread.profiles.correct.pick", lambda section, step: spy)
    monkeypatch.setattr("wellread.profiles.correct.named_columns", lambda step: [])
    correct(screen().assign(Metadata_moa="x"), [{"spy": {}}], seed=0)
    assert columns == ["Metadata_" + name for name in ("Plate", "Well", "batch", "control", "control_use")]


def test_a_chain_is_applied_in_order():
    frame = screen(plates=3, D=6)
    chain = correct(frame, [{"standardize": {}}, {"sphering": {"regularisation": 0.1}}], seed=0)
    by_hand = correct(correct(frame, [{"standardize": {}}], seed=0), [{"sphering": {"regularisation": 0.1}}], seed=0)
    np.testing.assert_allclose(tables.split(chain)[1], tables.split(by_hand)[1], atol=1e-5)


def test_no_correction_changes_nothing():
    pd.testing.assert_frame_equal(correct(screen(), [], seed=0), screen())


def test_few_controls_are_warned_of(caplog):
    with caplog.at_level(logging.WARNING, "wellread"):
        sphering(raw(40, 10), controls(25, 15), 0)
        assert not caplog.records
        sphering(raw(40, 10), controls(19, 21), 0)
    assert "19 controls for 10 dimensions" in caplog.text


def test_no_controls_are_refused():
    with pytest.raises(InputError, match=r"(?s)found +0.*column control"):
        sphering(raw(5, 3), controls(0, 5), 0)


@pytest.mark.parametrize("robust", [False, True])
def test_standardize_scales_every_plate_by_itself(robust):
    X = np.concatenate([raw(50, 4, seed=1), 10 * raw(50, 4, seed=2) + 7])
    meta = pd.concat([controls(10, 40, "p1"), controls(10, 40, "p2")], ignore_index=True)
    out = standardize(X, meta, 0, robust=robust)
    for half in (out[:50], out[50:]):
        if robust:
            np.testing.assert_allclose(np.median(half, axis=0), 0, atol=1e-9)
            np.testing.assert_allclose(np.median(np.abs(half), axis=0), 1 / 1.4826)
        else:
            np.testing.assert_allclose(half.mean(axis=0), 0, atol=1e-9)
            np.testing.assert_allclose(half.std(axis=0, ddof=1), 1)


def test_standardize_can_learn_from_controls():
    X, meta = raw(50, 4), controls(20, 30)
    out = standardize(X, meta, 0, fit="controls")
    np.testing.assert_allclose(out[:20].std(axis=0, ddof=1), 1)
    np.testing.assert_allclose(out, (X - X[:20].mean(axis=0)) / X[:20].std(axis=0, ddof=1))


def test_standardize_does_not_blow_up_constant_features():
    X = raw(30, 3)
    X[:, 1] = 0.1 + np.random.default_rng(0).normal(size=30) * 1e-17
    assert np.abs(standardize(X, controls(5, 25), 0)[:, 1]).max() < 1e-9


def test_standardize_refuses_a_plate_without_controls():
    meta = pd.concat([controls(10, 10, "p1"), controls(0, 20, "p2")], ignore_index=True)
    with pytest.raises(InputError, match=r"(?s)plate p2.*fit: all"):
        standardize(raw(40, 3), meta, 0, fit="controls")


def test_coral_gives_batches_one_covariance():
    X = np.concatenate([raw(200, 4, seed=1), raw(200, 4, seed=2)])
    meta = pd.concat([controls(150, 50, batch=batch) for batch in ("b1", "b2")], ignore_index=True)
    out = coral(X, meta, 0, ridge=1e-9)
    np.testing.assert_allclose(covariance(out[:150]), covariance(out[200:350]), rtol=1e-3, atol=1e-3)


def test_coral_leaves_small_batches_alone(caplog):
    X, meta = raw(60, 8), pd.concat([controls(30, 10), controls(7, 13, batch="b2")], ignore_index=True)
    out = coral(X, meta, 0)
    np.testing.assert_array_equal(out[40:], X[40:])
    assert "b2" in caplog.text


def batch_share(X, batch):
    """The share of variance that batch means explain."""
    means = np.stack([X[batch == b].mean(axis=0) for b in batch])
    return ((means - X.mean(axis=0)) ** 2).sum() / ((X - X.mean(axis=0)) ** 2).sum()


def test_harmony_removes_batches_and_keeps_groups():
    pytest.importorskip("harmonypy")
    rng = np.random.default_rng(0)
    group, batch = np.repeat([0, 1, 2, 3], 60), np.tile(["b1", "b2"], 120)
    X = rng.normal(size=(240, 20)) + rng.normal(size=(4, 20))[group] * 3
    X += np.where(batch == "b1", 1.5, 0)[:, None]
    wells = pd.DataFrame({"plate": "p", "well": np.arange(240).astype(str), "batch": batch, "control": ""})
    meta = tables.split(profiles(wells, X))[0]
    out = harmony(X, meta, 0, components=10)
    assert out.shape == (240, 10)
    assert batch_share(X, batch) > 0.05
    assert batch_share(out, batch) < 0.005
    assert batch_share(out, group) > 0.7
    np.testing.assert_array_equal(out, harmony(X, meta, 0, components=10))


def test_harmony_of_one_batch_says_so(caplog):
    X = raw(30, 5)
    out = harmony(X, controls(10, 20), 0, components=3)
    assert out.shape == (30, 3)
    assert "only one batch" in caplog.text


@pytest.mark.dag
def test_controls_that_fitted_sphering_fake_activity_and_others_do_not():
    """Nothing is active here. Against the controls that fitted the sphering, most treatments seem to be."""
    frame = screen(plates=4, treatments=40, controls=40, D=300)
    frame = correct(frame, [{"sphering": {"regularisation": 1e-5}}], seed=0)
    other = frame["Metadata_control_use"].map({"fit": "evaluate", "evaluate": "fit", "": ""})
    honest, leaking = (
        functions("measure")["average_precision"](table, 0, null_size=200)
        for table in (frame, frame.assign(Metadata_control_use=other))
    )
    assert abs(values(honest, "mean_normalised_average_precision")[""]) < 0.05
    assert values(honest, "fraction_active")[""] == 0
    assert values(leaking, "mean_normalised_average_precision")[""] > 0.3
    assert values(leaking, "fraction_active")[""] > 0.5
