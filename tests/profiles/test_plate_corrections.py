"""Corrections by pycytominer and scikit-learn themselves, chains under one name, and what controls say of a plate."""

import logging

import numpy as np
import pandas as pd
import pytest
from made_profiles import screen
from pycytominer import feature_select as select
from pycytominer import normalize
from sklearn.decomposition import PCA
from wellread.profiles import controls, tables
from wellread.profiles.correct import correct
from wellread.profiles.feature_selection import feature_select
from wellread.profiles.scaling import ENOUGH, mad_robustize, standardize
from wellread.profiles.whitening import partial_whitening
from wellread.runtime.errors import InputError


def raw(n, D, seed=0):
    """Correlated features, far from 0, with deviations from 0.01 to 100."""
    rng = np.random.default_rng(seed)
    return rng.normal(size=(n, D)) @ (rng.normal(size=(D, D)) / D + np.eye(D)) * np.geomspace(0.01, 100, D) + 50


def meta_of(n_fit, n_other, plate="p1"):
    n = n_fit + n_other
    meta = {"plate": plate, "well": [f"A{i:03d}" for i in range(n)], "batch": "b"}
    meta |= {"control": ["negative"] * n_fit + [""] * n_other, "control_use": ["fit"] * n_fit + [""] * n_other}
    return pd.DataFrame(meta).rename(columns=tables.column)


@pytest.mark.parametrize("fit", ["all", "controls"])
def test_mad_robustize_is_that_of_pycytominer_plate_by_plate(fit):
    X, meta = raw(60, 5), pd.concat([meta_of(10, 20, plate) for plate in ("p1", "p2")], ignore_index=True)
    X[30:] *= 3
    found = mad_robustize(X, meta, 0, fit=fit)
    used = "all" if fit == "all" else "Metadata_control_use == 'fit'"
    for rows in (slice(0, 30), slice(30, 60)):
        frame = pd.concat([meta.iloc[rows], pd.DataFrame(X[rows], meta.index[rows], columns=list("abcde"))], axis=1)
        theirs = normalize(frame, list("abcde"), meta_features=list(meta), samples=used, method="mad_robustize")
        np.testing.assert_allclose(found[rows], theirs[list("abcde")], rtol=1e-12)


def test_mad_robustize_only_centres_what_does_not_vary():
    X = raw(30, 3)
    X[:, 1] = 7.0
    X[0, 1] = 9.0
    assert mad_robustize(X, meta_of(5, 25), 0)[:, 1].tolist() == [2.0] + [0.0] * 29


def test_feature_select_is_that_of_pycytominer():
    X = raw(200, 8)
    X[:, 1], X[:, 2], X[3, 4] = 5.0, X[:, 0] + 1e-3 * X[:, 3], 1e4
    frame = pd.DataFrame(X).rename(columns="x{}".format)
    for operations in (["variance_threshold"], ["drop_outliers"], ["correlation_threshold", "variance_threshold"]):
        theirs = select(frame, list(frame), operation=operations)
        np.testing.assert_array_equal(feature_select(X, meta_of(10, 190), 0, operations=operations), theirs)
        assert theirs.shape[1] < 8
    with pytest.raises(InputError, match="features that are kept"):
        feature_select(X + 1000, meta_of(10, 190), 0)


def test_tvn_is_sphering_then_coral():
    frame = screen(plates=4, D=4, controls=40)
    steps = [{"sphering": {"regularisation": 0.1}}, {"coral": {"ridge": 0.5, "by": "plate"}}]
    chain = correct(frame, steps, seed=0)
    one = correct(frame, [{"tvn": {"regularisation": 0.1, "ridge": 0.5, "by": "plate"}}], seed=0)
    pd.testing.assert_frame_equal(one, chain)
    assert not np.allclose(tables.split(one)[1], tables.split(correct(frame, steps[:1], seed=0))[1], atol=1e-3)


@pytest.mark.parametrize(("power", "whiten"), [(0.0, False), (1.0, True)])
def test_partial_whitening_lies_between_rotation_and_whitening(power, whiten):
    X = raw(80, 6)
    found = partial_whitening(X, meta_of(10, 70), 0, power=power, components=4)
    np.testing.assert_allclose(np.abs(found), np.abs(PCA(4, whiten=whiten).fit_transform(X)), rtol=1e-6, atol=1e-7)
    half = partial_whitening(X, meta_of(10, 70), 0, components=4)
    ends = [partial_whitening(X, meta_of(10, 70), 0, power=end, components=4) for end in (0.0, 1.0)]
    np.testing.assert_allclose(half.std(axis=0) ** 2, ends[0].std(axis=0) * ends[1].std(axis=0))


def test_partial_whitening_leaves_out_directions_without_variance():
    X = raw(30, 4)
    assert partial_whitening(X[:, [0, 1, 2, 0]], meta_of(5, 25), 0, power=1.0).shape == (30, 3)


@pytest.mark.parametrize("function", [standardize, mad_robustize])
def test_scaling_learns_from_controls_where_every_plate_has_enough(function):
    for n, fit in ((ENOUGH, "controls"), (ENOUGH - 1, "all")):
        meta = pd.concat([meta_of(ENOUGH, 30, "p1"), meta_of(n, 30, "p2")], ignore_index=True)
        X = raw(len(meta), 3)
        np.testing.assert_array_equal(function(X, meta, 0), function(X, meta, 0, fit=fit))
        other = "all" if fit == "controls" else "controls"
        assert not np.allclose(function(X, meta, 0), function(X, meta, 0, fit=other))


def test_fields_of_a_well_are_no_more_controls():
    meta = pd.concat([meta_of(4, 10)] * 9, ignore_index=True)
    X = raw(len(meta), 3)
    np.testing.assert_array_equal(standardize(X, meta, 0), standardize(X, meta, 0, fit="all"))


@pytest.mark.parametrize(("effect", "warned"), [(0.0, False), (3.0, True)])
def test_a_plate_that_its_controls_disagree_with_is_warned_of(effect, warned, caplog):
    warnings = 0
    for seed in range(10):
        rng = np.random.default_rng(seed)
        meta = meta_of(6, 42)
        X = rng.normal(size=(48, 20)) + effect * rng.normal(size=20) * ~controls.is_fitting(meta)[:, None]
        caplog.clear()
        with caplog.at_level(logging.WARNING, "wellread"):
            standardize(X, meta, 0)
        warnings += "plate p1: its mean lies" in caplog.text
    assert warnings == (10 if warned else 0)


def test_a_correction_may_be_by_any_column_that_it_names():
    frame = screen(plates=2, treatments=30, D=6).assign(Metadata_line=["u", "v"] * 38)
    frame.loc[frame["Metadata_line"] == "v", "emb_0000"] += 100
    found = correct(frame, [{"standardize": {"by": "line", "fit": "all"}}], seed=0)
    for line in "uv":
        assert abs(found.loc[found["Metadata_line"] == line, "emb_0000"].mean()) < 1e-5
    with pytest.raises(InputError, match="the column nowhere"):
        correct(frame, [{"harmony": {"by": "nowhere"}}], seed=0)
