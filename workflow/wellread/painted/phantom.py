"""Phantom cells: one field of fluorescent cells, drawn from random numbers, and the masks that are true of it.

A cell is a row of numbers; every pixel looks up the numbers of the cell that owns it, so a stain is one expression over
all owned pixels of a field. The mechanisms change shape and texture, not brightness, which training divides out.
"""

import numpy as np
from scipy.ndimage import gaussian_filter

NUCLEUS, BODY = 8.0, 18.5  # mean radii, px
REACH = 40  # no cell is longer than this from the centre of its nucleus, px
GRAINS = (1.0, 1.5, 2.2, 6.0)  # scales of texture, px


def draw(rng, crowd: float, size: int, traits: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """One field of about `crowd` cells: light (C, size, size) float32, and masks (2, size, size) int32, nucleus, cell.

    `traits` (4,) are the strengths of the mechanisms, in the order of `layout.MECHANISMS`; 0 is an untreated cell.
    """
    centres = scatter(rng, max(1, rng.poisson(crowd)), size, apart=2.3 * NUCLEUS * (1 + 0.25 * traits[0]))
    cells = characters(rng, len(centres), traits)
    pixels = claim(centres, cells, size)
    own = _lookup(cells, pixels["cell"])
    y, x = pixels["y"], pixels["x"]
    grain = {scale: noise(rng, size, scale)[y, x] for scale in GRAINS}
    light = np.zeros((len(STAINS), size, size), np.float32)
    for channel, stain in enumerate(STAINS):
        light[channel, y, x] = stain(pixels, own, grain) * own("stain")[:, channel]
    masks = np.zeros((2, size, size), np.int32)
    masks[1, y, x] = pixels["cell"] + 1
    masks[0, y, x] = masks[1, y, x] * (pixels["nucleus"] < 1)
    return light, masks


def scatter(rng, count: int, size: int, apart: float) -> np.ndarray:
    """Centres (n <= count, 2) at least `apart` px from each other, half of them beside another, as after division."""
    centres = rng.uniform(0, size, (1, 2))
    for _ in range(20 * count):
        beside = centres[rng.integers(len(centres))] + rng.normal(0, 1.6 * apart, 2)
        centre = beside if rng.random() < 0.5 else rng.uniform(0, size, 2)
        free = np.hypot(*(centres - centre).T).min() > apart
        if len(centres) < count and free and (centre >= 0).all() and (centre < size).all():
            centres = np.vstack([centres, centre])
    return centres


def characters(rng, n: int, traits: np.ndarray) -> dict[str, np.ndarray]:
    """What makes each of `n` cells itself: arrays with one row per cell; lengths in px, places in nuclear radii."""
    lobed, fragmented, bundled, vacuolated = traits[:, None] * rng.lognormal(0, 0.15, (4, n))
    scale = rng.lognormal(0, 0.1, n)
    lobes = waves(rng, n, [0.025, 0.025, 0.015])
    lobes[np.arange(n), rng.choice([1, 2], n, p=[0.75, 0.25])] += 0.3 * lobed  # three lobes, or four
    return {
        "angle": rng.uniform(0, np.pi, n),
        "body": BODY * scale,
        "body_stretch": np.exp(rng.normal(0.1, 0.1, n) + 0.35 * bundled),
        "body_waves": waves(rng, n, [0.09, 0.08, 0.06, 0.04]),
        "shift": rng.normal(0, 2.5, (n, 2)),
        "nucleus": NUCLEUS * scale**0.5 * (1 + 0.2 * lobed),
        "nucleus_stretch": np.exp(rng.normal(0.1, 0.06, n)),
        "nucleus_waves": lobes,
        "nucleoli": spots(rng, n, 3, (0.15, 0.65)),
        "golgi": spots(rng, n, 6, (1.2, 1.6), spread=0.6),
        "vacuoles": spots(rng, n, 8, (1.4, 2.1)),
        "fibre_gap": rng.uniform(4, 5.5, n),
        "stain": rng.lognormal(0, 0.15, (n, len(STAINS))),
        "fragmented": np.clip(fragmented, 0, 1),
        "bundled": bundled,
        "vacuolated": np.clip(vacuolated, 0, 1),
    }


def waves(rng, n: int, sizes: list[float]) -> np.ndarray:
    """Fourier coefficients (n, orders) complex, from the second order on, of the logarithm of an outline's radius."""
    return sizes * (rng.standard_normal((n, len(sizes), 2)) @ [1, 1j])


def spots(rng, n: int, count: int, span: tuple[float, float], spread: float = np.pi) -> np.ndarray:
    """Places (n, count, 2) about the nucleus: at distances in `span`, within the angle `spread` of one side."""
    distance = rng.uniform(*span, (n, count))
    angle = rng.uniform(0, 2 * np.pi, (n, 1)) + rng.uniform(-spread, spread, (n, count))
    return np.stack([distance * np.cos(angle), distance * np.sin(angle)], axis=-1)


# ---- shapes: which pixel belongs to which cell ------------------------------------------------------------------


def claim(centres: np.ndarray, cells: dict, size: int) -> dict[str, np.ndarray]:
    """The pixels of all cells, each given to the nearest cell in units of that cell's radius, nuclei before bodies.

    `u, v` are px along and across the cell; `nucleus` and `body` are below 1 within that outline.
    """
    cell, y, x = _reachable(centres, size)
    own = _lookup(cells, cell)
    dy, dx = y - centres[cell, 0], x - centres[cell, 1]
    cos, sin = np.cos(own("angle")), np.sin(own("angle"))
    u, v = cos * dx + sin * dy, cos * dy - sin * dx
    nucleus = outline(u, v, own, "nucleus")
    body = outline(u - own("shift")[:, 0], v - own("shift")[:, 1], own, "body")
    rank = np.where(nucleus < 1, nucleus - 2, body)
    nearest_last = np.argsort(-rank, kind="stable")
    owner = np.full((size, size), -1)
    owner[y[nearest_last], x[nearest_last]] = nearest_last
    claims = owner[owner >= 0]
    claims = claims[rank[claims] < 1]
    pixels = {"cell": cell, "y": y, "x": x, "u": u, "v": v, "nucleus": nucleus, "body": body}
    return {key: values[claims] for key, values in pixels.items()}


def outline(u, v, own, part: str) -> np.ndarray:
    """Distance from the centre over the radius of a stretched, wavy outline in that direction: 1 on the outline."""
    u, v = u / own(f"{part}_stretch"), v * own(f"{part}_stretch")
    distance = np.hypot(u, v) + 1e-9
    direction = (u + 1j * v) / distance
    ripple = 0
    for wave in own(f"{part}_waves").T[::-1]:  # Horner's rule for the powers 2, 3, ... of the direction
        ripple = (ripple + wave) * direction
    return distance / (own(part) * np.exp((ripple * direction).real))


def _reachable(centres: np.ndarray, size: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """All (cell, y, x) within the field and within REACH of the cell's centre."""
    disc = np.argwhere(np.hypot(*np.mgrid[-REACH : REACH + 1, -REACH : REACH + 1]) <= REACH) - REACH
    places = np.floor(centres).astype(int)[:, None] + disc  # (n, pixels, 2)
    inside = ((places >= 0) & (places < size)).all(axis=-1)
    return np.nonzero(inside)[0], *places[inside].T


def _lookup(cells: dict, cell: np.ndarray):
    """For pixels that belong to `cell`: a function from a trait to the values (pixels, ...) of their cells."""
    return lambda trait: cells[trait][cell]


# ---- stains: the light (pixels,) of one channel -----------------------------------------------------------------


def dna(pixels, own, grain):
    """Chromatin; nothing in the cytoplasm."""
    return (pixels["nucleus"] < 1) * (1.3 - 0.5 * pixels["nucleus"] ** 2) * np.exp(0.22 * grain[1.0])


def rna(pixels, own, grain):
    """Nucleoli and cytoplasm."""
    nucleoli = blobs(pixels, own, "nucleoli", 1.8) * (pixels["nucleus"] < 0.95) * (1 - 0.95 * own("vacuolated"))
    cytoplasm = 0.65 * thickness(pixels) * np.exp(0.15 * grain[2.2]) * (1 - 0.6 * vacuoles(pixels, own))
    return np.where(pixels["nucleus"] < 1, 0.4 + 1.1 * nucleoli, cytoplasm)


def er(pixels, own, grain):
    """A network that is dense about the nucleus, with holes where there are vacuoles."""
    network = 0.5 + 0.9 * threads(grain[1.5], 0.35)
    fading = np.exp(-beyond_nucleus(pixels) / 1.1) * (0.3 + 0.7 * thickness(pixels))
    return np.where(pixels["nucleus"] < 1, 0.2, 1.3 * fading * network * (1 - vacuoles(pixels, own)))


def agp(pixels, own, grain):
    """Actin at the rim and in fibres along the cell, and a Golgi apparatus on one side of the nucleus."""
    rim = np.exp(-(((1 - pixels["body"]) / 0.09) ** 2)) * np.exp(0.3 * grain[2.2])
    phase = 2 * np.pi * pixels["v"] / own("fibre_gap") + 1.2 * grain[6.0]
    fibres = np.clip(np.cos(phase), 0, None) ** 2 * np.exp(0.4 * grain[2.2]) * (pixels["body"] < 0.95)
    golgi = blobs(pixels, own, "golgi", 1.5) * (pixels["nucleus"] > 1)
    haze = 0.25 * thickness(pixels) * (1 - 0.6 * vacuoles(pixels, own))
    return haze + 0.6 * rim + (0.08 + 0.65 * own("bundled")) * fibres + 0.5 * golgi


def mito(pixels, own, grain):
    """Threads all over the cytoplasm, or clumps beside the nucleus."""
    beyond = beyond_nucleus(pixels)
    whole = threads(grain[2.2], 0.28) * np.exp(-0.35 * beyond) * (pixels["body"] < 0.93)
    broken = 2.6 * np.clip(grain[1.5] - 0.6, 0, None) * np.exp(-((beyond / 0.6) ** 2))
    mixed = 0.1 * thickness(pixels) + whole + own("fragmented") * (broken - whole)
    return np.where(pixels["nucleus"] < 1, 0.05, mixed)


STAINS = (dna, rna, er, agp, mito)  # in the order of layout.CHANNELS


def beyond_nucleus(pixels):
    """Distance from the nuclear envelope, in nuclear radii; 0 inside."""
    return np.clip(pixels["nucleus"] - 1, 0, None)


def thickness(pixels):
    """A cell is a dome: high in the middle, thin at its rim."""
    return np.sqrt(np.clip(1.05 - pixels["body"] ** 2, 0, None))


def vacuoles(pixels, own):
    """How much of a pixel is vacuole, 0 to 1; they grow with the strength of the mechanism."""
    present = np.clip(4 * own("vacuolated"), 0, 1)
    return np.clip(1.5 * present * blobs(pixels, own, "vacuoles", 1 + 2 * own("vacuolated")), 0, 1)


def blobs(pixels, own, which: str, radius):
    """Round spots of `radius` px at the places `which` of a cell."""
    places = own(which) * own("nucleus")[:, None, None]  # (pixels, spots, 2)
    squared = (pixels["u"][:, None] - places[..., 0]) ** 2 + (pixels["v"][:, None] - places[..., 1]) ** 2
    return np.exp(-squared / np.square(radius).reshape(-1, 1)).sum(axis=1)


def threads(field, width: float):
    """Curved lines where a smooth random field passes zero."""
    return np.exp(-((field / width) ** 2))


def noise(rng, size: int, scale: float) -> np.ndarray:
    """Smooth Gaussian noise (size, size), mean 0, deviation 1, with features of about `scale` px."""
    field = gaussian_filter(rng.standard_normal((size, size), np.float32), scale, mode="wrap")
    return (field - field.mean()) / field.std()
