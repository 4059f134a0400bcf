"""Distances of a treatment's wells from controls, for many choices of wells at once: Mahalanobis and energy distance.

Both are on features scaled by controls that they are not compared with, so that one is a standard deviation of a
control well. Sums over a matrix of all pairs of wells give them for every choice.
"""

from dataclasses import dataclass, field

import numpy as np
from scipy.spatial.distance import cdist
from sklearn.covariance import LedoitWolf
from sklearn.preprocessing import StandardScaler

MIN_FITTED = 2  # controls


@dataclass(frozen=True)
class Space:
    """The wells of a table: `Z` (n, D) in standard deviations of the fitting controls, `W` (n, D) whitened by them.

    The length of a row of W is its Mahalanobis distance from the fitting controls.
    """

    Z: np.ndarray
    W: np.ndarray
    known: dict[tuple, np.ndarray] = field(default_factory=dict)  # matrices of pairs, as they are asked for

    @classmethod
    def of(cls, X: np.ndarray, fitting: np.ndarray) -> "Space":
        """The wells X (n, D), located and scaled by the rows `fitting` (n,) bool, two or more.

        The covariance is shrunk towards a multiple of the identity as much as is best of so few rows (Ledoit and Wolf
        2004), by scikit-learn; directions without variance count for nothing.
        """
        Z = StandardScaler().fit(X[fitting]).transform(X)
        fitted = LedoitWolf(store_precision=False).fit(Z[fitting])
        variances, axes = np.linalg.eigh(fitted.covariance_)
        spread = variances > variances.max() * len(variances) * np.finfo(float).eps
        return cls(Z, (Z - fitted.location_) @ axes[:, spread] / np.sqrt(variances[spread]))

    def products(self, base: np.ndarray, own: np.ndarray) -> np.ndarray:
        """The inner products of the whitened wells `base` (m,), then `own` (r,), of the table: (m + r, m + r)."""
        return self._bordered("products", self.W, lambda A, B: A @ B.T, base, own)

    def distances(self, base: np.ndarray, own: np.ndarray) -> np.ndarray:
        """The Euclidean distances of the wells `base` (m,), then `own` (r,): (m + r, m + r)."""
        return self._bordered("distances", self.Z, cdist, base, own)

    def _bordered(self, name: str, P: np.ndarray, pairs, base: np.ndarray, own: np.ndarray) -> np.ndarray:
        if (key := (name, base.tobytes())) not in self.known:
            self.known[key] = pairs(P[base], P[base])
        beside = pairs(P[base], P[own])
        return np.block([[self.known[key], beside], [beside.T, pairs(P[own], P[own])]])


def mahalanobis(products: np.ndarray, members: np.ndarray) -> np.ndarray:
    """The Mahalanobis distance (N,) of the mean of each choice of wells, `members` (N, R)."""
    return np.sqrt(np.maximum(_within(products, members), 0))


def mahalanobis_of_wells(products: np.ndarray, own: np.ndarray) -> np.ndarray:
    """How far each of the wells `own` (R,) lies in the direction of their mean (R,): their mean is its distance."""
    return products[np.ix_(own, own)].mean(axis=1) / max(mahalanobis(products, own[None])[0], np.finfo(float).tiny)


def energy(distances: np.ndarray, members: np.ndarray) -> np.ndarray:
    """The energy distance (N,) of each choice of wells, `members` (N, R), from all wells that are not chosen.

    2 E|X - Y| - E|X - X'| - E|Y - Y'| over all pairs, those of a well with itself too (Szekely and Rizzo 2013).
    """
    chosen, others = members.shape[1], len(distances) - members.shape[1]
    sums, inside = distances.sum(axis=1), _within(distances, members) * chosen**2
    of_members = sums[members].sum(axis=1)
    between, outside = of_members - inside, sums.sum() - 2 * of_members + inside
    return 2 * between / (chosen * others) - inside / chosen**2 - outside / others**2


def energy_of_wells(distances: np.ndarray, own: np.ndarray) -> np.ndarray:
    """What each of the wells `own` (R,) adds to their energy distance, to first order (R,): their mean is it."""
    others = np.setdiff1d(np.arange(len(distances)), own)
    added = 2 * (distances[np.ix_(own, others)].mean(axis=1) - distances[np.ix_(own, own)].mean(axis=1))
    return energy(distances, own[None])[0] + added - added.mean()


def _within(pairs: np.ndarray, members: np.ndarray) -> np.ndarray:
    """The mean (N,) of a matrix of pairs over all pairs of members (N, R) of a choice."""
    return sum(pairs[one[:, None], members].mean(axis=1) for one in members.T) / members.shape[1]
