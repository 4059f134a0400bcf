"""HPA-Cell-Segmentation: nuclei, and cells by their microtubules and endoplasmic reticulum, from published weights."""

from dataclasses import dataclass
from functools import partial

import numpy as np
from skimage.transform import resize

from wellread.runtime.errors import InputError
from wellread.runtime.registry import choice
from wellread.segment.hpa_labels import as_published, labelled

MEAN = np.float32([124, 117, 104])[:, None, None] / np.float32(255)  # of the encoder's training, on photographs
SD = np.float32(1 / (0.0167 * 255))
STEP = 32  # px, what a side must be a multiple of, and the margin about an image
TUNED = 0.25  # scale at which sizes were chosen


@dataclass(frozen=True)
class Nets:
    """Files and hashes of both networks, and where they run."""

    nuclei: tuple[str, str]
    cells: tuple[str, str]
    device: str
    threads: int


@choice(
    "segment",
    channels=("nucleus", "er", "microtubules"),
    files=("nuclei_weights", "cell_weights"),
    network=True,
)
def hpa(
    scene,
    *,
    nuclei_weights: str,
    cell_weights: str,
    microtubules: str,
    nuclei_sha256: str = "",
    cell_sha256: str = "",
    nucleus: str = "DNA",
    er: str = "",
    pixel_size: float = 0.32,
    scale: float = 0.25,
    faithful: bool = False,
):
    """Nuclei by channel `nucleus`, and cells by it, `microtubules` and `er` (for weights of three channels).

    Fields are scaled to `pixel_size` micrometres per pixel, or where theirs is unknown by `scale`. Hashes are needed
    for all but .safetensors (see `wellread.segment.hpa_net`). `faithful`: as published, see `as_published`; fields
    must be square and are scaled by `scale`. Weights and device are checked now, before the first field.
    """
    from wellread.segment.hpa_net import network

    nets = Nets((nuclei_weights, nuclei_sha256), (cell_weights, cell_sha256), scene.device, scene.threads)
    for file in (nets.nuclei, nets.cells):
        network(*file, nets.device, nets.threads)
    if scene.pixel_size and not faithful:
        scale = scene.pixel_size / pixel_size
    return partial(_hpa, nets=nets, channels=(microtubules, er, nucleus), scale=scale, faithful=faithful)


def _hpa(field: dict[str, np.ndarray], place: dict, nets: Nets, channels: tuple[str, ...], scale, faithful: bool):
    nucleus = field[channels[-1]]
    if faithful and nucleus.shape[0] != nucleus.shape[1]:
        edit = "leave `faithful` at false, which does not swap height and width"
        raise InputError("a square field, as the published programme needs", f"{nucleus.shape}", "segment.hpa", edit)
    size = [max(1, round(scale * side)) for side in nucleus.shape]
    seen = np.stack([_scaled(field[name], size) if name else np.zeros(size, np.float32) for name in channels])
    run = partial(_probabilities, nets=nets, margin=0 if faithful and size[0] % STEP == 0 else STEP)
    results = run(nets.nuclei, seen[[2, 2, 2]]), run(nets.cells, seen)  # nuclei are seen as a grey image
    if not faithful:
        full = [np.stack([_scaled(plane, nucleus.shape) for plane in planes]) for planes in results]
        return labelled(*full, zoom=TUNED / scale)
    return as_published(*(enlarged(np.rint(planes * 255).astype(np.uint8), len(nucleus)) for planes in results))


def _scaled(plane: np.ndarray, size) -> np.ndarray:
    return resize(plane, size, order=1, mode="reflect", anti_aliasing=None).astype(np.float32)


def enlarged(planes: np.ndarray, side: int) -> np.ndarray:
    """uint8 (C, h, h) to (C, side, side) as OpenCV's INTER_AREA enlarges: pixels repeated, mixed where they meet."""
    old = planes.shape[-1]
    place = np.arange(side)
    low = place * old // side
    part = np.clip(place + 1 - (low + 1) * side / old, 0, None) % 1
    for axis in (1, 2):
        share = np.expand_dims(part, [0, 3 - axis])
        near, far = planes.take(low, axis), planes.take(np.minimum(low + 1, old - 1), axis)
        planes = near * (1 - share) + far * share
    return np.rint(planes).astype(np.uint8)


def _probabilities(file: tuple[str, str], image: np.ndarray, nets: Nets, margin: int) -> np.ndarray:
    """Border and object (2, h, w) of an image (3, h, w), 0 to 1, which is reflected at its edges for the network."""
    import torch

    from wellread.segment.hpa_net import network

    net = network(*file, nets.device, nets.threads)
    margins = [(margin, margin + -side % STEP) for side in image.shape[1:]]
    padded = np.pad((image - MEAN) / SD, [(0, 0), *margins], mode="symmetric")
    with torch.inference_mode():
        logits = net(torch.from_numpy(padded)[None].to(next(net.parameters()).device))
        found = logits.float().softmax(1)[0, 1:].cpu().numpy()
    return found[:, margin : margin + image.shape[1], margin : margin + image.shape[2]]
