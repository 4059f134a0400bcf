"""Cellpose: weights of its versions 1 to 4 by path, run by the package's own code."""

from dataclasses import dataclass
from functools import partial

import numpy as np
from skimage.segmentation import expand_labels

from wellread.runtime.errors import InputError
from wellread.runtime.registry import choice
from wellread.segment.pairing import paired


@dataclass(frozen=True)
class Look:
    """What one run of a network sees: channels, weights, and the diameter of objects (px, 0: unknown)."""

    channels: tuple[str, ...]
    weights: str
    sha256: str
    diameter: float


@choice(
    "segment",
    channels=("nucleus", "cell"),
    files=("weights", "nucleus_weights"),
    micrometres=("diameter", "nucleus_diameter"),
    network=True,
)
def cellpose(
    scene,
    *,
    weights: str,
    sha256: str,
    nucleus: str = "DNA",
    cell: str | list[str] = "",
    nucleus_weights: str = "",
    nucleus_sha256: str = "",
    diameter: float = 0,
    nucleus_diameter: float = 0,
    flow_threshold: float = 0.4,
    cellprob_threshold: float = 0.0,
    min_size: int = 15,
    max_size_fraction: float = 0.4,
    iterations: int = 0,
    normalise: str = "field",
    tile: int = 0,
    tile_overlap: float = 0.1,
    augment: bool = False,
    batch: int = 8,
    precision: str = "bf16",
    reach: float = 10.0,
    bare: str = "drop",
):
    """Nuclei in channel `nucleus`, cells in channels `cell`, paired (see `paired`); without `cell` nuclei, expanded.

    `weights` are seen by their SHA-256; `nucleus_weights` are others for nuclei. Diameters are in micrometres, 0: no
    rescaling; `reach` is in micrometres, or px where the pixel size is unknown. `iterations` 0: Cellpose's choice.
    All other options are Cellpose's. Weights and device are checked now, before the first field.
    """
    seen = (cell,) if isinstance(cell, str) else tuple(cell)
    first = (nucleus_weights, nucleus_sha256) if nucleus_weights else (weights, sha256)
    sizes = {"nucleus_diameter": nucleus_diameter, "diameter": diameter}
    small, large = (scene.pixels(size, f"segment.cellpose.{option}") for option, size in sizes.items())
    looks = [Look((nucleus,), *first, small)]
    if any(seen):
        looks.append(Look(seen, weights, sha256, large))
    machine = {"wanted": scene.device, "threads": scene.threads, "precision": precision}
    for look in looks:
        _check(look, machine, tile)
    options = {"flow_threshold": flow_threshold, "cellprob_threshold": cellprob_threshold, "min_size": min_size}
    options |= {"max_size_fraction": max_size_fraction, "niter": iterations or None, "augment": augment}
    options |= {"tile_overlap": tile_overlap, "batch_size": batch, "normalize": NORMALISE[normalise]}
    run = partial(_masks, machine=machine, tile=tile, options=options)
    return partial(_cellpose, looks=tuple(looks), run=run, reach=scene.reach(reach), bare=bare)


# Every key is given, because Cellpose keeps the last choice of some in a variable of the module.
STILL = {"lowhigh": None, "sharpen_radius": 0, "smooth_radius": 0, "tile_norm_blocksize": 0, "tile_norm_smooth3D": 0}
STILL |= {"percentile": [1.0, 99.0], "norm3D": False, "invert": False}
NORMALISE = {"field": STILL | {"normalize": True}, "plate": STILL | {"normalize": False}}


def _check(look: Look, machine: dict, tile: int) -> None:
    """Refuse weights that will not do, before the first field."""
    from wellread.segment.cellpose_net import model

    network = model(look.weights, look.sha256, **machine).net
    if len(look.channels) > network.channels:
        expected = f"at most {network.channels} channels, as the network has"
        raise InputError(expected, ", ".join(look.channels), look.weights, "`cell` of segment.cellpose, or its weights")
    if tile and tile != 256 and network.backbone == "sam_vitl":
        raise InputError("tiles of 256 px, as these weights know no other", f"{tile}", look.weights, "`tile`, or 0")


def _cellpose(field: dict[str, np.ndarray], place: dict, looks: tuple[Look, ...], run, reach: float, bare: str):
    nuclei, *cells = (run(field, look) for look in looks)
    return paired(nuclei, *cells, bare=bare) if cells else (nuclei, expand_labels(nuclei, reach))


def _masks(field: dict[str, np.ndarray], look: Look, machine: dict, tile: int, options: dict) -> np.ndarray:
    """Labels (H, W) int32 of what a network finds in the channels of a look."""
    from wellread.segment.cellpose_net import model, seen_diameter

    cellpose = model(look.weights, look.sha256, **machine)
    planes = [field[name] for name in look.channels]
    image = np.zeros((3, *planes[0].shape), np.float32)  # a copy, for Cellpose normalises in place
    image[: len(planes)] = planes
    side = tile or getattr(cellpose.net, "tile", 256)
    diameter = seen_diameter(cellpose, look.diameter)
    found = cellpose.eval(image, channel_axis=0, diameter=diameter, bsize=side, do_3D=False, **options)
    return found[0].astype(np.int32)
