"""Embeddings: what an encoder says of every cell."""

import numpy as np
import torch

from wellread import device as devices
from wellread import weights as saved
from wellread.files import whole
from wellread.progress import progress
from wellread.reader import Crops, ahead
from wellread.views import centre_view


def embed(crops, weights, model, out, *, channels, device="auto", threads=1, batch=256, features="cls"):
    """Write float32 embeddings (N, D) to the .npy `out`; row i is crop i, N may be 0.

    `channels` are the dataset's, which must be the encoder's, in its order. `features`: `cls`, the normalised CLS
    token (D = dim), or `cls_mean`, which appends the mean patch token (D = 2 dim, the paper's for linear probes).
    """
    where = devices.choose(device, threads)
    encoder = saved.load(weights, model, channels=channels).to(where)
    cells, size = Crops([crops]), encoder.architecture["image"]
    vectors = np.empty((len(cells), width(encoder, features)), np.float32)  # (N, D)
    starts = range(0, len(cells), batch)
    blocks = ahead(cells[range(start, min(start + batch, len(cells)))] for start in starts)
    for start, block in zip(progress(starts, "embed", unit="batch"), blocks, strict=False):
        view = centre_view(torch.from_numpy(block).to(where), size)
        vectors[start : start + batch] = describe(encoder, view, features).cpu()
    with whole(out) as part:
        np.save(part, vectors)


@torch.inference_mode()
def describe(encoder, view, features):  # (B, C, S, S), self-normalised -> (B, D)
    cls, patches = encoder(view)
    return cls if features == "cls" else torch.cat([cls, patches.mean(1)], dim=1)


def width(encoder, features):
    return encoder.architecture["dim"] * (1 if features == "cls" else 2)
