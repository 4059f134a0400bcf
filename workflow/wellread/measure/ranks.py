"""Average precision of replicates among the negatives of their plates, for many choices of replicates at once."""

from dataclasses import dataclass
from itertools import permutations

import numpy as np

FEW = 12  # so many replicates are compared in pairs, more are sorted


@dataclass(frozen=True)
class Pool:
    """Wells that replicates are ranked among: `rows` (m,) of a table that is sorted by plate, and r other wells.

    T pools at once have the same `rows`, and differ in the others; P = m + r wells are on `plates` (P,). `S` (T, P, P)
    are their similarities; `above` (T, P, P), for wells q and p, how many wells of the plate of q, but for q itself,
    are as similar to q as p, or more.
    `among`: of each of the rows, ascending, the similarities with the others of its plate.
    """

    rows: np.ndarray
    plates: np.ndarray
    S: np.ndarray
    above: np.ndarray
    among: list[np.ndarray]

    @classmethod
    def of(cls, U: np.ndarray, plates: np.ndarray, rows: np.ndarray) -> "Pool":
        """One pool of the wells `rows` (m,), ascending, of unit profiles U (n, D) on plates (n,), which ascend too."""
        S, on = U[rows] @ U[rows].T, plates[rows]
        ends = [(on.searchsorted(plate), on.searchsorted(plate, "right")) for plate in on]
        among = [np.sort(np.delete(own[a:b], q - a)) for q, (own, (a, b)) in enumerate(zip(S, ends, strict=True))]
        return cls(rows, on, S[None], _as_similar(among, S)[None], among)

    def with_wells(self, U: np.ndarray, plates: np.ndarray, own: np.ndarray) -> "Pool":
        """The pool, and last T times other wells `own` (T, r), a column on one plate; the same pool if it has them."""
        if np.isin(own[0], self.rows).all():
            return self
        (count, r), m, on = own.shape, len(self.rows), np.concatenate([self.plates, plates[own[0]]])
        C = (U[own.ravel()] @ U[np.concatenate([self.rows, own.ravel()])].T).reshape(count, r, -1)
        S, above = np.empty((count, len(on), len(on))), np.empty((count, len(on), len(on)), np.int32)
        S[:, :m, :m], S[:, m:, :m], S[:, :m, m:] = self.S, C[..., :m], C[..., :m].transpose(0, 2, 1)
        S[:, m:, m:] = C[..., m:].reshape(count, r, count, r)[np.arange(count), :, np.arange(count)]
        above[:, :m, :m] = self.above
        late = np.ascontiguousarray(S[:, :m, m:].transpose(1, 0, 2)).reshape(m, -1)
        above[:, :m, m:] = _as_similar(self.among, late).reshape(m, count, r).transpose(1, 0, 2)
        for i in range(m, len(on)):
            here = slice(*(self.plates.searchsorted(on[i], side) for side in ("left", "right")))
            above[:, i] = _as_similar(np.sort(S[:, i, here]), S[:, i])
            above[:, here] += S[:, here, i, None] >= S[:, here]
        for i, j in permutations(range(m, len(on)), 2):
            if on[i] == on[j]:
                above[:, j] += S[:, j, i, None] >= S[:, j]
        return Pool(self.rows, on, S, above, self.among)

    def find(self, rows: np.ndarray) -> np.ndarray:
        """Where in the pool the rows of the table are that it had from the first, in an array of the same shape."""
        return np.searchsorted(self.rows, rows)

    def average_precisions(self, members: np.ndarray) -> np.ndarray:
        """Average precision (R, T, N) of R wells in N choices of which wells of T pools are replicates, (T, N, R).

        A column of `members` stays on one plate. The negatives of a replicate are the other wells of its plate that
        are not chosen. AP is the mean, over the positives of a ranked list, of (number of positives up to their rank) /
        rank. Of equally similar wells, negatives rank first.
        """
        on, size = self.plates[members[0, 0]], len(self.plates)
        pools = (np.arange(len(self.S)) * size**2)[:, None]
        S, above, columns = self.S.ravel(), self.above.ravel(), np.ascontiguousarray(members.transpose(2, 0, 1))
        precisions = np.empty(columns.shape)
        for i, query in enumerate(columns):
            pairs = pools + query * size + np.delete(columns, i, axis=0)  # (R - 1, T, N)
            similar, same = S.take(pairs), np.delete(on == on[i], i)
            negatives = above.take(pairs) - _at_least(similar, similar[same])
            hits = _ranks(similar)
            precisions[i] = (hits / (hits + negatives)).mean(axis=0)
        return precisions


def _as_similar(among: list[np.ndarray], to: np.ndarray) -> np.ndarray:
    """How many of the values `among`, ascending, of every query are as large as each of its `to` (q, t), or larger."""
    counts = [len(own) - own.searchsorted(values) for own, values in zip(among, to, strict=True)]
    return np.array(counts, np.int32)


def _at_least(values: np.ndarray, others: np.ndarray) -> np.ndarray:
    """How many of `others` (k, ...) are as large as each of `values` (r, ...), or larger: (r, ...)."""
    found = np.zeros(values.shape, np.int32)
    for other in others:
        found += other >= values
    return found


def _ranks(values: np.ndarray) -> np.ndarray:
    """Ranks (r, ...) from 1 of the values along the first axis, the largest first, of equals the first."""
    if len(values) > FEW:
        return np.argsort(np.argsort(-values, axis=0, kind="stable"), axis=0) + 1
    ranks = np.ones(values.shape, np.int32)
    for j, other in enumerate(values):
        ranks[:j] += other > values[:j]
        ranks[j + 1 :] += other >= values[j + 1 :]
    return ranks


def chance_precision(m: int, k: int) -> float:
    """Expected average precision of m positives in random order with k negatives (mu_0 of copairs)."""
    harmonic = (1 / np.arange(1, m + k + 1)).sum()
    return ((m - 1) / (m + k - 1) * (m + k - harmonic) + harmonic) / (m + k)
