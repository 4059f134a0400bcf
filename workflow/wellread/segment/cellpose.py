"""Cellpose: weights of its versions 1 to 4 by path, run by the package's own code."""

from dataclasses import dataclass
from functools import partial

import numpy as np
from skimage.segmentation import expand_labels

from wellread.runtime.errors import InputError
from wellread.runtime.registry import choice
from wellread.segment.pairing import pair_labels


@dataclass(frozen=True)
class NetworkRun:
    """The input of one run of a network: channels, weights, and the diameter of objects (px, 0: unknown)."""

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
    """Nuclei in channel `nucleus`, cells in channels `cell`, paired by `pair_labels`; without `cell`, nuclei expanded.

    `weights` (a path) must have the hash `sha256`; `nucleus_weights` and its hash are others for nuclei. Diameters are
    in micrometres, 0: no rescaling; `reach`, how far nuclei are expanded, is in micrometres, or px where the pixel size
    is unknown. `bare`: drop or keep cells without a nucleus. `normalise`: to percentiles of the field, or not (plate).
    `tile` (px) 0 and `iterations` 0: Cellpose's choice. `precision` of transformers: bf16 or fp32. All other options
    are Cellpose's. Weights and device are checked now, before the first field; InputError if any will not do.
    """
    cell_channels = (cell,) if isinstance(cell, str) else tuple(cell)
    nucleus_file = (nucleus_weights, nucleus_sha256) if nucleus_weights else (weights, sha256)
    sizes = {"nucleus_diameter": nucleus_diameter, "diameter": diameter}
    nucleus_px, cell_px = (scene.pixels(size, f"segment.cellpose.{option}") for option, size in sizes.items())
    runs = [NetworkRun((nucleus,), *nucleus_file, nucleus_px)]
    if any(cell_channels):
        runs.append(NetworkRun(cell_channels, weights, sha256, cell_px))
    machine = {"device_name": scene.device, "threads": scene.threads, "precision": precision}
    for run in runs:
        _check(run, machine, tile)
    options = {"flow_threshold": flow_threshold, "cellprob_threshold": cellprob_threshold, "min_size": min_size}
    options |= {"max_size_fraction": max_size_fraction, "niter": iterations or None, "augment": augment}
    options |= {"tile_overlap": tile_overlap, "batch_size": batch, "normalize": NORMALISE[normalise]}
    labels = partial(_labels, machine=machine, tile=tile, options=options)
    return partial(_cellpose, runs=tuple(runs), labels=labels, reach=scene.reach(reach), bare=bare)


# Every key is given, because Cellpose keeps the last value of some in a variable of its module.
FIXED = {"lowhigh": None, "sharpen_radius": 0, "smooth_radius": 0, "tile_norm_blocksize": 0, "tile_norm_smooth3D": 0}
FIXED |= {"percentile": [1.0, 99.0], "norm3D": False, "invert": False}
NORMALISE = {"field": FIXED | {"normalize": True}, "plate": FIXED | {"normalize": False}}


def _check(run: NetworkRun, machine: dict, tile: int) -> None:
    """Refuse weights that will not do, before the first field: an InputError."""
    from wellread.segment.cellpose_net import model

    network = model(run.weights, run.sha256, **machine).net
    if len(run.channels) > network.channels:
        expected = f"at most {network.channels} channels, as the network has"
        raise InputError(expected, ", ".join(run.channels), run.weights, "`cell` of segment.cellpose, or its weights")
    if tile and tile != 256 and network.backbone == "sam_vitl":
        raise InputError("tiles of 256 px, as these weights know no other", f"{tile}", run.weights, "`tile`, or 0")


def _cellpose(
    field: dict[str, np.ndarray], metadata: dict, runs: tuple[NetworkRun, ...], labels, reach: float, bare: str
) -> tuple[np.ndarray, np.ndarray]:
    nuclei, *cells = (labels(field, run) for run in runs)
    return pair_labels(nuclei, *cells, bare=bare) if cells else (nuclei, expand_labels(nuclei, reach))


def _labels(field: dict[str, np.ndarray], run: NetworkRun, machine: dict, tile: int, options: dict) -> np.ndarray:
    """Labels (H, W) int32 of what a network finds in the channels of a run."""
    from wellread.segment.cellpose_net import eval_diameter, model

    cellpose = model(run.weights, run.sha256, **machine)
    planes = [field[name] for name in run.channels]
    image = np.zeros((3, *planes[0].shape), np.float32)  # a copy, for Cellpose normalises in place
    image[: len(planes)] = planes
    side = tile or getattr(cellpose.net, "tile", 256)
    diameter = eval_diameter(cellpose, run.diameter)
    found = cellpose.eval(image, channel_axis=0, diameter=diameter, bsize=side, do_3D=False, **options)
    return found[0].astype(np.int32)
