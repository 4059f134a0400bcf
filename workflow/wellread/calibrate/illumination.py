"""The illumination of a plate: the surface, mean 1, by which counts above the dark are divided, and the dark itself.

A method is `f(plate, fields, *, options) -> (illumination (C, H, W) or (C, 1, 1) float32, dark (C,) float32 counts)`.
It gets shrunk fields (N, C, h, w) from all over the plate if it is declared to learn from `samples`.
"""

import logging
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.polynomial.legendre import legvander
from scipy.ndimage import gaussian_filter1d

from wellread.runtime.errors import InputError
from wellread.runtime.registry import choice

log = logging.getLogger("wellread")
SAMPLED, SIDE = 400, 64  # most fields that an estimate uses, and about how many px their shorter side is shrunk to
GROUPS = 12  # of fields, for standard errors; with fewer fields than this there is no estimate
LEVELS, SMOOTH = 1024, 16  # bins of the histogram of brightness, and the deviation (bins) of its smoothing
MAX_STEPS, TOLERANCE = 15, 2e-4  # of Fisher scoring: most steps, and the step after which it stops
SIGNIFICANT = 3.0  # standard errors; smaller coefficients become 0


@dataclass(frozen=True)
class PlateShape:
    """What a method must know of a plate: its name, the channels of its fields and their shape (H, W)."""

    name: str
    channels: list[str]
    shape: tuple[int, int]


@choice("illumination")
def none(plate: PlateShape, fields=None):
    """Even illumination (C, 1, 1) and no dark: counts stay as they are."""
    return np.ones((len(plate.channels), 1, 1), np.float32), np.zeros(len(plate.channels), np.float32)


@choice("illumination")
def functions(plate: PlateShape, fields=None, *, path: str, names: dict | None = None, dark: float = 0.0):
    """Existing illumination functions, such as those of the Cell Painting Gallery: `.npy` (H, W), brought to mean 1.

    `path`: pattern of the files, with {plate} and {channel}; `names`: what a channel is called there, if not by its own
    name; `dark`: the camera's offset in counts, of all channels. InputError for a file that is missing or does not fit.
    """
    planes = [_load(path, plate, channel, (names or {}).get(channel, channel)) for channel in plate.channels]
    return np.stack(planes), np.full(len(planes), dark, np.float32)


def _load(pattern: str, plate: PlateShape, channel: str, name: str) -> np.ndarray:
    try:
        path = Path(pattern.format(plate=plate.name, channel=name))
    except (KeyError, IndexError, ValueError) as error:
        raise _refusal("a path with {plate} and {channel}", pattern, channel, "illumination.functions.path") from error
    if not path.is_file():
        raise _refusal("a .npy file with an illumination function", f"no file at {path}", channel, "path or names")
    try:
        surface = np.load(path, allow_pickle=False)
    except Exception as error:  # numpy has several for what is no array
        raise _refusal("a .npy file with an array", f"{path}: {error}", channel, "the file") from error
    if surface.shape != plate.shape:
        raise _refusal(f"shape {plate.shape}, as the fields", f"{surface.shape} in {path}", channel, "path or names")
    if not (np.isfinite(surface).all() and (surface > 0).all()):
        raise _refusal("finite numbers above 0", f"others in {path}", channel, "the file")
    return (surface / surface.mean()).astype(np.float32)


def _refusal(expected: str, found: str, channel: str, edit: str) -> InputError:
    return InputError(expected, found, f"illumination of channel {channel}", edit)


@choice("illumination", samples=True)
def retrospective(plate: PlateShape, fields, *, dark: float | None = None, degree: int = 6, floor: float = 0.1):
    """A smooth surface (exp of a polynomial of `degree`) that makes all positions in the fields alike, and the dark.

    Cells and background should be as bright at every position, whatever the number of cells there: see `LightModel`.
    `dark` is the camera's offset in counts; None: estimated, see `LightModel.dark`. The surface is nowhere below the
    fraction `floor` of its mean. With fewer than 12 fields illumination is taken to be even.
    """
    if len(fields) < GROUPS:
        log.warning("illumination: %d good fields, %d are needed; taken to be even", len(fields), GROUPS)
        return none(plate)
    models = [LightModel(fields[:, channel], degree) for channel in range(len(plate.channels))]
    offsets = [model.dark() if dark is None else dark for model in models]
    thetas = [model.shrunk(offset) for model, offset in zip(models, offsets, strict=True)]
    if dark is None:  # even light neither determines the dark nor needs it
        offsets = [offset if theta.any() else 0.0 for offset, theta in zip(offsets, thetas, strict=True)]
    surfaces = [_surface(theta, plate.shape, floor) for theta in thetas]
    for channel, surface, offset in zip(plate.channels, surfaces, offsets, strict=True):
        span = surface.min(), surface.max()
        log.info("illumination of %s: %.2f to %.2f of the mean, dark %.1f counts", channel, *span, offset)
    return np.stack(surfaces), np.array(offsets, np.float32)


def _surface(theta: np.ndarray, shape: tuple[int, int], floor: float) -> np.ndarray:
    """The surface (H, W), mean 1, of coefficients (K,) of the logarithm of the light."""
    degree = int(np.sqrt(2 * len(theta) + 2.25) - 1.5)
    light = np.exp(polynomials(shape, degree) @ theta).reshape(shape)
    light = np.maximum(light / light.mean(), floor)
    return (light / light.mean()).astype(np.float32)


def polynomials(shape: tuple[int, int], degree: int) -> np.ndarray:
    """Legendre polynomials of y and x of a total degree from 1 to `degree`: (H * W, K), variance 1 each."""
    y, x = (legvander((np.arange(n) + 0.5) / n * 2 - 1, degree) * np.sqrt(2 * np.arange(degree + 1) + 1) for n in shape)
    orders = [(i, j) for i in range(degree + 1) for j in range(degree + 1 - i) if i + j]
    return np.stack([np.outer(y[:, i], x[:, j]).ravel() for i, j in orders], axis=1)


class LightModel:
    """One channel of a plate: counts = dark + light(position) * brightness, distributed alike at all positions.

    The distribution of brightness is not known; taking it from the histogram of all positions makes maximum likelihood
    the minimal entropy of Likar, Maintz, Viergever and Pernus (IEEE TMI 2001). The number of cells at a position hardly
    matters. `fields` (N, h, w) are shrunk counts, `degree` that of the polynomial.
    """

    def __init__(self, fields: np.ndarray, degree: int):
        self.shape, self.counts = fields.shape[1:], fields.reshape(len(fields), -1).astype(np.float32)  # (N, h * w)
        self.basis = polynomials(self.shape, degree)  # (h * w, K)
        self.inverse = np.linalg.inv(self.basis.T @ self.basis)
        self.darkest = float(np.percentile(self.counts, 0.1))
        self.group = np.arange(len(fields)) * GROUPS // len(fields)  # neighbours share a well, so a group

    def fit(self, dark: float, start: np.ndarray | None = None, steps: int = MAX_STEPS) -> np.ndarray:
        """Coefficients (K,) of the logarithm of the light, by Fisher scoring from `start` (None: from the medians)."""
        theta = self._from_medians(dark) if start is None else start
        for _ in range(steps):
            step = self._step(self._score(dark, theta))
            step *= min(1, 0.3 / max(np.abs(step).sum(), 1e-9))  # far steps may overshoot
            theta = theta + step
            if np.abs(step).max() < TOLERANCE:
                break
        return theta

    def shrunk(self, dark: float) -> np.ndarray:
        """Coefficients (K,): 0 within SIGNIFICANT standard errors of 0, others shrunk (garrote, Breiman 1995)."""
        theta = self.fit(dark)
        score = self._score(dark, theta)
        steps = np.stack([self._step(score, self.group == group) for group in range(GROUPS)])
        error = steps.std(axis=0, ddof=1) / np.sqrt(GROUPS)
        return theta * np.clip(1 - (SIGNIFICANT * error / np.maximum(np.abs(theta), 1e-12)) ** 2, 0, 1)

    def dark(self) -> float:
        """The dark (counts) with which cells are as bright above background in weak light as in strong light.

        By bisection. Background alone cannot separate dark from light. The prior, 0.75 +- 0.25 of the darkest counts,
        decides where light is even (and the dark then changes nothing).
        """
        expected, deviation = 0.75 * self.darkest, 0.25 * self.darkest
        low, high, theta = 0.0, 0.99 * self.darkest, self.fit(expected)
        middle = expected
        for _ in range(12):
            theta = self.fit(middle, theta, steps=4)
            trend, error = self._trend(middle, theta)
            rising = trend / max(error, 1e-9) > (middle - expected) / max(deviation, 1e-9)
            low, high = (middle, high) if rising else (low, middle)
            middle = (low + high) / 2
        return middle

    def _from_medians(self, dark: float) -> np.ndarray:
        """Coefficients (K,) fitted to the median count at every position."""
        middle = np.log(np.maximum(np.median(self.counts, axis=0) - dark, 1e-3 * max(self.darkest, 1)))
        return self.inverse @ (self.basis.T @ (middle - middle.mean()))

    def _step(self, score: np.ndarray, rows=slice(None)) -> np.ndarray:
        """A step (K,) of Fisher scoring, from the scores of some fields."""
        mean = score[rows].mean(axis=0)
        return self.inverse @ (self.basis.T @ (mean - mean.mean())) / score.var()

    def _brightness(self, dark: float, theta: np.ndarray) -> np.ndarray:
        """Counts (N, h * w) above the dark, divided by the light."""
        return (self.counts - np.float32(dark)) * np.exp(-self.basis @ theta).astype(np.float32)

    def _score(self, dark: float, theta: np.ndarray) -> np.ndarray:
        """Derivative (N, h * w) of the log likelihood by the log of the light: -(1 + z f'(z) / f(z)) at brightness z.

        The density f is a smoothed histogram of t = arcsinh((z - a) / s), since brightness spans orders of magnitude.
        """
        z = self._brightness(dark, theta)
        a, middle = np.percentile(z, [0.1, 50])
        s = max((middle - a) / 4, 1e-6)
        t = np.arcsinh((z - a) / s)
        low, high = np.percentile(t, [0.05, 99.95])
        width = max(high - low, 1e-6) / (LEVELS - 1)
        position = (t - low) / width
        bins = np.clip(np.rint(position), 0, LEVELS - 1).astype(np.intp)
        count = gaussian_filter1d(np.bincount(bins.ravel(), minlength=LEVELS).astype(float), SMOOTH, mode="nearest")
        rise = np.gradient(np.log(count + 1e-4 * count.max())) / width  # d log f(t) / dt
        r = np.sinh(low + width * np.arange(LEVELS))
        by_bin = -(1 + (a + s * r) * (rise / np.hypot(1, r) - r / (1 + r * r)) / s)
        return np.where((position > 0) & (position < LEVELS - 1), by_bin[bins], 0)

    def _trend(self, dark: float, theta: np.ndarray) -> tuple[float, float]:
        """Slope of cells' log brightness above background on log light, and its jackknife error by groups."""
        z = self._brightness(dark, theta)
        background, bright = np.percentile(z, [10, 98])
        cell = z > background + 0.25 * (bright - background)
        signal = np.log(np.where(cell, z - background, 1))
        n, total = (np.stack([x[self.group == g].sum(axis=0) for g in range(GROUPS)]) for x in (cell, signal))
        light = self.basis @ theta
        out = np.array([_slope(light, n.sum(0) - n[g], total.sum(0) - total[g]) for g in range(GROUPS)])
        error = np.sqrt((GROUPS - 1) / GROUPS * ((out - out.mean()) ** 2).sum())
        return _slope(light, n.sum(0), total.sum(0)), error


def _slope(x: np.ndarray, n: np.ndarray, total: np.ndarray) -> float:
    """Least-squares slope of values on x, of which there are n with the sum `total` at each x."""
    x = x - np.average(x, weights=n + 1e-9)
    return float(x @ total / max(x * x @ n, 1e-9))


def shrink(plane: np.ndarray) -> np.ndarray:
    """Means of a plane (H, W) over square blocks: (h, w) float32, the shorter side SIDE or a few more."""
    size = max(min(plane.shape) // SIDE, 1)
    height, width = (side // size * size for side in plane.shape)
    blocks = plane[:height, :width].reshape(height // size, size, width // size, size)
    return blocks.mean(axis=(1, 3), dtype=np.float32)
