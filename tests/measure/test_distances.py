"""Mahalanobis and energy distance of choices of wells are those of loops and of scikit-learn."""

from itertools import product

import numpy as np
import pytest
from sklearn.covariance import LedoitWolf
from sklearn.preprocessing import StandardScaler
from wellread.measure import distances


@pytest.fixture
def wells():
    """40 wells of 5 features, correlated and on different scales; the first 25 are fitted."""
    rng = np.random.default_rng(0)
    X = rng.normal(size=(40, 5)) @ rng.normal(size=(5, 5)) * np.geomspace(0.1, 100, 5) + 3
    return X, np.arange(40) < 25


def energy(X, Y):
    """The energy distance by its definition, over all pairs."""

    def mean(A, B):
        return np.mean([np.sqrt(((a - b) ** 2).sum()) for a, b in product(A, B)])

    return 2 * mean(X, Y) - mean(X, X) - mean(Y, Y)


BASE, OWN = np.arange(25, 36), np.array([37, 39])
MEMBERS = np.array([[11, 12], [0, 5], [3, 12]])  # of the 11 wells of the base and the 2 own


def test_mahalanobis_is_that_of_scikit_learn(wells):
    X, fitting = wells
    Z = StandardScaler().fit(X[fitting]).transform(X)
    fitted = LedoitWolf().fit(Z[fitting])
    every = np.concatenate([BASE, OWN])
    expected = [np.sqrt(fitted.mahalanobis(Z[every[m]].mean(axis=0)[None])[0]) for m in MEMBERS]
    products = distances.Space.of(X, fitting).products(BASE, OWN)
    assert distances.mahalanobis(products, MEMBERS) == pytest.approx(expected)
    of_wells = distances.mahalanobis_of_wells(products, MEMBERS[0])
    assert of_wells.mean() == pytest.approx(expected[0])
    centred = (Z[OWN] - fitted.location_) @ fitted.get_precision()
    assert of_wells == pytest.approx(centred @ (Z[OWN].mean(axis=0) - fitted.location_) / expected[0])


def test_mahalanobis_of_more_features_than_wells_is_that_of_scikit_learn():
    X = np.random.default_rng(1).normal(size=(30, 60))
    fitting = np.arange(30) < 12
    Z = StandardScaler().fit(X[fitting]).transform(X)
    expected = np.sqrt(LedoitWolf().fit(Z[fitting]).mahalanobis(Z[20:]))
    products = distances.Space.of(X, fitting).products(np.arange(20, 29), np.array([29]))
    assert distances.mahalanobis(products, np.arange(10)[:, None]) == pytest.approx(expected)


def test_energy_distance_is_that_of_a_loop(wells):
    X, fitting = wells
    Z, every = StandardScaler().fit(X[fitting]).transform(X), np.concatenate([BASE, OWN])
    expected = [energy(Z[every[m]], Z[np.delete(every, m)]) for m in MEMBERS]
    apart = distances.Space.of(X, fitting).distances(BASE, OWN)
    assert distances.energy(apart, MEMBERS) == pytest.approx(expected)


def test_what_a_well_adds_to_the_energy_distance_is_its_derivative(wells):
    """Of a mean over wells whose weights are moved a little towards one of them."""
    X, fitting = wells
    apart, own, others = distances.Space.of(X, fitting).distances(BASE, OWN), np.array([2, 7, 12]), None
    others, step = np.setdiff1d(np.arange(13), own), 1e-6

    def weighted(w):
        between = w @ apart[np.ix_(own, others)].mean(axis=1)
        return 2 * between - w @ apart[np.ix_(own, own)] @ w - apart[np.ix_(others, others)].mean()

    even = np.full(3, 1 / 3)
    moved = [(weighted((1 - step) * even + step * np.eye(3)[i]) - weighted(even)) / step for i in range(3)]
    assert distances.energy_of_wells(apart, own) == pytest.approx(weighted(even) + np.array(moved), abs=1e-4)


def test_controls_that_are_all_the_same_divide_nothing_by_zero():
    X = np.vstack([np.ones((6, 3)), np.random.default_rng(0).normal(size=(4, 3))])
    space = distances.Space.of(X, np.arange(10) < 6)
    found = distances.mahalanobis(space.products(np.arange(4), np.arange(6, 10)), np.arange(4, 8)[:, None])
    assert np.isfinite(found).all()


def test_matrices_of_different_wells_are_not_mixed_up(wells):
    X, fitting = wells
    space = distances.Space.of(X, fitting)
    for base, own in ((BASE, OWN), (BASE[1:], OWN), (BASE, OWN[:1])):
        rows = np.concatenate([base, own])
        assert space.products(base, own) == pytest.approx(space.W[rows] @ space.W[rows].T)
        expected = np.linalg.norm(space.Z[rows][:, None] - space.Z[rows], axis=2)
        assert space.distances(base, own) == pytest.approx(expected, abs=1e-6)
