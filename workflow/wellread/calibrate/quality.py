"""How good one channel of one field is: sharpness, brightness, noise, and whether it is a copy of another."""

from functools import lru_cache
from hashlib import sha256

import numpy as np
import pandas as pd
from scipy import fft

MEASURES = ("mean", "p99", "background", "signal", "focus", "slope", "saturated")
MEANS = ("top", "at_top", "pile", "print")  # what only `saturated` and `duplicates` look at
DARKEST, BRIGHTEST = 0.05, 0.99  # quantiles of a field that stand for its background and its bright things
STEP = 0.29  # deviation of the rounding to whole counts: no noise is less
NEIGHBOURS, PILE = 8, 4  # a pile of pixels: so many times more than at each of so many levels below


def measures(plane: np.ndarray, count: np.ndarray) -> dict:
    """Measures of one channel (H, W) of counts, `count` pixels of each level; see the functions for what they mean.

    `mean`; `p99`, the 99th percentile; `background`, the 5th; `signal`, what lies between, in deviations of the noise
    (4 in noise alone); `focus`; `slope`; `top`, the largest count, the share of pixels `at_top`, and whether they
    `pile`; `print`, the same for two planes only if all pixels are.
    """
    background, bright = np.searchsorted(np.cumsum(count), np.array([DARKEST, BRIGHTEST]) * plane.size)
    half = binned(plane, 2)
    top, at_top, pile = crest(count)
    return {
        "mean": float(plane.mean()),
        "p99": float(bright),
        "background": float(background),
        "signal": float((bright - background) / noise(plane)),
        "focus": focus(half),
        "slope": slope(half, min(plane.shape)),
        "top": top,
        "at_top": at_top / plane.size,
        "pile": bool(pile or top == np.iinfo(plane.dtype).max),
        "print": sha256(np.ascontiguousarray(plane)).hexdigest(),
    }


def binned(plane: np.ndarray, factor: int) -> np.ndarray:
    """Means of squares of `factor` px, incomplete ones left out: float32."""
    if factor == 1 or min(plane.shape) < factor:
        return plane.astype(np.float32)
    height, width = (side // factor * factor for side in plane.shape)
    rows = plane[:height:factor].astype(np.float32)
    for i in range(1, factor):
        rows += plane[i:height:factor]
    total = rows[:, :width:factor].copy()
    for i in range(1, factor):
        total += rows[:, i:width:factor]
    return total / factor**2


def noise(plane: np.ndarray) -> float:
    """Deviation of the noise in counts: median second difference along every eighth row, as edges are few."""
    rows = plane[::8].astype(np.float32)
    bend = np.abs(rows[:, :-2] - 2 * rows[:, 1:-1] + rows[:, 2:])
    return max(float(np.median(bend)) / 0.6745 / 6**0.5, STEP) if bend.size else STEP


def focus(half: np.ndarray) -> float:
    """Variance of the Laplacian over the variance, at half the resolution, where there is half the noise."""
    centre = half[1:-1, 1:-1]
    if not centre.size:
        return float("nan")
    laplacian = half[:-2, 1:-1] + half[2:, 1:-1] + half[1:-1, :-2] + half[1:-1, 2:] - 4 * centre
    return float(laplacian.var() / max(half.var(), 1e-9))


def slope(half: np.ndarray, side: int) -> float:
    """Log-log slope of the power spectrum, summed over rings of frequencies: 1 for noise alone, low for blur.

    As PowerLogLogSlope of CellProfiler's MeasureImageQuality: radii from 2 to an eighth of the shorter `side` of the
    field, so periods above 8 px, which fields of half the resolution (large ones: a quarter) still have.
    """
    if side >= 1024:
        half = binned(half, 2)
    radii = np.arange(2, side // 8)
    if len(radii) < 3:
        return float("nan")
    ring, weight = _rings(half.shape)
    power = np.abs(fft.rfft2(half - half.mean())) ** 2
    power = np.bincount(ring, (power * weight).ravel())[radii]
    return float(np.polyfit(np.log(radii), np.log(np.maximum(power, 1e-9)), 1)[0])


@lru_cache(maxsize=4)
def _rings(shape: tuple[int, int]) -> tuple[np.ndarray, np.ndarray]:
    """The radius of every frequency of rfft2, rounded down, and its weight.

    A frequency stands for two, itself and its negative, but for those that are their own; binning damped it by sinc.
    """
    height, width = shape
    y, x = np.fft.fftfreq(height)[:, None], np.fft.rfftfreq(width)
    twice = np.where((x == 0) | (2 * x == 1), 1, 2)
    weight = twice / (np.sinc(y) * np.sinc(x)) ** 2
    return np.hypot(y * height, x * width).astype(int).ravel(), weight.astype(np.float32)


def crest(count: np.ndarray) -> tuple[int, int, bool]:
    """The largest level, how many pixels have it, and whether these pile up there, as in a saturated camera."""
    levels = np.flatnonzero(count)
    below = count[levels[-1 - NEIGHBOURS : -1]].max(initial=0)
    return int(levels[-1]), int(count[levels[-1]]), bool(count[levels[-1]] > PILE * below)


def saturated(facts: pd.DataFrame, total: np.ndarray, channel: str) -> pd.Series:
    """The share of pixels at the camera's maximum: that of the file's type, or wherever pixels pile up.

    They do so in the field itself, or in the histogram `total` of the plate (so 12 bits in a 16-bit file are noticed).
    """
    top, at_top, pile = (facts[f"{name}_{channel}"] for name in ("top", "at_top", "pile"))
    if total.any():
        highest, _, piled = crest(total)
        pile = pile.eq(True) | (piled & top.eq(highest))
    return at_top.where(pile.eq(True) | at_top.isna(), 0.0)


def duplicates(prints: pd.DataFrame, names: pd.Series) -> pd.Series:
    """For every field the name of the first other one that has the same pixels in some channel; "" for none.

    `prints`: a column of fingerprints per channel, NaN for fields that could not be read.
    """
    found = pd.Series("", names.index, dtype=object)
    for channel in reversed(prints.columns):
        for rows in prints.groupby(channel).indices.values():
            if len(rows) > 1:
                found.iloc[rows] = [names.iloc[rows[0]] if row != rows[0] else names.iloc[rows[1]] for row in rows]
    return found
