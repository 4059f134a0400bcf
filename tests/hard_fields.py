"""Painted fields that are hard to segment, by kind, with exact truth: for tests and a benchmark.

A field is of one kind and one seed. Nuclei are ellipses of about DIAMETER px, blurred by the microscope, with the noise
of photons. `hard_field` paints any of KINDS.
"""

from typing import NamedTuple

import numpy as np
from scipy import ndimage
from skimage import segmentation

SIDE, DIAMETER = 256, 24  # px
PHOTONS = 400  # at light 1


class HardField(NamedTuple):
    """Channels `dna` and `body` (H, W) in 0..1, true labels of both, and labels of what is `other` than a nucleus."""

    dna: np.ndarray
    body: np.ndarray
    nuclei: np.ndarray
    bodies: np.ndarray
    other: np.ndarray


def hard_field(kind: str, seed: int) -> HardField:
    """A field of one of KINDS: the same for the same seed."""
    rng = np.random.default_rng([seed, list(KINDS).index(kind)])
    nuclei, light = _nuclei(rng, *SIZES.get(kind, (1.0,)))
    light, other = KINDS[kind](rng, light, nuclei)
    bodies = segmentation.expand_labels(nuclei, 1.2 * DIAMETER)
    body = _seen(rng, (bodies > 0) * _grain(rng, 8, 0.15)[0] * 0.5)
    return HardField(_seen(rng, light), body, nuclei, bodies, other)


def _seen(rng, light: np.ndarray) -> np.ndarray:
    """Light (H, W) blurred, with background and noise, in 0..1."""
    counts = rng.poisson(PHOTONS * (ndimage.gaussian_filter(light, 1.2) + 0.05))
    return (counts / np.percentile(counts, 99.95)).clip(0, 1).astype(np.float32)


def _grain(rng, size: float, spread: float, count: int = 1) -> list[np.ndarray]:
    """Factors (H, W) about 1 that vary over `size` px."""
    planes = (ndimage.gaussian_filter(rng.normal(size=(SIDE, SIDE)), size) for _ in range(count))
    return [(1 + spread * plane / plane.std()).clip(0.1) for plane in planes]


def _nuclei(rng, *sizes: float) -> tuple[np.ndarray, np.ndarray]:
    """Labels (H, W) of ellipses that do not overlap, of `sizes` times DIAMETER in turn, and their light."""
    labels, light = np.zeros((SIDE, SIDE), np.int32), np.zeros((SIDE, SIDE))
    for step in range(400):
        radius = DIAMETER / 2 * sizes[step % len(sizes)] * rng.uniform(0.9, 1.1)
        inside = _ellipse(rng.uniform(0, SIDE, 2), radius * rng.uniform(1, 1.25), radius, rng.uniform(0, np.pi))
        if not (ndimage.binary_dilation(inside, iterations=2) & (labels > 0)).any() and inside.sum() > radius**2:
            labels[inside], light[inside] = labels.max() + 1, rng.uniform(0.25, 0.6)
        if (labels > 0).mean() > 0.16:
            break
    return labels, light


def _ellipse(centre, long: float, short: float, angle: float) -> np.ndarray:
    """Pixels (H, W) bool within an ellipse of two half axes."""
    y, x = np.mgrid[:SIDE, :SIDE] - np.reshape(centre, (2, 1, 1))
    along, across = x * np.cos(angle) + y * np.sin(angle), y * np.cos(angle) - x * np.sin(angle)
    return (along / long) ** 2 + (across / short) ** 2 <= 1


def _plain(rng, light, nuclei):
    return light, np.zeros_like(nuclei)


def _textured(rng, light, nuclei):
    return light * _grain(rng, DIAMETER / 10, 0.35)[0], np.zeros_like(nuclei)


def _spotted(rng, light, nuclei):
    """Four bright spots in every nucleus, as of chromocentres."""
    spots = np.zeros(light.shape)
    for label in range(1, nuclei.max() + 1):
        spots[tuple(rng.permutation(np.argwhere(nuclei == label))[:4].T)] = 1
    width = DIAMETER / 12
    return light * (1 + 1.5 * ndimage.gaussian_filter(spots, width) * 2 * np.pi * width**2), np.zeros_like(nuclei)


def _fibres(rng, light, nuclei):
    """A bright band right across the field, which hides what is below it."""
    y, x = np.mgrid[:SIDE, :SIDE] - rng.uniform(0.3, 0.7, (2, 1, 1)) * SIDE
    angle = rng.uniform(0, np.pi)
    bent = y * np.cos(angle) - x * np.sin(angle) + 0.002 * rng.normal() * (x * np.cos(angle) + y * np.sin(angle)) ** 2
    band = np.abs(bent) < rng.uniform(0.15, 0.35) * DIAMETER
    _hide(nuclei, light, band)
    return np.where(band, rng.uniform(2, 4) * _grain(rng, 6, 0.1)[0], light), band.astype(np.int32)


def _debris(rng, light, nuclei):
    """Small, ragged, very bright things away from nuclei."""
    other, grain, free = np.zeros_like(nuclei), _grain(rng, 1.5, 1)[0], ndimage.distance_transform_edt(nuclei == 0)
    for centre in rng.permutation(np.argwhere(free > DIAMETER / 2))[:6]:
        spot = _ellipse(centre, DIAMETER * rng.uniform(0.2, 0.3), DIAMETER * rng.uniform(0.15, 0.2), rng.uniform(0, 3))
        other[spot & (grain > 0.4) & (free > DIAMETER / 4)] = other.max() + 1
    return np.where(other > 0, rng.uniform(2, 4), light), other


def _haze(rng, light, nuclei):
    """Nuclei far out of focus, beside and behind those in focus."""
    far = ndimage.gaussian_filter((_nuclei(rng, 1.0)[1] > 0) * 1.0, DIAMETER / 3)
    return light + 0.3 * far, np.zeros_like(nuclei)


def _micronuclei(rng, light, nuclei):
    """A small piece of the same stain beside every second nucleus."""
    other, ring = np.zeros_like(nuclei), segmentation.expand_labels(nuclei, 7)
    for label in range(1, nuclei.max() + 1, 2):
        rim = np.argwhere((ring == label) & (ndimage.distance_transform_edt(nuclei == 0) > 6))
        if len(rim):
            other[_ellipse(rng.choice(rim), 2.5, 2.5, 0) & (nuclei == 0)] = other.max() + 1
    return np.where(other > 0, 0.4, light), other


def _hide(nuclei: np.ndarray, light: np.ndarray, band: np.ndarray) -> None:
    """Take away nuclei that a band covers in part: nobody could draw them."""
    gone = np.isin(nuclei, np.unique(nuclei[ndimage.binary_dilation(band, iterations=3)]))
    nuclei[gone] = light[gone] = 0
    nuclei[:] = segmentation.relabel_sequential(nuclei)[0]


KINDS = {
    "textured": _textured,
    "spotted": _spotted,
    "fibres": _fibres,
    "debris": _debris,
    "haze": _haze,
    "micronuclei": _micronuclei,
    "mixed": _plain,
    "confluent": _plain,
}
SIZES = {"mixed": (0.7, 1.5), "textured": (2.0,)}
