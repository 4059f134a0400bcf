"""Nuclei by Otsu's threshold and a watershed, cells by a watershed from the nuclei."""

import logging
from functools import partial

import numpy as np

from wellread.runtime.registry import choice
from wellread.segment.bodies import grow_bodies
from wellread.segment.merge_nuclei import merge_nuclei
from wellread.segment.nuclei import nuclei_alone
from wellread.segment.reject import Masks, Rejected
from wellread.segment.size import NucleusSize

log = logging.getLogger("wellread")


@choice("segment", channels=("nucleus", "cell"), micrometres=("diameter",))
def otsu_watershed(
    scene,
    *,
    nucleus: str = "DNA",
    cell: str = "",
    diameter: float = 0,
    reach: float = 1.5,
    merge_distance: float = 0,
    merge_intensity: float = 0.9,
):
    """Nuclei in channel `nucleus` by Otsu's threshold, a local threshold each and a watershed; cells in channel `cell`.

    `diameter` (micrometres) of a typical nucleus; 0: estimated from the sample, one for all fields but those whose
    nuclei are a tenth larger or smaller, without being many more for it. All other lengths are multiples of it. Fibres,
    debris and haze are rejected. Cells end `reach` diameters from their nucleus at the latest, and where the foreground
    of the `cell` channel ends; without that channel, or where it has no contrast, they are nuclei expanded so far.
    Nuclei at most `merge_distance` diameters apart in one body are one object (see `merge_nuclei`); 0: all are apart.
    InputError if a diameter is given and the pixel size is not known.
    """
    size = NucleusSize.of(scene, nucleus, diameter, "segment.otsu_watershed.diameter")
    log.info("otsu_watershed: nuclei of %.1f px", size.diameter)
    return partial(
        _otsu_watershed, nucleus=nucleus, cell=cell, size=size, reach=reach, merge=(merge_distance, merge_intensity)
    )


def _otsu_watershed(
    field: dict[str, np.ndarray], metadata: dict, nucleus: str, cell: str, size: NucleusSize, reach: float, merge: tuple
) -> Masks:
    labels, reasons, diameter = size.find(field[nucleus])
    nuclei, (distance, intensity) = nuclei_alone(labels, reasons), merge
    if distance:
        nuclei = merge_nuclei(nuclei, field.get(cell), distance * diameter, intensity)
    bodies, grown = grow_bodies(field.get(cell), nuclei, diameter, reach)
    return Masks(nuclei, bodies, Rejected(labels, reasons), grown)
