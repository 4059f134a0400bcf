"""Painted plates: five-channel fluorescence fields whose masks, mechanisms and plate effects are known exactly.

A cell is a row of numbers; every pixel looks up the numbers of the cell that owns it, so a channel is one expression
over all owned pixels of a field. The mechanisms change shape and texture, not brightness, which training divides out.
"""

from pathlib import Path

import numpy as np
import tifffile
from scipy.ndimage import gaussian_filter

from wellread.files import whole
from wellread.progress import progress
from wellread.screen import CHANNELS, MECHANISMS, POSITIONS, layout, name, sites

NUCLEUS, BODY = 8.0, 18.5  # mean radii, px
REACH = 40  # no cell is longer than this from the centre of its nucleus, px
OFFSET, FULL_WELL = 200.0, 4095  # camera, counts


def paint(
    plate: str,
    folder,
    *,
    wells: int = 48,
    fields: int = 2,
    size: int = 256,
    cells: float = 16.0,
    effect: float = 1.0,
    plate_effect: float = 1.0,
    seed: int = 0,
) -> None:
    """Write every field of `plate` to `folder/plate`: uint16 counts (size, size), and truth.tif, FCYX int32.

    `cells` is the mean number per field; `effect` and `plate_effect` scale what treatments and plates do to them.
    """
    number = int(plate.removeprefix("P"))
    rows = layout(plates=number, wells=wells, seed=seed).query("plate == @plate")
    optics = microscope(number, size, plate_effect, seed)
    truth = []
    with whole(Path(folder) / plate) as part:
        part.mkdir()
        for row in progress(list(rows.itertuples()), f"paint {plate}", unit="well"):
            traits = response(row.treatment, row.moa, row.dose, effect, seed)
            stream = [seed, number, 1 + POSITIONS.index(row.well)]
            crowd = cells * np.random.default_rng(stream).lognormal(0, 0.2)
            for index, site in enumerate(sites(fields), start=1):
                rng = np.random.default_rng([*stream, index])
                light, masks = draw(rng, crowd, size, traits)
                for channel, counts in zip(CHANNELS, expose(rng, light, optics), strict=True):
                    tifffile.imwrite(part / name(row.well, site, channel), counts)
                truth.append(masks)
        tifffile.imwrite(
            part / "truth.tif",
            np.stack(truth),
            bigtiff=True,
            compression="zlib",
            photometric="minisblack",
            metadata={"axes": "FCYX"},
        )


def response(treatment: str, moa: str, dose: float, effect: float, seed: int) -> np.ndarray:
    """Strength (4,) of each mechanism's phenotype in a well: a Hill curve, half at dose 1.

    A compound of a mechanism differs from its kin by traces of the other mechanisms.
    """
    if not moa:
        return np.zeros(len(MECHANISMS))
    strength = np.random.default_rng([seed, *treatment.encode()]).uniform(0, 0.12, len(MECHANISMS))
    strength[list(MECHANISMS).index(moa)] += 0.9
    return effect * dose / (dose + 1) * strength


# ---- cells -----------------------------------------------------------------------------------------------------------


def draw(rng, crowd: float, size: int, traits: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """One field: light (C, size, size) before the microscope, and masks (2, size, size) int32, nucleus and cell."""
    centres = scatter(rng, max(1, rng.poisson(crowd)), size, apart=2.3 * NUCLEUS * (1 + 0.2 * traits[0]))
    cells = characters(rng, len(centres), traits)
    pixels = claim(centres, cells, size)
    own = {trait: values[pixels["cell"]] for trait, values in cells.items()}
    light = np.zeros((len(CHANNELS), size, size), np.float32)
    masks = np.zeros((2, size, size), np.int32)
    y, x = pixels["y"], pixels["x"]
    grain = {scale: noise(rng, size, scale)[y, x] for scale in (1.0, 1.5, 2.2, 6.0)}
    for channel, stain in enumerate((dna, rna, er, agp, mito)):
        light[channel, y, x] = stain(pixels, own, grain) * own["stain"][:, channel]
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
    """What makes each of `n` cells itself: arrays with one row per cell."""
    lobed, fragmented, bundled, vacuolated = traits[:, None] * rng.lognormal(0, 0.15, (4, n))
    scale = rng.lognormal(0, 0.1, n)
    orders = np.array([0.07, 0.05, 0.03])
    lobes = orders * rng.normal(0, 0.5, (n, 3))
    lobes[:, 1] += 0.3 * lobed
    return {
        "angle": rng.uniform(0, np.pi, n),
        "body": BODY * scale,
        "stretch": np.exp(rng.normal(0.1, 0.08, n) + 0.38 * bundled),
        "waves": np.array([0.1, 0.08, 0.06]) * rng.normal(0, 1, (n, 3)),
        "wave_phases": rng.uniform(0, 2 * np.pi, (n, 3)),
        "shift": rng.normal(0, 2.5, (n, 2)),
        "nucleus": NUCLEUS * scale**0.5 * (1 + 0.2 * lobed),
        "nucleus_stretch": np.exp(rng.normal(0.08, 0.06, n)),
        "lobes": lobes,
        "lobe_phases": rng.uniform(0, 2 * np.pi, (n, 3)),
        "nucleoli": spots(rng, n, 4, (0.1, 0.6)),
        "golgi": spots(rng, n, 5, (1.2, 1.5), spread=0.5),
        "vacuoles": spots(rng, n, 9, (1.4, 2.1)),
        "stain": rng.lognormal(0, 0.15, (n, len(CHANNELS))),
        "fragmented": fragmented,
        "bundled": bundled,
        "vacuolated": vacuolated,
    }


def spots(rng, n: int, count: int, span: tuple[float, float], spread: float = np.pi) -> np.ndarray:
    """Places (n, count, 2) about the nucleus, in nuclear radii: at distances in `span`, within `spread` of one side."""
    distance = rng.uniform(*span, (n, count))
    angle = rng.uniform(0, 2 * np.pi, (n, 1)) + rng.uniform(-spread, spread, (n, count))
    return np.stack([distance * np.cos(angle), distance * np.sin(angle)], axis=-1)


def claim(centres: np.ndarray, cells: dict, size: int) -> dict[str, np.ndarray]:
    """The pixels of all cells, each given to its nearest cell in units of that cell's radius, nuclei first.

    `u, v` are px from the centre along and across the cell; `nucleus` and `body` are below 1 within that contour.
    """
    cell, y, x = _reachable(centres, size)
    dy, dx = y - centres[cell, 0], x - centres[cell, 1]
    own = {trait: values[cell] for trait, values in cells.items()}
    cos, sin = np.cos(own["angle"]), np.sin(own["angle"])
    u, v = cos * dx + sin * dy, cos * dy - sin * dx
    du, dv = own["shift"].T
    nucleus = contour(u, v, own["nucleus"], own["nucleus_stretch"], own["lobes"], own["lobe_phases"])
    body = contour(u - du, v - dv, own["body"], own["stretch"], own["waves"], own["wave_phases"])
    rank = np.where(nucleus < 1, nucleus - 2, body)
    last = np.argsort(-rank, kind="stable")
    owner = np.full((size, size), -1)
    owner[y[last], x[last]] = last
    kept = owner[owner >= 0]
    kept = kept[rank[kept] < 1]
    pixels = {"cell": cell, "y": y, "x": x, "u": u, "v": v, "nucleus": nucleus, "body": body}
    return {key: values[kept] for key, values in pixels.items()}


def _reachable(centres: np.ndarray, size: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """All (cell, y, x) within a field and within REACH of that cell's centre."""
    window = np.arange(-REACH, REACH + 1)
    disc = np.argwhere(np.hypot(*np.meshgrid(window, window)) <= REACH) - REACH
    places = np.floor(centres).astype(int)[:, None] + disc  # (n, pixels, 2)
    inside = ((places >= 0) & (places < size)).all(axis=-1)
    return np.nonzero(inside)[0], *places[inside].T


def contour(u, v, radius, stretch, waves, phases) -> np.ndarray:
    """Distance from the centre over the radius of a stretched, wavy outline in that direction: 1 on the outline."""
    u, v = u / stretch, v * stretch
    angle = np.arctan2(v, u)
    wave = sum(waves[:, k] * np.cos((k + 2) * angle + phases[:, k]) for k in range(waves.shape[1]))
    return np.hypot(u, v) / (radius * (1 + wave))


# ---- stains: light of one channel from all owned pixels -------------------------------------------------------------


def dna(p, own, grain):
    return (p["nucleus"] < 1) * (1.3 - 0.5 * p["nucleus"] ** 2) * np.exp(0.22 * grain[1.0])


def rna(p, own, grain):
    nucleoli = blobs(p, own, "nucleoli", 1.7) * (p["nucleus"] < 0.95)
    cytoplasm = np.where(p["nucleus"] < 1, 0.4, 0.65 * thickness(p)) * np.exp(0.15 * grain[2.2])
    return cytoplasm + 1.1 * nucleoli * np.clip(1 - own["vacuolated"], 0.05, 1)


def er(p, own, grain):
    beyond = np.clip(p["nucleus"] - 1, 0, None)
    network = 0.45 + 0.9 * threads(grain[1.5], 0.35)
    light = np.where(p["nucleus"] < 1, 0.15, np.exp(-beyond / 0.9) * network * (0.3 + 0.7 * thickness(p)))
    holes = np.clip(1.4 * blobs(p, own, "vacuoles", 2.2), 0, 1) * np.clip(own["vacuolated"], 0, 1)
    return 1.4 * light * (1 - holes)


def agp(p, own, grain):
    rim = np.exp(-(((1 - p["body"]) / 0.09) ** 2))
    phase = 2 * np.pi * p["v"] / 4.5 + 0.9 * grain[6.0]
    fibres = np.clip(np.cos(phase), 0, None) ** 2 * (1 - np.clip(p["body"], 0, 1) ** 6)
    golgi = blobs(p, own, "golgi", 1.6) * (p["nucleus"] > 1)
    return 0.2 * thickness(p) + 0.6 * rim + (0.12 + 0.9 * own["bundled"]) * fibres + 0.9 * golgi


def mito(p, own, grain):
    beyond = np.clip(p["nucleus"] - 1, 0, None)
    whole_threads = threads(grain[2.2], 0.28) * np.exp(-0.35 * beyond) * (p["body"] < 0.93)
    puncta = np.clip(grain[1.5] - 0.6, 0, None) * 1.6 * np.exp(-((beyond / 0.6) ** 2))
    share = np.clip(own["fragmented"], 0, 1)
    return np.where(
        p["nucleus"] < 1, 0.05, 0.1 * thickness(p) + (1 - share) * whole_threads + 1.6 * share * puncta
    )


def thickness(p):
    """A cell is a dome: highest in the middle, thin at its rim."""
    return np.sqrt(np.clip(1.05 - p["body"] ** 2, 0, None))


def threads(noise, width):
    """Curved lines where smooth noise passes zero."""
    return np.exp(-((noise / width) ** 2))


def blobs(p, own, which, radius):
    """Round spots of `radius` px around the places of a cell."""
    places = own[which] * own["nucleus"][:, None, None]  # (pixels, spots, 2)
    squared = (p["u"][:, None] - places[..., 0]) ** 2 + (p["v"][:, None] - places[..., 1]) ** 2
    return np.exp(-squared / radius**2).sum(axis=1)


def noise(rng, size: int, scale: float) -> np.ndarray:
    """Smooth Gaussian noise (size, size) with mean 0, deviation 1, features of about `scale` px."""
    field = gaussian_filter(rng.standard_normal((size, size), np.float32), scale, mode="wrap")
    return (field - field.mean()) / field.std()


# ---- microscope ------------------------------------------------------------------------------------------------------


def microscope(number: int, size: int, plate_effect: float, seed: int) -> dict[str, np.ndarray]:
    """What a plate's day at the microscope does to every field: blur, bleed-through, haze, gain, vignette, background.

    Golden-ratio steps from a random start keep successive plates apart in every property.
    """
    start = np.random.default_rng(seed).random((6, len(CHANNELS)))
    day = (start + number * (np.sqrt(5) - 1) / 2) % 1  # (property, channel), each in 0..1
    day = 0.5 + plate_effect * (day - 0.5)
    y, x = np.mgrid[:size, :size] / size
    centre = 0.25 + 0.5 * day[4, :2]  # in the middle half, so that no corner goes dark
    return {
        "blur": 0.8 + 0.8 * day[0],
        "bleed": np.eye(len(CHANNELS)) + np.diag(0.35 * day[1, 1:], -1),
        "gain": 700 * np.exp(1.0 * (day[2] - 0.5)),
        "background": 40 + 80 * day[3],
        "vignette": 1 - 0.6 * ((y - centre[0]) ** 2 + (x - centre[1]) ** 2),
    }


def expose(rng, light: np.ndarray, optics: dict) -> np.ndarray:
    """Camera counts (C, size, size) uint16 of light (C, size, size): shot noise above an offset, 12 bits."""
    blurred = np.stack(
        [gaussian_filter(plane, sigma) for plane, sigma in zip(light, optics["blur"], strict=True)]
    )
    mixed = np.einsum("ij,jyx->iyx", optics["bleed"], blurred)
    signal = mixed * optics["gain"][:, None, None] + optics["background"][:, None, None]
    signal *= optics["vignette"]
    counts = OFFSET + signal + np.sqrt(signal + 9) * rng.standard_normal(signal.shape, np.float32)
    return np.clip(np.rint(counts), 0, FULL_WELL).astype(np.uint16)
