"""Position effects are estimated from other wells, in the amount that there is, and taken out."""

import logging

import numpy as np
import pandas as pd
import pytest
from wellread.profiles import position as effects
from wellread.profiles import tables
from wellread.profiles.position import position
from wellread.profiles.whitening import sphering

pytestmark = pytest.mark.dag

AT = np.array([(row, column) for row in range(8) for column in range(12)], float)
D = 40


def plate(seed, rows=0.0, columns=0.0, slope=0.0):
    """Noise (96, D) with effects of these standard deviations, and the effects alone."""
    rng = np.random.default_rng(seed)
    r, c = AT.astype(int).T
    planted = rows * rng.normal(size=(8, D))[r] + columns * rng.normal(size=(12, D))[c]
    planted += slope * np.outer((r - 3.5) / 2.3, rng.normal(size=D))
    return rng.normal(size=(96, D)) + planted, planted


def meta(**columns):
    wells = [f"{'ABCDEFGH'[int(row)]}{int(column) + 1:02d}" for row, column in AT]
    return pd.DataFrame({"plate": "p", "well": wells, "control_use": "", **columns}).rename(columns=tables.column)


def explained(X, groups):
    """The share of the variance of X (n, D) between groups (n,)."""
    return pd.DataFrame(X).groupby(groups).transform("mean").to_numpy().var() / X.var()


def test_effects_of_rows_and_columns_are_taken_out_and_noise_is_not():
    X, planted = plate(0, rows=1.0, columns=0.5)
    out = position(X, meta(), 0)
    assert explained(X, AT[:, 0]) > 0.4
    assert explained(out, AT[:, 0]) < 7 / 95 + 0.06  # by chance 7 / 95
    assert explained(out, AT[:, 1]) < 11 / 95 + 0.06
    assert np.corrcoef(out.ravel(), (X - planted).ravel())[0, 1] > 0.85  # .67 with the effects


def test_a_gradient_is_taken_out():
    X, planted = plate(1, slope=1.0)
    assert np.corrcoef(position(X, meta(), 0).ravel(), (X - planted).ravel())[0, 1] > 0.95


def test_where_there_is_nothing_little_is_taken_out():
    X, _ = plate(2)
    assert ((X - X.mean(axis=0) - position(X, meta(), 0) + position(X, meta(), 0).mean(axis=0)) ** 2).mean() < 0.03


def test_the_variances_are_those_planted():
    X, _ = plate(3, rows=1.0, columns=0.5)
    kernels = effects._kernels(AT, AT)
    shares = effects._variances(kernels, X - X.mean(axis=0))
    assert shares[:2] == pytest.approx([1 / 2.25, 0.25 / 2.25], abs=0.08)


def test_the_gradient_of_the_likelihood_is_its_slope(monkeypatch):
    found = {}
    monkeypatch.setattr(effects, "minimize", lambda loss, x, **_: found.update(loss=loss) or type("R", (), {"x": x}))
    X, _ = plate(4, rows=0.5)
    effects._variances(effects._kernels(AT, AT), X - X.mean(axis=0))
    z, step = np.array([-1.0, -2.0, -1.5]), 1e-5
    slopes = [(found["loss"](z + d)[0] - found["loss"](z - d)[0]) / (2 * step) for d in step * np.eye(3)]
    assert found["loss"](z)[1] == pytest.approx(slopes, rel=1e-4)


def test_a_well_gets_what_is_predicted_without_it(monkeypatch):
    """By brute force: the model of 95 wells, with the same variances, predicts the last."""
    shares = np.array([0.3, 0.2, 0.1])
    monkeypatch.setattr(effects, "_variances", lambda kernels, Y: shares)
    monkeypatch.setattr(effects, "WINSOR", 100.0)
    X, _ = plate(5, rows=1.0)
    found = effects._effects(X, AT, np.ones(96, bool), "p")
    scale = 1.4826 * np.median(np.abs(X - np.median(X, axis=0)), axis=0)
    Y = (X - X.mean(axis=0)) / scale
    K = sum(share * kernel for share, kernel in zip(shares, effects._kernels(AT, AT), strict=True))
    for i in (0, 50):
        others = np.delete(np.arange(96), i)
        weights = np.linalg.solve(K[np.ix_(others, others)] + 0.4 * np.eye(95), K[others, i])
        np.testing.assert_allclose(found[i], weights @ Y[others] * scale)


def test_a_strong_treatment_keeps_its_effect():
    X, _ = plate(6, rows=0.5)
    strong = X.copy()
    strong[30] += 20
    kept = position(strong, meta(), 0)[30] - position(X, meta(), 0)[30]
    assert (kept > 19).all()


def test_controls_are_taken_where_they_are_many_and_spread(caplog):
    caplog.set_level(logging.INFO, "wellread")
    few, many, clumped = (np.where(chosen, "fit", "") for chosen in
                          (np.arange(96) % 6 == 0, np.arange(96) % 2 == 0, np.arange(96) < 48))  # fmt: skip
    X, _ = plate(7, rows=1.0)
    for use, words in ((few, "96 wells, as 16"), (many, "48 fitting controls"), (clumped, "96 wells, as 48")):
        caplog.clear()
        position(X, meta(control_use=use), 0)
        assert words in caplog.text, (words, caplog.text)
    with_treatments = X + np.where(many[:, None] == "fit", 0, 5.0)  # every other column: treated wells are brighter
    out = position(with_treatments, meta(control_use=many), 0, fit="controls")
    assert (out[many == ""].mean() - out[many == "fit"].mean()) == pytest.approx(5, abs=0.3)


def test_wells_without_row_and_column_stay(caplog):
    X, _ = plate(8, rows=1.0)
    named = meta().assign(Metadata_Well=[f"site {i}" for i in range(96)])
    np.testing.assert_array_equal(position(X, named, 0), X)
    assert "stays as it is" in caplog.text


def test_a_feature_that_does_not_vary_stays():
    X, _ = plate(9, rows=1.0)
    X[:, 3] = 7.0
    assert (position(X, meta(), 0)[:, 3] == 7).all()


def test_sphering_of_positions_is_of_the_means_of_control_positions():
    rng = np.random.default_rng(0)
    places = pd.DataFrame([(f"p{p}", f"A{w:02d}") for p in range(3) for w in range(1, 31)], columns=["plate", "well"])
    X = rng.normal(size=(90, 5)) + np.tile(rng.normal(size=(30, 5)) * [3, 1, 1, 1, 1], (3, 1))
    rows = places.assign(control_use="fit").rename(columns=tables.column)
    out = sphering(X, rows, 0, regularisation=1e-9, relative=False, of="positions")
    means = out.reshape(3, 30, 5).mean(axis=0)
    np.testing.assert_allclose(means.T @ means / 30, np.eye(5), atol=1e-6)
    np.testing.assert_allclose(means.mean(axis=0), 0, atol=1e-9)
