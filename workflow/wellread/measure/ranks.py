"""Average precision of replicates among the negatives of their plates, for many choices of replicates at once."""

from dataclasses import dataclass

import numpy as np

CELLS = 1 << 24  # comparisons at a time
FEW = 12  # so many replicates are compared in pairs, more are sorted


@dataclass(frozen=True)
class Pool:
    """Wells that replicates are ranked among: `rows` (m,) of a table, `plates` (m,), similarities `S` (m, m).

    `above` (m, m): for rows q and p, how many wells of the plate of q, but for q itself, are as similar to q as p, or
    more.
    """

    rows: np.ndarray
    plates: np.ndarray
    S: np.ndarray
    above: np.ndarray

    @classmethod
    def of(cls, U: np.ndarray, plates: np.ndarray, rows: np.ndarray) -> "Pool":
        """The wells `rows` (m,) of unit profiles U (n, D) on plates (n,)."""
        S, every, on = U[rows] @ U[rows].T, np.arange(len(rows)), plates[rows]
        above = np.empty(S.shape, np.int32)
        for plate in np.unique(on):
            here = np.flatnonzero(on == plate)
            above[here] = _as_similar(S, here, here, every)
        return cls(rows, on, S, above)

    def with_wells(self, U: np.ndarray, plates: np.ndarray, own: np.ndarray) -> "Pool":
        """The pool and the wells `own` (r,), which come last; the pool itself if it has them already."""
        if not len(own := np.setdiff1d(own, self.rows)):
            return self
        m, r = len(self.rows), len(own)
        rows, new = np.concatenate([self.rows, own]), np.arange(m, m + r)
        S, above = np.empty((m + r, m + r)), np.empty((m + r, m + r), np.int32)
        S[:m, :m], above[:m, :m] = self.S, self.above
        S[m:] = U[own] @ U[rows].T
        S[:m, m:] = S[m:, :m].T
        on, every = plates[rows], np.arange(m + r)
        for plate in set(plates[own]):
            here = np.flatnonzero(on == plate)
            old, late = here[here < m], here[here >= m]
            above[old, :m] += _as_similar(S, old, late, every[:m])
            above[old, m:] = _as_similar(S, old, here, new)
            above[late] = _as_similar(S, late, here, every)
        return Pool(rows, on, S, above)

    def find(self, rows: np.ndarray) -> np.ndarray:
        """Where in the pool the rows of the table are, in an array of the same shape."""
        order = np.argsort(self.rows, kind="stable")
        return order[np.searchsorted(self.rows, rows, sorter=order)]

    def average_precisions(self, members: np.ndarray) -> np.ndarray:
        """Average precision (R, N) of R wells in N choices of which wells of the pool are replicates, `members` (N, R).

        A column of `members` stays on one plate. The negatives of a replicate are the other wells of its plate that
        are not chosen. AP is the mean, over the positives of a ranked list, of (number of positives up to their rank) /
        rank. Of equally similar wells, negatives rank first.
        """
        on, precisions = self.plates[members[0]], []
        for i, query in enumerate(members.T):
            positives = np.delete(members, i, axis=1)  # (N, R - 1)
            similar, same = self.S[query[:, None], positives], np.delete(on == on[i], i)
            negatives = self.above[query[:, None], positives] - _at_least(similar, similar[:, same])
            hits = _ranks(similar)
            precisions.append((hits / (hits + negatives)).mean(axis=1))
        return np.stack(precisions)


def _as_similar(S: np.ndarray, queries: np.ndarray, among: np.ndarray, to: np.ndarray) -> np.ndarray:
    """How many of the rows `among`, but for the query, are as similar to a query as each of `to` (q, t), or more."""
    counts = np.zeros((len(queries), len(to)), np.int32)
    step = max(1, CELLS // max(1, len(among) * len(to)))
    for start in range(0, len(queries) if len(among) else 0, step):
        some = queries[start : start + step]
        own = np.where(some[:, None] == among, -np.inf, S[np.ix_(some, among)])
        counts[start : start + step] = (own[:, :, None] >= S[np.ix_(some, to)][:, None, :]).sum(axis=1)
    return counts


def _at_least(values: np.ndarray, others: np.ndarray) -> np.ndarray:
    """How many of `others` (N, k) are as large as each of `values` (N, r), or larger: (N, r)."""
    found = np.zeros(values.shape, np.int32)
    for other in others.T:
        found += other[:, None] >= values
    return found


def _ranks(values: np.ndarray) -> np.ndarray:
    """Ranks (N, r) from 1 of the values of each row, the largest first, of equals the first."""
    if values.shape[1] > FEW:
        return np.argsort(np.argsort(-values, axis=1, kind="stable"), axis=1) + 1
    ranks = np.ones(values.shape, np.int32)
    for j, other in enumerate(values.T):
        ranks[:, :j] += other[:, None] > values[:, :j]
        ranks[:, j + 1 :] += other[:, None] >= values[:, j + 1 :]
    return ranks


def chance_precision(m: int, k: int) -> float:
    """Expected average precision of m positives in random order with k negatives (mu_0 of copairs)."""
    harmonic = (1 / np.arange(1, m + k + 1)).sum()
    return ((m - 1) / (m + k - 1) * (m + k - harmonic) + harmonic) / (m + k)
