"""The smallest effect that replicates and controls of a screen can show: shifts planted into control positions."""

from bisect import bisect_left
from math import ceil

import numpy as np

from wellread.measure.fakes import MIN_POSITIONS, Fake
from wellread.measure.halves import Half
from wellread.measure.permutation import Case, permutation_tests
from wellread.measure.tidy import row, undecidable

POWER = 0.8  # the usual one (Cohen 1988)
EFFECTS = 2 ** (np.arange(49) / 6)  # standard deviations that are tried, 1 to 256, in steps of 12 %
GROUPS = 24  # of controls that are shifted
PERMUTATIONS = 20  # above the threshold; more tell the same groups from the others


class Planted:
    """Groups of controls, each shifted in a direction of its own, and tested as a treatment is.

    A group leaves the controls. Its direction is random where every feature has variance 1 among the controls, and an
    effect is in units of their standard deviation, within plates, along this direction.
    """

    def __init__(self, groups: list[Fake], null_size: int, threshold: float, seed: int):
        self.null_size, self.threshold, self.seed = null_size, threshold, seed
        self.groups = [(*_own_plates(half, own), strata) for half, own, strata in groups]
        self.directions = [_direction(half, np.random.default_rng([seed, i])) for i, (half, *_) in enumerate(groups)]
        self.too_small, self.enough = np.full(len(groups), -1), np.full(len(groups), len(EFFECTS))

    def power(self, k: int) -> float:
        """The share of the groups with p below the threshold at the effect of number k."""
        for i in np.flatnonzero((self.too_small < k) & (k < self.enough)):
            if self._shown(i, EFFECTS[k]):
                self.enough[i] = k
            else:
                self.too_small[i] = k
        return float((self.enough <= k).mean())

    def _shown(self, i: int, effect: float) -> bool:
        half, own, strata = self.groups[i]
        case = Case.of([half.shifted(own, effect * self.directions[i])], own, strata)
        rng = np.random.default_rng([self.seed, i])  # the same permutations for every effect
        found = permutation_tests([case], lambda _: case.draw(self.null_size, rng), self.null_size, self.threshold)
        return found[0]["p_value"] < self.threshold


def _own_plates(half: Half, own: np.ndarray) -> tuple[Half, np.ndarray]:
    """The wells `own` (R,) and the other negatives of their plates; and the row numbers of the first among these."""
    rows = np.union1d(own, np.flatnonzero(half.reference & np.isin(half.plates, half.plates[own])))
    facts = (values[rows] for values in (half.plates, half.positions, half.items))
    return Half(*facts, ~np.isin(rows, own), half.U[rows], half.lengths[rows]), np.searchsorted(rows, own)


def _direction(half: Half, rng) -> np.ndarray:
    """One standard deviation (D,) of the negatives of a half along a random direction."""
    X, plates = half.profiles(half.reference), half.plates[half.reference]
    Z, freedom = X.copy(), max(1, len(X) - len(np.unique(plates)))
    for plate in np.unique(plates):
        Z[plates == plate] -= Z[plates == plate].mean(axis=0)
    scale = np.sqrt((Z**2).sum(axis=0) / freedom)
    scale[scale <= 1e-9 * np.abs(X).max(axis=0)] = 0  # what does not vary is not moved
    towards = rng.normal(size=len(scale)) * (scale > 0)
    towards /= np.linalg.norm(towards) or 1
    along = Z @ (towards / np.where(scale > 0, scale, 1))
    return np.sqrt((along**2).sum() / freedom) * towards * scale


def smallest_effect(groups: list[list[Fake]], used: int, null_size: int, threshold: float, seed: int) -> dict:
    """The result row of the smallest effect that at least 80 % of shifted groups of controls show, see `Planted`.

    `groups` are laid out as treatments are, of `used` wells in all, see `fakes.groups`; of the commonest design at most
    24 are taken.
    """
    if used < MIN_POSITIONS:
        reason = f"{used} control wells can be laid out as treatments are, {MIN_POSITIONS} are needed"
        return undecidable("smallest_effect", reason, used)
    every = [group for some in groups for group in some]
    alike = [group for group in every if _design(group) == _design(every[0])]
    drawn = np.random.default_rng(seed).permutation(len(alike))[:GROUPS]
    null_size = min(null_size, ceil(PERMUTATIONS / threshold))
    planted = Planted([alike[i] for i in sorted(drawn)], null_size, threshold, seed)
    k = bisect_left(range(len(EFFECTS)), POWER, key=planted.power)
    if k == len(EFFECTS):
        reason = f"{planted.power(k - 1):.0%} of {len(drawn)} groups of controls show {EFFECTS[-1]:g} sd"
        return undecidable("smallest_effect", reason, len(drawn))
    return row("smallest_effect", EFFECTS[k], len(drawn))


def _design(group: Fake) -> tuple:
    return tuple((plates, len(positions)) for plates, positions in group[2])
