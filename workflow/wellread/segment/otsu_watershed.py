"""Nuclei by Otsu's threshold and a watershed, bodies by a watershed from the nuclei."""

import logging
from functools import partial

import numpy as np

from wellread.runtime.registry import choice
from wellread.segment.bodies import bodies
from wellread.segment.nuclei import find_nuclei
from wellread.segment.size import Size

log = logging.getLogger("wellread")


@choice("segment", channels=("nucleus", "cell"), micrometres=("diameter",))
def otsu_watershed(scene, *, nucleus: str = "DNA", cell: str = "", diameter: float = 0, reach: float = 1.5):
    """Nuclei by Otsu's threshold, again about every nucleus, and a watershed; bodies by a watershed in channel `cell`.

    `diameter` (µm) of a typical nucleus; 0 estimates it from the sample, and how each field differs from that. All
    lengths within follow from it. Bodies end `reach` diameters from their nucleus at the latest; without a `cell`
    channel they are all that lies so near. InputError if a diameter is given and the pixel size is not known.
    """
    pixels = scene.pixels(diameter, "segment.otsu_watershed.diameter")
    size = Size(pixels) if pixels else Size.estimated([field[nucleus] for field in scene.sample], scene.threads)
    log.info("otsu_watershed: nuclei of %.1f px", size.diameter)
    return partial(_otsu_watershed, nucleus=nucleus, cell=cell, size=size, reach=reach)


def _otsu_watershed(
    field: dict[str, np.ndarray], place: dict, nucleus: str, cell: str, size: Size, reach: float
) -> tuple[np.ndarray, np.ndarray]:
    diameter = size.of(field[nucleus])
    nuclei = find_nuclei(field[nucleus], diameter)
    return nuclei, bodies(field.get(cell), nuclei, diameter, reach)
