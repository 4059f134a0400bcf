"""What is permuted to find out whether a treatment differs from the controls: what was randomised.

Where a treatment lies elsewhere on every plate, its wells change places with the controls of their plate. Where it
keeps its position, so that whatever the position does to cells is in all replicates, positions do: a control position
is followed through the plates as a treatment is.
"""

from collections import defaultdict
from itertools import combinations
from math import comb, prod

import numpy as np
import pandas as pd
from scipy.sparse.csgraph import connected_components

SAME = 0.25  # the share of treatments with the same position on two plates, above which these have one layout
TAIL = 0.25  # the share of the null distribution that its tail is fitted to


def strata(plates: np.ndarray, positions: np.ndarray, by_position: bool, layouts=None) -> list[tuple[tuple, tuple]]:
    """The wells of a treatment, (plates, positions) (R,), as [(plates, positions)]: the same positions on all plates.

    Plates of one of `layouts`, {plate: number} (default one), that share the treatment's positions are one stratum, or
    every plate is one if not `by_position`.
    """
    on = defaultdict(list)
    for plate, position in sorted(zip(plates.tolist(), positions.tolist(), strict=True)):
        on[plate].append(position)
    if not by_position:
        return [((plate,), tuple(own)) for plate, own in on.items()]
    alike = defaultdict(list)
    for plate, own in on.items():
        alike[layouts[plate] if layouts else 0, tuple(own)].append(plate)
    return [(tuple(of), own) for (_, own), of in alike.items()]


def layouts(plates: np.ndarray, positions: np.ndarray, items: np.ndarray) -> dict:
    """The number of the layout of every plate, {plate: number}, from wells (n,) and what is in them, `items` (n,).

    Two plates have one layout if more than a quarter of the items on both have the same positions on both, or if
    a third plate has that of either. Where layouts were drawn at random, some item keeps its position by chance.
    """
    at = defaultdict(list)
    for item, plate, position in sorted(zip(items.tolist(), plates.tolist(), positions.tolist(), strict=True)):
        at[item, plate].append(position)
    place = pd.Series([(item, *own) for (item, _), own in at.items()]).factorize()[0]
    item, plate = (pd.Series(keys).factorize() for keys in zip(*at, strict=True))
    held = np.full((len(plate[1]), len(item[1])), -1)
    held[plate[0], item[0]] = place
    same = [((held == own) & (own >= 0)).sum(axis=1) > SAME * ((held >= 0) & (own >= 0)).sum(axis=1) for own in held]
    return dict(zip(plate[1], connected_components(np.array(same))[1].tolist(), strict=True))


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


def of_precisions(ap: np.ndarray, step: float) -> np.ndarray:
    """Average precisions, of at most 1, on a scale without an upper end: -log(1 - ap + step); one rank is `step`."""
    return -np.log(1 - np.asarray(ap) + step)


def smooth_p_value(observed: np.ndarray, nulls: list[np.ndarray]) -> np.ndarray:
    """P-values (...) from few null statistics that can be below 1 / (n + 1), of statistics z without an upper end.

    `observed` (h, ...) and `nulls`, h times (..., N), as for `p_value`. Between the null values p is interpolated.
    Above their upper quarter, of k values, their excesses are taken for exponential: the predictive distribution of a
    further one, given their sum, is (1 + (z - u) / sum)^-k. A null value of either half counts by how much it exceeds
    the observed one of its half.
    """
    z = np.asarray(observed)
    mean = z.mean(axis=0)
    moved = [own - first[..., None] + mean[..., None] for own, first in zip(nulls, z, strict=True)]
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
