"""The fitted curve of a dose series with its interval, and the wells it was fitted to, as rows of a result."""

import numpy as np
from scipy.optimize import minimize_scalar

from wellread.measure.ec50 import SLOPES, Curve, within
from wellread.measure.tidy import row

AT = 25  # doses of a drawn curve
TRIED = 60  # EC50 within its interval, and slopes
DRAWN = ("curve_dose", "curve", "curve_low", "curve_high", "well_dose", "well_distance")  # metrics of a picture


def curve_rows(item: str, dose: np.ndarray, distance: np.ndarray, count: np.ndarray, ec50: tuple) -> list[dict]:
    """Rows of DRAWN of a series with this EC50 and its interval: `repeat` counts doses of the curve, and wells."""
    treated = dose > 0
    at = np.geomspace(dose[treated].min(), dose[treated].max(), AT)
    values = (at, *band(dose, distance, count, ec50, at), dose[treated], distance[treated])
    return [
        row(metric, value, treated.sum(), item, repeat)
        for metric, own in zip(DRAWN, values, strict=True)
        for repeat, value in enumerate(own)
    ]


def band(dose, distance, count, ec50: tuple, at: np.ndarray) -> np.ndarray:
    """The fitted distance at doses `at` (k,), and the ends of its 95 % interval (3, k); arguments as of `ec50.fit`.

    The interval is that of the profile, as of the EC50 (Bates and Watts 1988, section 6.1): all values that a curve
    takes whose weighted sum of squares is within its limit. Given EC50 and slope, the curve is a line over s^2, and a
    value d beside the best costs d^2 / v, v its variance in weighted least squares.
    """
    curve, beyond = Curve.of(dose, distance, count), Curve(at, at, at)
    middle, low, high = np.log10(ec50)
    bounds = np.log([SLOPES[0], SLOPES[-1]])
    best = minimize_scalar(lambda slope: float(curve.rss(middle, np.exp(slope))), bounds=bounds, method="bounded").x
    grid = np.meshgrid(np.linspace(low, high, TRIED), np.exp(np.linspace(*bounds, TRIED)))
    middles, slopes = np.append(grid[0], middle), np.append(grid[1], np.exp(best))
    rss = curve.rss(middles, slopes)
    spare = rss[-1] * within(count.sum() - 4) - rss
    kept = spare >= 0
    values, variance = _linear(
        curve, curve.shape(middles[kept], slopes[kept]), beyond.shape(middles[kept], slopes[kept])
    )
    side = np.sqrt(spare[kept, None] * variance)
    ends = (values[-1], (values - side).min(axis=0), (values + side).max(axis=0))
    return np.sqrt(np.maximum(ends, 0))


def _linear(curve: Curve, s: np.ndarray, at: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Values (c, k) of y regressed on `s` (c, n) at other s, `at` (c, k), and their variances for an error of 1."""
    w = curve.w / curve.w.sum()
    mean, middle = w @ curve.y, (s @ w)[:, None]
    spread = np.maximum(((s - middle) ** 2) @ w, 1e-12)[:, None]
    slope = ((s - middle) * (curve.y - mean)) @ w
    return mean + slope[:, None] / spread * (at - middle), (1 + (at - middle) ** 2 / spread) / curve.w.sum()
