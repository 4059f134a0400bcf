"""Phantom (synthetic) cells: one field of fluorescent cells, drawn from random numbers, and its true masks.

A cell is a row of traits; every pixel looks up the traits of its cell, so a stain is one expression over all pixels of
cells in a field. Mechanisms of the set `shape` change shape and texture, not brightness, which training normalises
away; of the set `light` two change brightness alone and two texture alone.
"""

import numpy as np
from scipy.ndimage import gaussian_filter

NUCLEUS, BODY = 8.0, 18.5  # mean radii, px
REACH = 40  # px, maximal distance of a cell's pixels from the centre of its nucleus, unless said otherwise
NOISE_SCALES = (1.0, 1.5, 2.2, 6.0)  # px, of the noise that textures are made of
BRIGHTNESS = [[0, 0, 0, 0, 0.5], [0, -0.5, 0, 0, 0]]  # added to the logarithm of every stain, by its mechanism


def draw(rng, mean_count: float, size: int, strengths: np.ndarray, mechanisms: str = "shape"):
    """One field: light (C, size, size) float32, and masks of nuclei and cells (2, size, size) int32.

    `mean_count` is the expected number of cells before crowding, `strengths` (4,) are those of the `mechanisms`, in the
    order of `layout.MECHANISMS[mechanisms]`; 0 is an untreated cell.
    """
    shape, light = (strengths * (mechanisms == name) for name in ("shape", "light"))
    centres = scatter(rng, max(1, rng.poisson(mean_count)), size, apart=2.3 * NUCLEUS * (1 + 0.25 * shape[0]))
    cells = draw_traits(rng, len(centres), shape, light)
    pixels = assign_pixels(centres, cells, size)
    trait = lookup(cells, pixels["cell"])
    y, x = pixels["y"], pixels["x"]
    texture = {scale: noise(rng, size, scale)[y, x] for scale in NOISE_SCALES}
    light = np.zeros((len(STAINS), size, size), np.float32)
    for channel, stain in enumerate(STAINS):
        light[channel, y, x] = stain(pixels, trait, texture) * trait("stain")[:, channel]
    masks = np.zeros((2, size, size), np.int32)
    masks[1, y, x] = pixels["cell"] + 1
    masks[0, y, x] = masks[1, y, x] * (pixels["nucleus"] < 1)
    return light, masks


def scatter(rng, count: int, size: int, apart: float, share: float = 0.5) -> np.ndarray:
    """Centres (n <= count, 2) of nuclei at least `apart` px from each other, a `share` of them beside another."""
    centres = rng.uniform(0, size, (1, 2))
    for _ in range(20 * count):
        beside = centres[rng.integers(len(centres))] + rng.normal(0, 1.6 * apart, 2)
        centre = beside if rng.random() < share else rng.uniform(0, size, 2)
        free = np.hypot(*(centres - centre).T).min() > apart
        if len(centres) < count and free and (centre >= 0).all() and (centre < size).all():
            centres = np.vstack([centres, centre])
    return centres


def draw_traits(rng, n: int, shape: np.ndarray, light: np.ndarray) -> dict[str, np.ndarray]:
    """Random traits of `n` cells, by name: arrays with one row per cell; lengths in px, positions in nuclear radii.

    `shape`, `light`: strengths (4,) of the mechanisms of either set.
    """
    response = rng.lognormal(0, 0.15, (4, n))
    lobed, fragmented, bundled, vacuolated = shape[:, None] * response
    brighter, darker, condensed, coarse = light[:, None] * response
    scale = rng.lognormal(0, 0.1, n)
    lobes = fourier_coefficients(rng, n, [0.025, 0.025, 0.015])
    lobes[np.arange(n), rng.choice([1, 2], n, p=[0.75, 0.25])] += 0.3 * lobed  # three lobes, or four
    return {
        "angle": rng.uniform(0, np.pi, n),
        "body": BODY * scale,
        "body_stretch": np.exp(rng.normal(0.1, 0.1, n) + 0.35 * bundled),
        "body_waves": fourier_coefficients(rng, n, [0.09, 0.08, 0.06, 0.04]),
        "shift": rng.normal(0, 2.5, (n, 2)),
        "nucleus": NUCLEUS * scale**0.5 * (1 + 0.2 * lobed),
        "nucleus_stretch": np.exp(rng.normal(0.1, 0.06, n)),
        "nucleus_waves": lobes,
        "nucleoli": spot_positions(rng, n, 3, (0.15, 0.65)),
        "golgi": spot_positions(rng, n, 6, (1.2, 1.6), spread=0.6),
        "vacuoles": spot_positions(rng, n, 8, (1.4, 2.1)),
        "fibre_gap": rng.uniform(4, 5.5, n),
        "stain": rng.lognormal(0, 0.15, (n, len(STAINS))) * np.exp(np.stack([brighter, darker], 1) @ BRIGHTNESS),
        "condensed": condensed.astype(np.float32),
        "coarse": np.clip(coarse, 0, 1).astype(np.float32),
        "fragmented": np.clip(fragmented, 0, 1),
        "bundled": bundled,
        "vacuolated": np.clip(vacuolated, 0, 1),
    }


def fourier_coefficients(rng, n: int, sizes: list[float]) -> np.ndarray:
    """Random Fourier coefficients (n, orders) complex, of orders 2, 3, ..., of the log radius of an outline."""
    return sizes * (rng.standard_normal((n, len(sizes), 2)) @ [1, 1j])


def spot_positions(rng, n: int, count: int, span: tuple[float, float], spread: float = np.pi) -> np.ndarray:
    """Random positions (n, count, 2) about the nucleus: distances in `span`, within the angle `spread` of one side."""
    distance = rng.uniform(*span, (n, count))
    angle = rng.uniform(0, 2 * np.pi, (n, 1)) + rng.uniform(-spread, spread, (n, count))
    return np.stack([distance * np.cos(angle), distance * np.sin(angle)], axis=-1)


# ---- shapes: which pixel belongs to which cell ------------------------------------------------------------------


def assign_pixels(centres: np.ndarray, cells: dict, size: int, reach: int = REACH) -> dict[str, np.ndarray]:
    """The pixels of all cells, arrays (pixels,) by name: the index of the `cell`, `y, x`, and positions in the cell.

    A pixel goes to the nearest cell in units of that cell's radius, to nuclei before bodies. `u, v` are px along and
    across the cell; `nucleus` and `body` are relative radii, below 1 within that outline.
    """
    cell, y, x = _pixels_near(centres, size, reach)
    trait = lookup(cells, cell)
    dy, dx = y - centres[cell, 0], x - centres[cell, 1]
    cos, sin = np.cos(trait("angle")), np.sin(trait("angle"))
    u, v = cos * dx + sin * dy, cos * dy - sin * dx
    nucleus = relative_radius(u, v, trait, "nucleus")
    body = relative_radius(u - trait("shift")[:, 0], v - trait("shift")[:, 1], trait, "body")
    rank = np.where(nucleus < 1, nucleus - 2, body)
    nearest_last = np.argsort(-rank, kind="stable")
    owner = np.full((size, size), -1)
    owner[y[nearest_last], x[nearest_last]] = nearest_last
    assigned = owner[owner >= 0]
    assigned = assigned[rank[assigned] < 1]
    pixels = {"cell": cell, "y": y, "x": x, "u": u, "v": v, "nucleus": nucleus, "body": body}
    return {key: values[assigned] for key, values in pixels.items()}


def relative_radius(u, v, trait, part: str) -> np.ndarray:
    """Distance of (u, v) from the centre over the radius of the outline in that direction (pixels,): 1 on the outline.

    `part` is nucleus or body; its outline is stretched and has waves.
    """
    u, v = u / trait(f"{part}_stretch"), v * trait(f"{part}_stretch")
    distance = np.hypot(u, v) + 1e-9
    direction = (u + 1j * v) / distance
    ripple = 0
    for wave in trait(f"{part}_waves").T[::-1]:  # Horner's rule for the powers 2, 3, ... of the direction
        ripple = (ripple + wave) * direction
    return distance / (trait(part) * np.exp((ripple * direction).real))


def _pixels_near(centres: np.ndarray, size: int, reach: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """All (cell, y, x) within the field and within `reach` of the cell's centre."""
    disc = np.argwhere(np.hypot(*np.mgrid[-reach : reach + 1, -reach : reach + 1]) <= reach) - reach
    positions = np.floor(centres).astype(int)[:, None] + disc  # (n, pixels, 2)
    inside = ((positions >= 0) & (positions < size)).all(axis=-1)
    return np.nonzero(inside)[0], *positions[inside].T


def lookup(cells: dict, cell: np.ndarray):
    """For pixels that belong to `cell`: a function from the name of a trait to its values (pixels, ...)."""
    return lambda name: cells[name][cell]


# ---- stains: the light (pixels,) of one channel -----------------------------------------------------------------


def dna(pixels, trait, texture):
    """Chromatin; nothing in the cytoplasm."""
    usual = np.float32(0.22)
    amplitude = usual + np.float32(0.4) * trait("condensed")
    chromatin = np.exp(amplitude * texture[1.0] - (amplitude**2 - usual**2) / 2)  # of the same mean
    return (pixels["nucleus"] < 1) * (1.3 - 0.5 * pixels["nucleus"] ** 2) * chromatin


def rna(pixels, trait, texture):
    """Nucleoli and cytoplasm."""
    nucleoli = blobs(pixels, trait, "nucleoli", 1.8) * (pixels["nucleus"] < 0.95) * (1 - 0.95 * trait("vacuolated"))
    cytoplasm = 0.65 * thickness(pixels) * np.exp(0.15 * texture[2.2]) * (1 - 0.6 * vacuoles(pixels, trait))
    return np.where(pixels["nucleus"] < 1, 0.4 + 1.1 * nucleoli, cytoplasm)


def er(pixels, trait, texture):
    """A network that is dense about the nucleus, with holes where there are vacuoles."""
    fine, coarse = threads(texture[1.5], 0.35), threads(texture[6.0], 0.35)  # of the same mean
    network = 0.5 + 0.9 * (fine + trait("coarse") * (coarse - fine))
    fading = np.exp(-beyond_nucleus(pixels) / 1.1) * (0.3 + 0.7 * thickness(pixels))
    return np.where(pixels["nucleus"] < 1, 0.2, 1.3 * fading * network * (1 - vacuoles(pixels, trait)))


def agp(pixels, trait, texture):
    """Actin at the rim and in fibres along the cell, and a Golgi apparatus on one side of the nucleus."""
    rim = np.exp(-(((1 - pixels["body"]) / 0.09) ** 2)) * np.exp(0.3 * texture[2.2])
    phase = 2 * np.pi * pixels["v"] / trait("fibre_gap") + 1.2 * texture[6.0]
    fibres = np.clip(np.cos(phase), 0, None) ** 2 * np.exp(0.4 * texture[2.2]) * (pixels["body"] < 0.95)
    golgi = blobs(pixels, trait, "golgi", 1.5) * (pixels["nucleus"] > 1)
    haze = 0.25 * thickness(pixels) * (1 - 0.6 * vacuoles(pixels, trait))
    return haze + 0.6 * rim + (0.08 + 0.65 * trait("bundled")) * fibres + 0.5 * golgi


def mito(pixels, trait, texture):
    """Threads all over the cytoplasm, or clumps beside the nucleus."""
    beyond = beyond_nucleus(pixels)
    whole = threads(texture[2.2], 0.28) * np.exp(-0.35 * beyond) * (pixels["body"] < 0.93)
    broken = 2.6 * np.clip(texture[1.5] - 0.6, 0, None) * np.exp(-((beyond / 0.6) ** 2))
    mixed = 0.1 * thickness(pixels) + whole + trait("fragmented") * (broken - whole)
    return np.where(pixels["nucleus"] < 1, 0.05, mixed)


STAINS = (dna, rna, er, agp, mito)  # in the order of layout.CHANNELS


def beyond_nucleus(pixels):
    """Distance from the nuclear envelope, in nuclear radii; 0 inside."""
    return np.clip(pixels["nucleus"] - 1, 0, None)


def thickness(pixels):
    """Relative thickness of a cell, a dome: 1 in the middle, thin at its rim."""
    return np.sqrt(np.clip(1.05 - pixels["body"] ** 2, 0, None))


def vacuoles(pixels, trait):
    """The fraction of a pixel that is vacuole, 0 to 1; vacuoles grow with the strength of the mechanism."""
    present = np.clip(4 * trait("vacuolated"), 0, 1)
    return np.clip(1.5 * present * blobs(pixels, trait, "vacuoles", 1 + 2 * trait("vacuolated")), 0, 1)


def blobs(pixels, trait, name: str, radius):
    """Sum of Gaussian spots of `radius` px at the positions in the trait `name` of a cell."""
    positions = trait(name) * trait("nucleus")[:, None, None]  # (pixels, spots, 2)
    squared = (pixels["u"][:, None] - positions[..., 0]) ** 2 + (pixels["v"][:, None] - positions[..., 1]) ** 2
    return np.exp(-squared / np.square(radius).reshape(-1, 1)).sum(axis=1)


def threads(field, width: float):
    """Curved lines where a smooth random field passes zero."""
    return np.exp(-((field / width) ** 2))


def noise(rng, size: int, scale: float) -> np.ndarray:
    """Smooth Gaussian noise (size, size), mean 0, deviation 1, with features of about `scale` px."""
    field = gaussian_filter(rng.standard_normal((size, size), np.float32), scale, mode="wrap")
    return (field - field.mean()) / field.std()
