"""What is permuted to find out whether a treatment differs from the controls: what was randomised.

Where a treatment lies elsewhere on every plate, its wells change places with the controls of their plate. Where it
keeps its position, so that whatever the position does to cells is in all replicates, positions do: a control position
is followed through the plates as a treatment is.
"""

from collections import defaultdict
from itertools import combinations
from math import comb, prod

import numpy as np

TAIL = 0.25  # the share of the null distribution that its tail is fitted to


def strata(plates: np.ndarray, positions: np.ndarray, by_position: bool) -> list[tuple[tuple, tuple]]:
    """The wells of a treatment, (plates, positions) (R,), as [(plates, positions)]: the same positions on all plates.

    Plates that share the treatment's positions are one stratum, or every plate is one if not `by_position`.
    """
    on = defaultdict(list)
    for plate, position in sorted(zip(plates.tolist(), positions.tolist(), strict=True)):
        on[plate].append(position)
    places = {plate: tuple(own) for plate, own in on.items()}
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
        drawn.append(np.concatenate([true[None], null]))
    return drawn


def permutations(sizes: list[tuple[int, int]]) -> int:
    """How many different choices there are."""
    return prod(comb(m + n, m) for m, n in sizes)


def p_value(observed: np.ndarray, nulls: list[np.ndarray]) -> np.ndarray:
    """(1 + #{null >= observed}) / (1 + N) (...), the counts of all cross-fitted halves together (Vovk 2015).

    `observed` (h, ...) of h halves, `nulls` their null values, h times (..., N).
    """
    exceed = sum((null >= own[..., None] - 1e-12).sum(axis=-1) for own, null in zip(observed, nulls, strict=True))
    return (1 + exceed) / (1 + sum(null.shape[-1] for null in nulls))


def smooth_p_value(observed: np.ndarray, nulls: list[np.ndarray], step: float) -> np.ndarray:
    """P-values (...) from few null statistics that can be below 1 / (n + 1), of mean average precisions of at most 1.

    `observed` (h, ...) and `nulls`, h times (..., N), as for `p_value`. Statistics are put on the scale
    z = -log(1 - mAP + step), `step` being what one rank can change. Between the null values p is interpolated. Above
    their upper quarter, of k values, their excesses are taken for exponential: the predictive distribution of a further
    one, given their sum, is (1 + (z - u) / sum)^-k. A null value of either half counts by how much it exceeds the
    observed one of its half.
    """
    z = -np.log(1 - np.asarray(observed) + step)
    mean = z.mean(axis=0)
    moved = [-np.log(1 - own + step) - first[..., None] + mean[..., None] for own, first in zip(nulls, z, strict=True)]
    return _tail(np.sort(np.concatenate(moved, axis=-1), axis=-1)[..., ::-1], mean)


def _tail(null: np.ndarray, z: np.ndarray) -> np.ndarray:
    """The p-values of z (...) by the null values (..., n), largest first."""
    n = null.shape[-1]
    k = max(1, round(TAIL * n))
    excess, above = null[..., :k].sum(axis=-1) - k * null[..., k], z - null[..., k]
    # of equal null values, the last: ties count against the treatment
    steps, ends = np.arange(1, n + 1) / (n + 1), {"left": 1 / (n + 1), "right": 1.0}
    rows = zip(null.reshape(-1, n), np.ravel(z), strict=True)
    within = np.reshape([np.interp(-x, -own, steps, **ends) for own, x in rows], np.shape(z))
    fitted = (above > 0) & (excess > 0)
    return np.where(
        fitted, (k + 1) / (n + 1) * (1 + np.where(fitted, above, 0) / np.where(fitted, excess, 1)) ** -k, within
    )
