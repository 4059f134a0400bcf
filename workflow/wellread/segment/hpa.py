"""HPA-Cell-Segmentation: nuclei, and cells by their microtubules and endoplasmic reticulum, from published weights."""

from dataclasses import dataclass
from functools import partial

import numpy as np
from skimage.transform import resize

from wellread.runtime.errors import InputError
from wellread.runtime.registry import choice
from wellread.segment.hpa_labels import as_published, label_cells

MEAN = np.float32([124, 117, 104])[:, None, None] / np.float32(255)  # of the encoder's training, on photographs
SD = np.float32(1 / (0.0167 * 255))
STEP = 32  # px: sides must be multiples of it, and the margin about an image is as wide
TUNED = 0.25  # scale at which the sizes in hpa_labels were tuned


@dataclass(frozen=True)
class Networks:
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

    `nuclei_weights` and `cell_weights` are paths; their hashes are needed for all but .safetensors (see
    `wellread.segment.hpa_net`). Fields are scaled to `pixel_size` micrometres per pixel, or by `scale` where their
    pixel size is unknown. `faithful`: as published, see `as_published`; fields must be square and are scaled by
    `scale`. Weights and device are checked now, before the first field; InputError if any will not do.
    """
    from wellread.segment.hpa_net import network

    networks = Networks((nuclei_weights, nuclei_sha256), (cell_weights, cell_sha256), scene.device, scene.threads)
    for file in (networks.nuclei, networks.cells):
        network(*file, networks.device, networks.threads)
    if scene.pixel_size and not faithful:
        scale = scene.pixel_size / pixel_size
    return partial(_hpa, networks=networks, channels=(microtubules, er, nucleus), scale=scale, faithful=faithful)


def _hpa(
    field: dict[str, np.ndarray], metadata: dict, networks: Networks, channels: tuple[str, ...], scale, faithful: bool
) -> tuple[np.ndarray, np.ndarray]:
    nucleus = field[channels[-1]]
    if faithful and nucleus.shape[0] != nucleus.shape[1]:
        edit = "leave `faithful` at false, which does not swap height and width"
        raise InputError("a square field, as the published program needs", f"{nucleus.shape}", "segment.hpa", edit)
    size = [max(1, round(scale * side)) for side in nucleus.shape]
    image = np.stack([_scaled(field[name], size) if name else np.zeros(size, np.float32) for name in channels])
    run = partial(_probabilities, networks=networks, margin=0 if faithful and size[0] % STEP == 0 else STEP)
    results = run(networks.nuclei, image[[2, 2, 2]]), run(networks.cells, image)  # nuclei: a grey image
    if not faithful:
        full = [np.stack([_scaled(plane, nucleus.shape) for plane in planes]) for planes in results]
        return label_cells(*full, zoom=TUNED / scale)
    return as_published(*(enlarge(np.rint(planes * 255).astype(np.uint8), len(nucleus)) for planes in results))


def _scaled(plane: np.ndarray, size) -> np.ndarray:
    return resize(plane, size, order=1, mode="reflect", anti_aliasing=None).astype(np.float32)


def enlarge(planes: np.ndarray, side: int) -> np.ndarray:
    """uint8 (C, h, h) to (C, side, side) as by OpenCV's INTER_AREA: pixels repeated, mixed where they meet."""
    old = planes.shape[-1]
    position = np.arange(side)
    low = position * old // side
    weights = np.clip(position + 1 - (low + 1) * side / old, 0, None) % 1  # (side,) of the next pixel
    for axis in (1, 2):
        weight = np.expand_dims(weights, [0, 3 - axis])
        near, far = planes.take(low, axis), planes.take(np.minimum(low + 1, old - 1), axis)
        planes = near * (1 - weight) + far * weight
    return np.rint(planes).astype(np.uint8)


def _probabilities(file: tuple[str, str], image: np.ndarray, networks: Networks, margin: int) -> np.ndarray:
    """Probabilities (2, h, w) of border and object in an image (3, h, w), padded with its mirror image."""
    import torch

    from wellread.segment.hpa_net import network

    net = network(*file, networks.device, networks.threads)
    margins = [(margin, margin + -side % STEP) for side in image.shape[1:]]
    padded = np.pad((image - MEAN) / SD, [(0, 0), *margins], mode="symmetric")
    with torch.inference_mode():
        logits = net(torch.from_numpy(padded)[None].to(next(net.parameters()).device))
        found = logits.float().softmax(1)[0, 1:].cpu().numpy()
    return found[:, margin : margin + image.shape[1], margin : margin + image.shape[2]]
