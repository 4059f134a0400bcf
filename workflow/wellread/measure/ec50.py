"""The dose of half the effect: a four-parameter log-logistic curve with a profile interval."""

from dataclasses import dataclass

import numpy as np
from scipy.optimize import brentq, minimize
from scipy.stats import f as f_distribution

SLOPES = np.geomspace(0.3, 8, 30)  # Hill slopes that are tried
FINER = 4  # rounds
BEYOND, STEP = 1.5, 0.04  # how far beyond the doses a curve may have its middle, and the grid, in factors of 10 (log10)
CONFIDENCE = 0.95
MIN_DOSES = 4  # as many as the curve has parameters
REASONS = {  # why there is no EC50
    "few_doses": f"ec50: fewer than {MIN_DOSES} doses, or too few wells",
    "flat": "ec50: a flat line fits as well",
    "not_reached": "ec50 not reached: the curve does not level off within the doses",
    "below_doses": "ec50 below the lowest dose",
}


@dataclass(frozen=True)
class Curve:
    """Squared distances y (n,) at doses x (n,) >= 0, each of a weight w (n,); the model is floor^2 + (height s)^2.

    s = 1 / (1 + (EC50 / x)^slope) is the effect, floor what noise adds: the expected squared length of a shift in noise
    is the sum of both squares. Given EC50 and slope, floor and height follow by linear regression on s^2.
    """

    x: np.ndarray
    y: np.ndarray
    w: np.ndarray

    @classmethod
    def of(cls, dose: np.ndarray, distance: np.ndarray, count: np.ndarray) -> "Curve":
        """The curve of distances (n,), each weighed by the wells it counts as (n,) and the variance of its square."""
        return cls(dose, distance**2, count / _variance(dose, distance**2))

    def shape(self, log_ec50, slope) -> np.ndarray:
        """s^2 (..., n) for arrays (...) of log10 EC50 and of slopes; 0 at dose 0."""
        with np.errstate(divide="ignore"):
            z = np.log(10) * (np.asarray(log_ec50)[..., None] - np.log10(self.x)) * np.asarray(slope)[..., None]
        return (1 + np.exp(np.minimum(z, 300))) ** -2

    def rss(self, log_ec50, slope) -> np.ndarray:
        """The smallest weighted sum of squared residuals (...) of curves with these log10 EC50 and slopes (...)."""
        s, w = self.shape(log_ec50, slope), self.w / self.w.sum()
        y = self.y - w @ self.y
        s = s - (s @ w)[..., None]
        up, spread = np.maximum((s * w * y).sum(-1), 0), (s**2 * w).sum(-1)
        explained = np.divide(up**2, spread, out=np.zeros_like(up), where=spread > 1e-12)
        return self.w.sum() * ((w * y**2).sum() - explained)

    def profile(self, log_ec50) -> np.ndarray:
        """The smallest `rss` over all slopes, for every log10 EC50 (m,), on finer and finer grids."""
        at, slopes, step = np.asarray(log_ec50, float)[:, None], SLOPES[None, :], np.log(SLOPES[1] / SLOPES[0])
        for _ in range(FINER):
            rss = self.rss(at, slopes)
            best = np.take_along_axis(np.broadcast_to(slopes, rss.shape), rss.argmin(axis=1)[:, None], 1)
            slopes = np.clip(best * np.exp(np.linspace(-step, step, 9)), SLOPES[0], SLOPES[-1])
            step /= 4
        return rss.min(axis=1)


def fit(dose: np.ndarray, distance: np.ndarray, count: np.ndarray) -> tuple[float, float, float] | str:
    """EC50 and its 95 % interval, in units of `dose` (n,), or why there is none, a key of REASONS.

    `distance` (n,) to the controls, of which those at dose 0 are controls, each of which counts as `count` (n,) wells.
    Squared distances are fitted by weighted least squares. The interval is that of the profile: all EC50 at which the
    best curve has a sum of squares below the smallest (1 + F / (n - 4)), F the quantile of F(1, n - 4), n the sum of
    counts (Bates and Watts 1988, section 6.1). It must lie within the doses; a flat line must be worse by an F test.
    """
    positive, freedom = dose[dose > 0], count.sum() - 4
    if len(np.unique(positive)) < MIN_DOSES or freedom < 1:
        return "few_doses"
    curve = Curve.of(dose, distance, count)
    first, last = np.log10([positive.min(), positive.max()])
    grid = np.arange(first - BEYOND, last + BEYOND, STEP)
    ec50, smallest = _polished(curve, grid[curve.profile(grid).argmin()])
    flat = float((curve.w * (curve.y - np.average(curve.y, weights=curve.w)) ** 2).sum())
    if (flat - smallest) / 3 <= smallest / freedom * f_distribution.ppf(CONFIDENCE, 3, freedom):
        return "flat"
    limit = smallest * within(freedom)
    low, high = (_crossing(curve, ec50, side, limit) for side in (grid[grid < ec50][::-1], grid[grid > ec50]))
    if high is None or high > last:
        return "not_reached"
    if low is None or low < first:
        return "below_doses"
    return 10.0**ec50, 10.0**low, 10.0**high


def within(freedom: float) -> float:
    """By how much the smallest sum of squares may be multiplied within the interval; `freedom` is n - 4."""
    return 1 + f_distribution.ppf(CONFIDENCE, 1, freedom) / freedom


def _variance(dose: np.ndarray, squares: np.ndarray) -> np.ndarray:
    """The variance (n,) of squared distances but for a factor: of a shift a in D dimensions of noise s^2.

    It is 4 s^2 a^2 + 2 D s^4, which grows as the mean square a^2 + D s^2 less half of its value without a shift.
    """
    doses, group = np.unique(dose, return_inverse=True)
    means = np.bincount(group, squares) / np.bincount(group)
    floor = means[0] if doses[0] == 0 else means.min()
    return np.maximum(means - floor / 2, floor / 2 + 1e-12 * means.max())[group]


def _polished(curve: Curve, start: float) -> tuple[float, float]:
    """log10 EC50 of the best curve near that of the grid, and its sum of squares."""
    slope = SLOPES[curve.rss(np.full(len(SLOPES), start), SLOPES).argmin()]
    bounds = [(start - STEP, start + STEP), np.log([SLOPES[0], SLOPES[-1]])]
    options = {"xatol": 1e-4, "fatol": np.inf}
    rss = lambda at: float(curve.rss(at[0], np.exp(at[1])))  # noqa: E731
    found = minimize(rss, (start, np.log(slope)), method="Nelder-Mead", bounds=bounds, options=options)
    return float(found.x[0]), float(found.fun)


def _crossing(curve: Curve, ec50: float, grid: np.ndarray, limit: float) -> float | None:
    """Where the profile first exceeds the limit, on a grid that leads away from the best EC50; None if nowhere."""
    outside = np.flatnonzero(curve.profile(grid) > limit)
    if not len(outside):
        return None
    inner, outer = [ec50, *grid][outside[0]], grid[outside[0]]
    if curve.profile([inner])[0] >= limit:  # data so exact that the search for the slope is coarser
        return inner
    return brentq(lambda at: curve.profile([at])[0] - limit, inner, outer, xtol=1e-4)
