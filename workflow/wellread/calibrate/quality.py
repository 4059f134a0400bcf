"""How good one channel of one field is: sharpness, brightness, noise, and whether it is a copy of another."""

from functools import lru_cache
from hashlib import sha256

import numpy as np
import pandas as pd
from scipy import fft

MEASURES = ("mean", "p99", "background", "signal", "focus", "slope", "saturated")
AUXILIARY = ("top", "at_top", "pile", "fingerprint", "dtype", "step")  # for `saturated`, `duplicates` and `depths`
BACKGROUND, BRIGHT = 0.05, 0.99  # quantiles of a field
ROUNDING = 0.29  # deviation of the rounding to whole counts: no noise is less
PILE, NEIGHBOURS = 4, 8  # pixels pile up at a level that has PILE times as many as any of the NEIGHBOURS below it


def measures(plane: np.ndarray, count: np.ndarray) -> dict:
    """Measures by name of one channel (H, W) of counts, `count` (65536,) being its histogram.

    `mean`; `p99`, the 99th percentile; `background`, the 5th; `signal`, their difference in deviations of the noise
    (4 in noise alone); `focus` and `slope`, see there; `top`, the largest count, the fraction of pixels `at_top`, and
    whether they `pile` up there (see `crest`); `fingerprint`, a SHA-256 of all pixels.
    """
    background, bright = np.searchsorted(np.cumsum(count), np.array([BACKGROUND, BRIGHT]) * plane.size)
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
        "fingerprint": sha256(np.ascontiguousarray(plane)).hexdigest(),
    }


def binned(plane: np.ndarray, factor: int) -> np.ndarray:
    """Means of a plane (H, W) over squares of `factor` px, incomplete ones left out: float32."""
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
    """Standard deviation (counts) of the noise, from the median second difference along rows: edges are few."""
    rows = plane[::8].astype(np.float32)
    bend = np.abs(rows[:, :-2] - 2 * rows[:, 1:-1] + rows[:, 2:])
    return max(float(np.median(bend)) / 0.6745 / 6**0.5, ROUNDING) if bend.size else ROUNDING


def focus(half: np.ndarray) -> float:
    """Variance of the Laplacian over the variance, of a plane at half the resolution, which halves the noise."""
    centre = half[1:-1, 1:-1]
    if not centre.size:
        return float("nan")
    laplacian = half[:-2, 1:-1] + half[2:, 1:-1] + half[1:-1, :-2] + half[1:-1, 2:] - 4 * centre
    return float(laplacian.var() / max(half.var(), 1e-9))


def slope(half: np.ndarray, side: int) -> float:
    """Log-log slope of the power spectrum, summed over rings of frequencies: 1 for noise alone, low for blur; or NaN.

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
    """Of every frequency of rfft2 of a (H, W) plane: its radius, rounded down, and its weight.

    A frequency counts twice, for its negative too, unless it is its own negative; the weight undoes the damping by
    binning (a sinc).
    """
    height, width = shape
    y, x = np.fft.fftfreq(height)[:, None], np.fft.rfftfreq(width)
    twice = np.where((x == 0) | (2 * x == 1), 1, 2)
    weight = twice / (np.sinc(y) * np.sinc(x)) ** 2
    return np.hypot(y * height, x * width).astype(int).ravel(), weight.astype(np.float32)


def crest(count: np.ndarray) -> tuple[int, int, bool]:
    """Of a histogram (65536,): the largest level, how many pixels have it, and whether these pile up (saturation)."""
    levels = np.flatnonzero(count)
    below = count[levels[-1 - NEIGHBOURS : -1]].max(initial=0)
    return int(levels[-1]), int(count[levels[-1]]), bool(count[levels[-1]] > PILE * below)


def saturated(table: pd.DataFrame, total: np.ndarray, channel: str) -> pd.Series:
    """The fraction of pixels of every field at the camera's maximum: that of the file's type, or where pixels pile up.

    They do so in the field itself, or in the histogram `total` of the plate (so 12 bits in a 16-bit file are noticed).
    `table` are the measures of all fields.
    """
    top, at_top, pile = (table[f"{name}_{channel}"] for name in ("top", "at_top", "pile"))
    if total.any():
        highest, _, piled = crest(total)
        pile = pile.eq(True) | (piled & top.eq(highest))
    return at_top.where(pile.eq(True) | at_top.isna(), 0.0)


def duplicates(fingerprints: pd.DataFrame, names: pd.Series) -> pd.Series:
    """For every field the name of the first other one that has the same pixels in some channel; "" for none.

    Where they are those of another channel, it is named, too: "B02 1 RNA", perhaps of the field itself.
    `fingerprints`: a column per channel, NaN for fields that could not be read.
    """
    planes = (
        fingerprints.reset_index(drop=True)
        .stack()
        .dropna()
        .rename("pixels")
        .rename_axis(["row", "channel"])
        .reset_index()
    )
    found = [""] * len(names)
    for _, group in planes[planes.duplicated("pixels", keep=False)].groupby("pixels", sort=False):
        for row, channel in zip(group["row"], group["channel"], strict=True):
            others = group[(group["row"] != row) | (group["channel"] != channel)]
            alike = others[others["channel"] == channel]
            first = (alike if len(alike) else others).iloc[0]
            name = names.iloc[first["row"]] + ("" if first["channel"] == channel else f" {first['channel']}")
            found[row] = found[row] or name
    return pd.Series(found, names.index, dtype=object)
