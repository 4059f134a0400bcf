"""Patch tokens of some cells, for pictures: what the encoder says of every place of a crop."""

import numpy as np
import torch
from torch.nn import functional as F

from wellread.crops.outlines import CELL, NUCLEUS
from wellread.encoder.embed import make_encoder
from wellread.encoder.views import centre_crop, centre_view
from wellread.networks.device import choose_device
from wellread.runtime.files import whole

TILES = 48  # cells at most whose tokens are kept: they have to fit one picture


def tokens(
    cells, crops, outlines, out, *, channels, encoder, weights="", model="", view=None, device="auto", threads=1,
    seed=0, deterministic=False,
):  # fmt: skip
    """Write the patch tokens of the first TILES `cells`, a table with plate, crop_row and label, to `out`.

    `crops`, `outlines`: {plate: path}. The .npz holds `tokens` (n, P, D), those of the last block after the final
    normalisation, P = g * g patches row by row; `inside` (n, P), the share of a patch that the cell covers, or without
    masks the share of pixels above 0; `crops` (n, C, s, s), what the encoder sees; `labels` (n,); `channels` (C,).
    """
    device, cells = choose_device(device, threads, deterministic), cells.iloc[:TILES]
    readout = {"features": "cls", "blocks": 1, "view": view, "device": device, "seed": seed, "threads": threads}
    encode = make_encoder(encoder, channels, readout, weights, model)
    images, masks = _pixels(cells, crops), _pixels(cells, outlines)
    with torch.inference_mode():
        found = patch_tokens(encode, torch.from_numpy(images).to(device))
        side = input_side(encode, images.shape[-1])
        seen = centre_crop(torch.from_numpy(images), side).numpy()
        covered = centre_crop(torch.from_numpy(_inside(images, masks))[:, None].float(), side)
        inside = F.adaptive_avg_pool2d(covered, round(found.shape[1] ** 0.5)).flatten(1).numpy()
    with whole(out) as part, open(part, "wb") as file:
        np.savez(file, tokens=found.float().cpu().numpy(), inside=inside, crops=seen, channels=np.array(channels),
                 labels=cells["label"].to_numpy(str))  # fmt: skip


def patch_tokens(encode, crops):  # (B, C, S, S) uint8 -> (B, P, D)
    """Patch tokens of the last block of a `readouts.Encoder`; those of its groups of channels side by side."""
    groups = [encode.preprocess(crops[:, group]) for group in encode.channel_groups]
    return torch.cat([encode.network.intermediate_layers(images, 1)[-1][1] for images in groups], dim=2)


def input_side(encode, side: int) -> int:
    """The side of the centre of a crop (px) that an encoder sees, of crops of this `side`."""
    if encode.preprocess.func is centre_view:
        return encode.preprocess.keywords["size"]
    return encode.readout.view or side


def _pixels(cells, paths) -> np.ndarray:
    """The rows `crop_row` of the files of the cells' plates."""
    files = {plate: np.load(path, mmap_mode="r") for plate, path in paths.items()}
    return np.stack([files[plate][row] for plate, row in zip(cells["plate"], cells["crop_row"], strict=True)])


def _inside(images: np.ndarray, masks: np.ndarray) -> np.ndarray:
    """Where a cell is, (n, S, S): by its outline; where this says nothing, where some channel is above 0."""
    own = np.isin(masks, (CELL, NUCLEUS))
    idle = own.all(axis=(1, 2)) | ~own.any(axis=(1, 2))
    return np.where(idle[:, None, None], images.any(axis=1), own)
