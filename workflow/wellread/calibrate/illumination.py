"""How evenly a plate is lit: the surface, mean 1, by which counts above the dark are divided, and the dark itself.

A method is `f(site, fields, *, options) -> (illumination (C, H, W) or (C, 1, 1) float32, dark (C,) float32 counts)`. It
gets shrunken fields (N, C, h, w) from all over the plate if it is declared to learn from `samples`.
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
SAMPLED, SIDE = 400, 64  # at most so many fields, shrunk until their shorter side is nearly this
FEWEST = 12  # fields that are enough to tell cells from light; also the groups for standard errors
LEVELS, SMOOTH = 1024, 16  # bins of the histogram of brightness, and how far they are smoothed
ROUNDS, CLOSE = 15, 2e-4  # at most so many steps, or until they are so small
CERTAIN = 3.0  # standard errors; what is less is shrunk to nothing


@dataclass(frozen=True)
class Site:
    """The plate that is lit: its name, the channels of its fields and their shape (H, W)."""

    plate: str
    channels: list[str]
    shape: tuple[int, int]


@choice("illumination")
def none(site: Site, fields=None):
    """Even light, no dark: counts stay as they are."""
    return np.ones((len(site.channels), 1, 1), np.float32), np.zeros(len(site.channels), np.float32)


@choice("illumination")
def functions(site: Site, fields=None, *, path: str, names: dict | None = None, dark: float = 0.0):
    """Existing illumination functions, such as those of the Cell Painting Gallery: `.npy` (H, W), brought to mean 1.

    `path` has {plate} and {channel}; `names` tells what a channel is called there, if not by its own name.
    """
    planes = [_load(path, site, channel, (names or {}).get(channel, channel)) for channel in site.channels]
    return np.stack(planes), np.full(len(planes), dark, np.float32)


def _load(pattern: str, site: Site, channel: str, called: str) -> np.ndarray:
    try:
        path = Path(pattern.format(plate=site.plate, channel=called))
    except (KeyError, IndexError, ValueError) as error:
        raise _refusal("a path with {plate} and {channel}", pattern, channel, "illumination.functions.path") from error
    if not path.is_file():
        raise _refusal("a .npy file with an illumination function", f"no file at {path}", channel, "path or names")
    try:
        plane = np.load(path, allow_pickle=False)
    except Exception as error:  # numpy has several for what is no array
        raise _refusal("a .npy file with an array", f"{path}: {error}", channel, "the file") from error
    if plane.shape != site.shape:
        raise _refusal(f"shape {site.shape}, as the fields", f"{plane.shape} in {path}", channel, "path or names")
    if not (np.isfinite(plane).all() and (plane > 0).all()):
        raise _refusal("finite numbers above 0", f"others in {path}", channel, "the file")
    return (plane / plane.mean()).astype(np.float32)


def _refusal(expected: str, found: str, channel: str, edit: str) -> InputError:
    return InputError(expected, found, f"illumination of channel {channel}", edit)


@choice("illumination", samples=True)
def retrospective(site: Site, fields, *, dark: float | None = None, degree: int = 6, floor: float = 0.1):
    """A smooth surface (exp of a polynomial of `degree`) that makes all places of the fields alike, and the dark.

    Every place should have seen the same brightnesses, whatever the number of cells there: see `Light`. `dark` is the
    camera's offset in counts; None: estimated, see `Light.dark`. No place is taken to have less light than `floor` of
    the mean.
    """
    if len(fields) < FEWEST:
        log.warning("illumination: %d good fields, %d are needed; taken to be even", len(fields), FEWEST)
        return none(site)
    lights = [Light(fields[:, channel], degree) for channel in range(len(site.channels))]
    offsets = [light.dark() if dark is None else dark for light in lights]
    thetas = [light.shrunk(offset) for light, offset in zip(lights, offsets, strict=True)]
    if dark is None:  # where the light is even, nothing tells the dark, and nothing needs it
        offsets = [offset if theta.any() else 0.0 for offset, theta in zip(offsets, thetas, strict=True)]
    surfaces = [_surface(theta, site.shape, floor) for theta in thetas]
    for channel, surface, offset in zip(site.channels, surfaces, offsets, strict=True):
        span = surface.min(), surface.max()
        log.info("illumination of %s: %.2f to %.2f of the mean, dark %.1f counts", channel, *span, offset)
    return np.stack(surfaces), np.array(offsets, np.float32)


def _surface(theta: np.ndarray, shape: tuple[int, int], floor: float) -> np.ndarray:
    degree = int(np.sqrt(2 * len(theta) + 2.25) - 1.5)
    light = np.exp(polynomials(shape, degree) @ theta).reshape(shape)
    light = np.maximum(light / light.mean(), floor)
    return (light / light.mean()).astype(np.float32)


def polynomials(shape: tuple[int, int], degree: int) -> np.ndarray:
    """Legendre polynomials of y and x of a total degree from 1 to `degree`: (H * W, K), variance 1 each."""
    y, x = (legvander((np.arange(n) + 0.5) / n * 2 - 1, degree) * np.sqrt(2 * np.arange(degree + 1) + 1) for n in shape)
    orders = [(i, j) for i in range(degree + 1) for j in range(degree + 1 - i) if i + j]
    return np.stack([np.outer(y[:, i], x[:, j]).ravel() for i, j in orders], axis=1)


class Light:
    """One channel of a plate: counts = dark + light(place) * brightness, brightness being distributed alike everywhere.

    Its distribution is not known; taking it from the histogram of all places makes the likelihood of the light that of
    minimal entropy (Likar, Maintz, Viergever and Pernus, IEEE TMI 2001). The number of cells at a place hardly matters.
    """

    def __init__(self, fields: np.ndarray, degree: int):
        self.shape, self.counts = fields.shape[1:], fields.reshape(len(fields), -1).astype(np.float32)  # (N, h * w)
        self.basis = polynomials(self.shape, degree)  # (h * w, K)
        self.inverse = np.linalg.inv(self.basis.T @ self.basis)
        self.darkest = float(np.percentile(self.counts, 0.1))
        self.group = np.arange(len(fields)) * FEWEST // len(fields)  # neighbours share a well, so a group

    def fit(self, dark: float, start: np.ndarray | None = None, rounds: int = ROUNDS) -> np.ndarray:
        """Coefficients (K,) of the logarithm of the light, by Fisher scoring."""
        theta = self._median(dark) if start is None else start
        for _ in range(rounds):
            step = self._step(self._score(dark, theta))
            step *= min(1, 0.3 / max(np.abs(step).sum(), 1e-9))  # far steps may overshoot
            theta = theta + step
            if np.abs(step).max() < CLOSE:
                break
        return theta

    def shrunk(self, dark: float) -> np.ndarray:
        """Coefficients, those within CERTAIN standard errors of 0 set to 0, others shrunk a little (garrote)."""
        theta = self.fit(dark)
        score = self._score(dark, theta)
        steps = np.stack([self._step(score, self.group == group) for group in range(FEWEST)])
        error = steps.std(axis=0, ddof=1) / np.sqrt(FEWEST)
        return theta * np.clip(1 - (CERTAIN * error / np.maximum(np.abs(theta), 1e-12)) ** 2, 0, 1)

    def dark(self) -> float:
        """The dark with which cells above the background are as bright where the light is weak as where it is strong.

        Background alone cannot tell dark from light. Held loosely to 0.75 of the darkest counts, which it is where
        light is even (and then it changes nothing).
        """
        expected, loose = 0.75 * self.darkest, 0.25 * self.darkest
        low, high, theta = 0.0, 0.99 * self.darkest, self.fit(expected)
        middle = expected
        for _ in range(12):
            theta = self.fit(middle, theta, rounds=4)
            trend, error = self._trend(middle, theta)
            rising = trend / max(error, 1e-9) > (middle - expected) / max(loose, 1e-9)
            low, high = (middle, high) if rising else (low, middle)
            middle = (low + high) / 2
        return middle

    def _median(self, dark: float) -> np.ndarray:
        middle = np.log(np.maximum(np.median(self.counts, axis=0) - dark, 1e-3 * max(self.darkest, 1)))
        return self.inverse @ (self.basis.T @ (middle - middle.mean()))

    def _step(self, score: np.ndarray, rows=slice(None)) -> np.ndarray:
        mean = score[rows].mean(axis=0)
        return self.inverse @ (self.basis.T @ (mean - mean.mean())) / score.var()

    def _brightness(self, dark: float, theta: np.ndarray) -> np.ndarray:
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
        place = (t - low) / width
        bins = np.clip(np.rint(place), 0, LEVELS - 1).astype(np.intp)
        count = gaussian_filter1d(np.bincount(bins.ravel(), minlength=LEVELS).astype(float), SMOOTH, mode="nearest")
        rise = np.gradient(np.log(count + 1e-4 * count.max())) / width  # d log f(t) / dt
        r = np.sinh(low + width * np.arange(LEVELS))
        by_bin = -(1 + (a + s * r) * (rise / np.hypot(1, r) - r / (1 + r * r)) / s)
        return np.where((place > 0) & (place < LEVELS - 1), by_bin[bins], 0)

    def _trend(self, dark: float, theta: np.ndarray) -> tuple[float, float]:
        """Slope of log brightness above the background on log light, over cells, and its jackknife error by groups."""
        z = self._brightness(dark, theta)
        background, bright = np.percentile(z, [10, 98])
        cell = z > background + 0.25 * (bright - background)
        signal = np.log(np.where(cell, z - background, 1))
        n, total = (np.stack([x[self.group == g].sum(axis=0) for g in range(FEWEST)]) for x in (cell, signal))
        light = self.basis @ theta
        out = np.array([_slope(light, n.sum(0) - n[g], total.sum(0) - total[g]) for g in range(FEWEST)])
        error = np.sqrt((FEWEST - 1) / FEWEST * ((out - out.mean()) ** 2).sum())
        return _slope(light, n.sum(0), total.sum(0)), error


def _slope(x: np.ndarray, n: np.ndarray, total: np.ndarray) -> float:
    """Least-squares slope of values on x, of which there are n with a sum of `total` at each x."""
    x = x - np.average(x, weights=n + 1e-9)
    return float(x @ total / max(x * x @ n, 1e-9))


def shrink(plane: np.ndarray) -> np.ndarray:
    """A plane (H, W) in blocks, the shorter side SIDE of them or a few more."""
    size = max(min(plane.shape) // SIDE, 1)
    height, width = (side // size * size for side in plane.shape)
    blocks = plane[:height, :width].reshape(height // size, size, width // size, size)
    return blocks.mean(axis=(1, 3), dtype=np.float32)
