"""Cells of a painted protein atlas: five cell lines that differ in shape and staining, their landmarks and proteins.

Cells are rows of traits and stains expressions over pixels, as in `phantom`. Nucleus, microtubules and ER are the
landmarks; the fourth channel is a protein, in one or several of the locations of `atlas_layout.LOCATIONS`.
"""

import numpy as np
from scipy.ndimage import distance_transform_edt, maximum_filter, minimum_filter

from wellread.painted import phantom
from wellread.painted.phantom import beyond_nucleus, blobs, fourier_coefficients, spot_positions, thickness, threads

LINES = {  # radii of nucleus and body in px, logarithm of their stretch (mean, deviation), waves of the outline
    "osteosarcoma": {"nucleus": 12.5, "body": 30, "stretch": (0.1, 0.12), "waves": [0.14, 0.12, 0.1, 0.08]},
    "epithelial": {"nucleus": 12.0, "body": 26, "stretch": (0.04, 0.05), "waves": [0.04, 0.04, 0.03, 0.02]},
    "fibroblast": {"nucleus": 12.0, "body": 26, "stretch": (0.5, 0.12), "waves": [0.06, 0.05, 0.04, 0.02]},
    "neuroblastoma": {"nucleus": 11.5, "body": 22, "stretch": (0.15, 0.1), "waves": [0.16, 0.22, 0.2, 0.14]},
    "lymphoid": {"nucleus": 11.5, "body": 19, "stretch": (0.0, 0.05), "waves": [0.03, 0.03, 0.02, 0.02]},
}
STAINING = {  # grain of chromatin, reach of the ER (nuclear radii), width of its meshes (px), number of microtubules
    "osteosarcoma": {"grain": 0.15, "reach": 1.6, "mesh": 2.2, "filaments": 26},
    "epithelial": {"grain": 0.22, "reach": 0.9, "mesh": 1.5, "filaments": 20},
    "fibroblast": {"grain": 0.1, "reach": 1.8, "mesh": 2.2, "filaments": 14},
    "neuroblastoma": {"grain": 0.4, "reach": 0.6, "mesh": 1.5, "filaments": 12},
    "lymphoid": {"grain": 0.3, "reach": 0.4, "mesh": 1.1, "filaments": 18},
}
DENSITY = {  # mean number of cells in a field of 384 px, and the share of them that lie beside another
    "osteosarcoma": (11, 0.3), "epithelial": (26, 0.9), "fibroblast": (13, 0.3), "neuroblastoma": (22, 0.6),
    "lymphoid": (34, 0.4),
}  # fmt: skip
SCALES = (1.1, 1.5, 2.2, 6.0, 12.0)  # px, of the noise that textures are made of
SIZES = 0.17  # deviation of the logarithm of a cell's radius
UNEVEN = 0.7  # how far proteins in small places are as bright in all as those in large ones: 0 not at all, 1 wholly


def draw(rng, line: str, mean_count: float, size: int, locations: list[str], variation: str = "uniform"):
    """One field of a cell line: light (4, size, size) float32, masks of nuclei and cells (2, size, size) int32, shares.

    `mean_count` is the expected number of cells before crowding. The shares (cells, locations) are those of the protein
    of each cell, label 1 first: alike, drawn anew by `variation` intensity, or all in one place by spatial.
    """
    beside = DENSITY[line][1]
    apart = 2.15 * LINES[line]["nucleus"]
    centres = phantom.scatter(rng, max(1, rng.poisson(mean_count)), size, apart, beside)
    cells = draw_traits(rng, len(centres), line)
    pixels = phantom.assign_pixels(centres, cells, size, reach=_reach(line))
    trait = phantom.lookup(cells, pixels["cell"])
    y, x = pixels["y"], pixels["x"]
    texture = {scale: phantom.noise(rng, size, scale)[y, x] for scale in SCALES}
    shares = draw_shares(rng, len(centres), len(locations), variation)
    light = np.zeros((4, size, size), np.float32)
    for channel, stain in enumerate((nucleus, microtubules, er)):
        light[channel, y, x] = stain(pixels, trait, texture) * trait("stain")[:, channel]
    light[3, y, x] = protein(pixels, trait, texture, locations, shares) * trait("stain")[:, 3]
    masks = np.zeros((2, size, size), np.int32)
    masks[1, y, x] = pixels["cell"] + 1
    masks[0, y, x] = masks[1, y, x] * (pixels["nucleus"] < 1)
    return light, masks, shares


def draw_traits(rng, n: int, line: str) -> dict[str, np.ndarray]:
    """Random traits of `n` cells of a line, by name, one row per cell; lengths in px, positions in nuclear radii."""
    own, staining = LINES[line], STAINING[line]
    scale = np.exp(np.clip(rng.normal(0, SIZES, n), -2 * SIZES, 2 * SIZES))
    return {
        "angle": rng.uniform(0, np.pi, n),
        "body": own["body"] * scale,
        "body_stretch": np.exp(rng.normal(*own["stretch"], n)),
        "body_waves": fourier_coefficients(rng, n, own["waves"]),
        "shift": rng.normal(0, 0.06 * own["body"], (n, 2)),
        "nucleus": own["nucleus"] * scale**0.5,
        "nucleus_stretch": np.exp(rng.normal(0.08 + 0.25 * own["stretch"][0], 0.05, n)),
        "nucleus_waves": fourier_coefficients(rng, n, [0.025, 0.02, 0.01]),
        "nucleoli": spot_positions(rng, n, 3, (0.1, 0.6)),
        "golgi": spot_positions(rng, n, 9, (1.15, 1.55), spread=0.7),
        "centrosome": spot_positions(rng, n, 1, (1.2, 1.35)),
        "stain": rng.lognormal(0, 0.12, (n, 4)),
        **{name: np.full(n, value, float) for name, value in staining.items()},
    }


def draw_shares(rng, n: int, places: int, variation: str) -> np.ndarray:
    """How bright the protein of `n` cells is in each of some places (n, places); its mean over cells is about 1 in all.

    `variation`: uniform, intensity (lognormal, deviation .8) or spatial (one place in each cell).
    """
    shares = np.full((n, places), 1 / places)
    if variation == "spatial":
        shares = np.eye(places)[rng.integers(places, size=n)]
    if variation == "intensity":
        shares = shares * rng.lognormal(-0.32, 0.8, (n, 1))
    return shares


def _reach(line: str) -> int:
    """How far pixels of a cell can be from the centre of its nucleus, px."""
    mean, deviation = LINES[line]["stretch"]
    return int(LINES[line]["body"] * np.exp(mean + deviation + sum(LINES[line]["waves"]) + 2 * SIZES))


# ---- landmarks --------------------------------------------------------------------------------------------------


def nucleus(pixels, trait, texture):
    """Chromatin of the cell line's grain, darker in nucleoli."""
    grain = np.exp(trait("grain") * texture[1.5] - trait("grain") ** 2 / 2)
    holes = 1 - 0.55 * np.clip(_spots(pixels, trait, "nucleoli", 0.2), 0, 1)
    return _inside(pixels) * (1.2 - 0.4 * pixels["nucleus"] ** 2) * grain * holes


def microtubules(pixels, trait, texture):
    """Filaments from the centrosome to the rim: lines of equal angle about it, in two families that cross."""
    place = trait("centrosome")[:, 0] * trait("nucleus")[:, None]
    stretch = trait("body_stretch")
    along, across = (pixels["u"] - place[:, 0]) / stretch, (pixels["v"] - place[:, 1]) * stretch
    angle, far = np.arctan2(across, along), np.hypot(along, across) / trait("body")
    families = [(1.0, 0.9 * texture[12.0]), (1.6, 1.6 * texture[6.0])]
    lines = sum(np.cos(np.round(k * trait("filaments")) * angle / 2 + bend) ** 8 for k, bend in families)
    over_nucleus = np.where(pixels["nucleus"] < 1, 0.45, 1)
    bright = 0.25 + 1.1 * np.exp(-1.3 * far)
    return over_nucleus * (pixels["body"] < 0.97) * bright * (0.15 + lines)


def er(pixels, trait, texture):
    """A network, dense about the nucleus and thinning out as far as the cell line's reaches; the nuclear envelope."""
    meshes = {scale: threads(texture[scale], 0.4) for scale in (1.1, 1.5, 2.2)}
    mesh = np.select([trait("mesh") == scale for scale in meshes], list(meshes.values()))
    fading = np.exp(-beyond_nucleus(pixels) / trait("reach")) * (0.3 + 0.7 * thickness(pixels))
    envelope = 0.5 * _envelope(pixels, 1.5)
    return np.where(pixels["nucleus"] < 1, 0.15, fading * (0.4 + 0.9 * mesh)) + envelope


# ---- the protein ------------------------------------------------------------------------------------------------


def protein(pixels, trait, texture, locations: list[str], shares: np.ndarray):
    """Light (pixels,) of a protein, of which `shares` (cells, locations) lie in each of some locations.

    Its mean over the cells of a field hardly depends on where it is: see `UNEVEN`.
    """
    light = 0.12 * thickness(pixels)  # of antibodies that bind to nothing
    for column, name in enumerate(locations):
        pattern = PATTERNS[name](pixels, trait, texture)
        light = light + shares[pixels["cell"], column] * pattern * 0.5 / max(float(pattern.mean()), 1e-3) ** UNEVEN
    return light


def nucleoplasm(pixels, trait, texture):
    """The nucleus but for its nucleoli."""
    return (
        _inside(pixels)
        * np.exp(0.2 * texture[1.5])
        * (1 - 0.85 * np.clip(_spots(pixels, trait, "nucleoli", 0.2), 0, 1))
    )


def nucleoli(pixels, trait, texture):
    """A few round bodies in the nucleus."""
    return _inside(pixels) * (0.06 + np.clip(1.6 * _spots(pixels, trait, "nucleoli", 0.17), 0, 1))


def nuclear_membrane(pixels, trait, texture):
    """A bright rim of the nucleus."""
    return _envelope(pixels, 1.2) + 0.12 * _inside(pixels)


def nuclear_speckles(pixels, trait, texture):
    """Many irregular small spots in the nucleus, outside nucleoli."""
    spots = np.clip(texture[1.5] - 0.8, 0, None) * (pixels["nucleus"] < 0.9)
    return spots * (1 - np.clip(1.5 * _spots(pixels, trait, "nucleoli", 0.2), 0, 1)) + 0.08 * _inside(pixels)


def cytosol(pixels, trait, texture):
    """All of the cell but the nucleus, by its thickness."""
    return np.where(pixels["nucleus"] < 1, 0.12, thickness(pixels) * np.exp(0.12 * texture[2.2]))


def golgi_apparatus(pixels, trait, texture):
    """A ribbon of stacks on one side of the nucleus."""
    return (
        (pixels["nucleus"] > 1)
        * np.clip(_spots(pixels, trait, "golgi", 0.13), 0, 1.5)
        * (0.4 + threads(texture[1.5], 0.6))
    )


def mitochondria(pixels, trait, texture):
    """Threads all over the cytoplasm, fewer at the rim."""
    return _cytoplasm(pixels) * threads(texture[2.2], 0.28) * np.exp(-0.35 * beyond_nucleus(pixels))


def vesicles(pixels, trait, texture):
    """Small round spots all over the cytoplasm, more of them near the nucleus."""
    return _cytoplasm(pixels) * np.clip(texture[1.1] - 1.2, 0, None) * np.exp(-0.4 * beyond_nucleus(pixels))


def plasma_membrane(pixels, trait, texture):
    """The rim of the cell, also where it touches another, and ruffles of the membrane above it."""
    y, x = pixels["y"], pixels["x"]
    labels = np.zeros((y.max() + 1, x.max() + 1), np.int32)
    labels[y, x] = pixels["cell"] + 1
    rim = maximum_filter(labels, 3) != minimum_filter(labels, 3)
    depth = distance_transform_edt(~rim)[y, x] if rim.any() else np.inf
    return np.exp(-((depth / 1.3) ** 2)) + 0.1 * thickness(pixels) * np.exp(0.4 * texture[6.0])


def centrosome(pixels, trait, texture):
    """A pair of small spots beside the nucleus, where the microtubules begin."""
    return np.clip(_spots(pixels, trait, "centrosome", 0.16), 0, 1) + 0.01 * thickness(pixels)


PATTERNS = {
    "nucleoplasm": nucleoplasm,
    "nucleoli": nucleoli,
    "nuclear membrane": nuclear_membrane,
    "nuclear speckles": nuclear_speckles,
    "cytosol": cytosol,
    "endoplasmic reticulum": er,
    "golgi apparatus": golgi_apparatus,
    "mitochondria": mitochondria,
    "vesicles": vesicles,
    "plasma membrane": plasma_membrane,
    "microtubules": microtubules,
    "centrosome": centrosome,
}


def _inside(pixels):
    return pixels["nucleus"] < 1


def _cytoplasm(pixels):
    return (pixels["nucleus"] > 1) & (pixels["body"] < 0.94)


def _spots(pixels, trait, name: str, radius: float):
    """Spots at the positions of a trait, of a `radius` in nuclear radii."""
    return blobs(pixels, trait, name, radius * trait("nucleus"))


def _envelope(pixels, width: float):
    """A line of some `width` (px) along the outline of the nucleus."""
    radius = np.hypot(pixels["u"], pixels["v"]) / (pixels["nucleus"] + 1e-9)  # of the outline in this direction
    return np.exp(-(((pixels["nucleus"] - 1) * radius / width) ** 2))
