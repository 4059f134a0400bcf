"""What is permuted to find out whether a treatment differs from the controls: what was randomised.

Where a treatment lies elsewhere on every plate, its wells change places with the controls of their plate. Where it
keeps its position, so that whatever the position does to cells is in all replicates, positions do: a control position
is followed through the plates as a treatment is.
"""

from itertools import combinations
from math import comb, prod

import numpy as np

TAIL = 0.25  # the share of the null distribution that its tail is fitted to


def strata(plates: np.ndarray, positions: np.ndarray, by_position: bool) -> list[tuple[tuple, tuple]]:
    """The wells of a treatment, (plates, positions) (R,), as [(plates, positions)]: the same positions on all plates.

    Plates that share the treatment's positions are one stratum, or every plate is one if not `by_position`.
    """
    places = {plate: tuple(sorted(positions[plates == plate])) for plate in sorted(set(plates))}
    if not by_position:
        return [((plate,), own) for plate, own in places.items()]
    return [(tuple(p for p in places if places[p] == own), own) for own in dict.fromkeys(places.values())]


def choices(sizes: list[tuple[int, int]], null_size: int, rng) -> list[np.ndarray]:
    """Per stratum, which m of its m + n units act as treatment (1 + N, m), the true ones, that come last, first.

    `sizes` are (m, n). All choices, where there is one stratum and there are at most `null_size`, else as many drawn.
    """
    if len(sizes) == 1 and comb(sum(sizes[0]), sizes[0][0]) <= null_size + 1:
        ((m, n),) = sizes
        return [np.array(list(combinations(range(m + n), m))[::-1])]
    drawn = []
    for m, n in sizes:
        true = np.arange(n, n + m)
        if m == 1:
            null = rng.integers(n + 1, size=(null_size, 1))
        else:
            null = np.argpartition(rng.random((null_size, m + n)), m - 1, axis=1)[:, :m]
        drawn.append(np.vstack([true, null]))
    return drawn


def permutations(sizes: list[tuple[int, int]]) -> int:
    """How many different choices there are."""
    return prod(comb(m + n, m) for m, n in sizes)


def p_value(observed: np.ndarray, nulls: list[np.ndarray]) -> float:
    """(1 + #{null >= observed}) / (1 + N), the counts of all cross-fitted halves together (Vovk 2015)."""
    exceed = sum((null >= own - 1e-12).sum() for own, null in zip(observed, nulls, strict=True))
    return float((1 + exceed) / (1 + sum(map(len, nulls))))


def of_precisions(ap: np.ndarray, step: float) -> np.ndarray:
    """Average precisions, of at most 1, on a scale without an upper end: -log(1 - ap + step); one rank is `step`."""
    return -np.log(1 - ap + step)


def smooth_p_value(observed: np.ndarray, nulls: list[np.ndarray]) -> float:
    """A p-value from few null statistics that can be below 1 / (n + 1), of statistics z without an upper end.

    Between the null values p is interpolated. Above their upper quarter, of k values, their excesses are taken for
    exponential: the predictive distribution of a further one, given their sum, is (1 + (z - u) / sum)^-k. A null value
    of either half counts by how much it exceeds the observed one of its half.
    """
    z = np.asarray(observed)
    null = np.concatenate([own - first + z.mean() for own, first in zip(nulls, z, strict=True)])
    return _tail(np.sort(null)[::-1], z.mean())


def _tail(null: np.ndarray, z: float) -> float:
    """The p-value of z by the null values (n,), largest first."""
    n, k = len(null), max(1, round(TAIL * len(null)))
    excess = null[:k].sum() - k * null[k]
    if z > null[k] and excess > 0:
        return float((k + 1) / (n + 1) * (1 + (z - null[k]) / excess) ** -k)
    # of equal null values, the last: ties count against the treatment
    return float(np.interp(-z, -null, np.arange(1, n + 1) / (n + 1), left=1 / (n + 1), right=1.0))
