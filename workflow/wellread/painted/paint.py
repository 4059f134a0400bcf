"""Painted plates: synthetic cells imaged by a simulated microscope, with known masks, mechanisms and plate effects."""

from pathlib import Path

import numpy as np
import tifffile
from scipy.ndimage import gaussian_filter

from wellread.painted.layout import CHANNELS, MECHANISMS, WELLS, file_name, layout, site_names
from wellread.painted.phantom import draw
from wellread.runtime.files import whole
from wellread.runtime.progress import progress
from wellread.runtime.registry import choice

OFFSET, MAX_COUNT = 200, 4095  # counts of a 12-bit camera


def paint(
    plate: str,
    folder,
    *,
    wells: int = 48,
    fields: int = 2,
    size: int = 320,
    cells: float = 28.0,
    effect: float = 1.0,
    plate_effect: float = 1.0,
    mechanisms: str = "shape",
    seed: int = 0,
) -> None:
    """Write all fields of `plate` (P1, P2, ...) to `folder/plate`: uint16 counts (size, size) per channel as TIFF, and
    truth.tif, the masks of nuclei and cells, FCYX int32.

    `wells` of the plate, `fields` per well, `size` (px) of a field; `cells` is the mean number per field; `effect` and
    `plate_effect` scale what treatments and plates do to images (0: nothing); `mechanisms`: a key of
    `layout.MECHANISMS`. A field depends on the `seed` and its own plate, well and site only.
    """
    number = int(plate.removeprefix("P"))
    rows = layout(plates=number, wells=wells, mechanisms=mechanisms, seed=seed).query("plate == @plate")
    optics = microscope(number, size, plate_effect, seed)
    truth = []
    with whole(Path(folder) / plate) as part:
        part.mkdir()
        for row in progress(list(rows.itertuples()), f"paint {plate}", unit="well"):
            strengths = response(row.treatment, row.moa, row.dose, effect, seed, mechanisms)
            seeds = [seed, number, WELLS.index(row.well) + 1]
            mean_count = cells * np.random.default_rng(seeds).lognormal(0, 0.2)
            for index, site in enumerate(site_names(fields), start=1):
                rng = np.random.default_rng([*seeds, index])
                light, masks = draw(rng, mean_count, size, strengths, mechanisms)
                truth.append(masks)
                for channel, counts in zip(CHANNELS, expose(rng, light, optics), strict=True):
                    tifffile.imwrite(part / file_name(row.well, site, channel), counts)
        write_masks(part / "truth.tif", np.stack(truth))


@choice("paint")
def painted(plate: str, folder, **options) -> None:
    """Paint a plate of the synthetic screen; `options` are those of `paint`."""
    paint(plate, folder, **options)


def response(treatment: str, moa: str, dose: float, effect: float, seed: int, mechanisms: str = "shape"):
    """Strength (4,) of each mechanism in the cells of a well: a Hill curve of the dose, half at 1, times `effect`.

    Compounds of one mechanism (`moa`, "" for none) differ by small strengths of the other mechanisms.
    """
    names = list(MECHANISMS[mechanisms])
    if not moa:
        return np.zeros(len(names))
    strength = np.random.default_rng([seed, *treatment.encode()]).uniform(0, 0.12, len(names))
    strength[names.index(moa)] += 0.9
    return effect * dose / (dose + 1) * strength


def microscope(number: int, size: int, plate_effect: float, seed: int, channels: int = 5) -> dict[str, np.ndarray]:
    """The optics of plate `number`: blur (C,) px, bleed-through (C, C), gain, background (C, 1, 1), vignette.

    Golden-ratio steps from a random start make successive plates differ in every property.
    """
    start = np.random.default_rng(seed).random((5, channels))
    setting = (start + number * (np.sqrt(5) - 1) / 2) % 1  # (property, channel), 0 to 1
    blur, bleed, gain, background, centre = 0.5 + plate_effect * (setting - 0.5)
    y, x = np.mgrid[:size, :size] / size - (0.25 + 0.5 * centre[:2, None, None])  # from a centre within the middle half
    return {
        "blur": 0.8 + 0.8 * blur,
        "bleed": np.eye(channels) + np.diag(0.35 * bleed[1:], -1),
        "gain": 700 * np.exp(gain - 0.5)[:, None, None],
        "background": 40 + 80 * background[:, None, None],
        "vignette": np.exp(-0.8 * (y**2 + x**2)),
    }


def expose(rng, light: np.ndarray, optics: dict) -> np.ndarray:
    """Camera counts (C, size, size) uint16 of light (C, size, size), with shot noise and an offset."""
    image = np.stack([gaussian_filter(plane, sigma) for plane, sigma in zip(light, optics["blur"], strict=True)])
    image = np.einsum("ij,jyx->iyx", optics["bleed"], image)
    photons = (optics["gain"] * image + optics["background"]) * optics["vignette"]
    noise = np.sqrt(photons + 9) * rng.standard_normal(light.shape, np.float32)  # 9: readout of 3 counts
    return np.clip(np.rint(OFFSET + photons + noise), 0, MAX_COUNT).astype(np.uint16)


def write_masks(path: Path, masks: np.ndarray) -> None:
    """Write masks (fields, kinds, size, size) int32 as a TIFF of axes FCYX."""
    axes = {"photometric": "minisblack", "metadata": {"axes": "FCYX"}}
    tifffile.imwrite(path, masks, bigtiff=True, compression="zlib", **axes)
