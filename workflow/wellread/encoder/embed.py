"""Embeddings: what an encoder says of every cell."""

import numpy as np
import torch

from wellread.crops.reader import Crops, prefetched
from wellread.encoder.readouts import How, trained
from wellread.networks import device as devices
from wellread.runtime.errors import InputError
from wellread.runtime.files import whole
from wellread.runtime.progress import progress
from wellread.runtime.registry import chosen, pick


def embed(
    crops, out, *, channels, encoder, weights="", model="", device="auto", threads=1, batch=256, features="cls",
    blocks=1, view=None, turn=False, precision="auto", seed=0,
):  # fmt: skip
    """Write float32 embeddings (N, D) to the .npy `out`; row i is crop i, N may be 0.

    `channels`: the dataset's. `encoder`: {"vit": ...}, ours, in the files `weights` and `model`, or a given one
    with its options. `features`, `blocks`, `view`: see `encoders.How`; `turn`: the mean over the eight orientations
    of a crop; `seed`: of an encoder that is random.
    """
    where, cells = devices.choose_device(device, threads), Crops([crops])
    how = {"features": features, "blocks": blocks, "view": view, "device": where, "seed": seed}
    describe = ready(encoder, channels, how, weights, model)
    vectors = np.empty((len(cells), describe.width), np.float32)  # (N, D)
    starts = range(0, len(cells), batch)
    parts = prefetched(staged(cells[range(start, min(start + batch, len(cells)))], where) for start in starts)
    for start, part in zip(progress(starts, "embed", unit="batch"), parts, strict=False):
        with torch.inference_mode(), devices.autocast(where, precision):
            seen = orientations(part.to(where, non_blocking=True)) if turn else [part.to(where, non_blocking=True)]
            found = torch.stack([describe(crops).float() for crops in seen]).mean(0).cpu().numpy()
        check_finite(found, start, crops)
        vectors[start : start + batch] = found
    with whole(out) as part:
        np.save(part, vectors)


def ready(encoder, channels, how, weights, model):
    """The encoder that a section {name: options} asks for."""
    if chosen("encoder", encoder).trained:
        return trained(weights, model, channels, **how)
    return pick("encoder", encoder)(channels, How(**how))


def orientations(crops):  # (B, C, S, S)
    """Quarter turns of the crops and of their mirror images."""
    return [torch.rot90(side, turns, (2, 3)) for side in (crops, crops.mT) for turns in range(4)]


def staged(crops, device):
    """Crops where a graphics card fetches them without waiting; made by the reading thread."""
    crops = torch.from_numpy(crops)
    return crops.pin_memory() if device.type == "cuda" else crops


def check_finite(vectors, start, crops):
    if not (good := np.isfinite(vectors).all(1)).all():
        found = f"NaN or infinity for crop {start + int(good.argmin())}"
        raise InputError("finite embeddings", found, str(crops), "the encoder (its weights), or `precision: fp32`")
