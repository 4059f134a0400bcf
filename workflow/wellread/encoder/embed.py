"""Embeddings: the encoder's vector of every cell."""

from types import SimpleNamespace

import numpy as np
import torch

from wellread.crops.reader import Crops, prefetched
from wellread.encoder.readouts import Readout, trained
from wellread.networks.device import autocast, choose_device
from wellread.runtime.errors import InputError
from wellread.runtime.files import whole
from wellread.runtime.progress import progress
from wellread.runtime.registry import chosen, pick


def embed(
    crops, out, *, channels, encoder, weights="", model="", device="auto", threads=1, batch=256, features="cls",
    blocks=1, view=None, turn=False, precision="auto", seed=0, outlines="", deterministic=False,
):  # fmt: skip
    """Write float32 embeddings (N, D) to the .npy `out`; row i is crop i, N may be 0.

    `channels`: the dataset's. `encoder`: {"vit": ...}, ours, in the files `weights` and `model`, or a given one
    with its options. `batch`: cells at a time. `features`, `blocks`, `view`: see `readouts.Readout`. `turn`: embed the
    mean over the eight orientations of a crop. `precision`, `deterministic`: see `device`. `seed`: of random weights.
    An encoder that looks at no pixels gives vectors of no dimensions. `outlines`: of the crops, for an encoder that
    looks at masks, and does not turn them. An InputError if an embedding is not finite, and where the encoder raises
    one.
    """
    device, cells = choose_device(device, threads, deterministic), Crops([crops])
    readout = {"features": features, "blocks": blocks, "view": view, "device": device, "seed": seed, "threads": threads}
    masks = [np.load(outlines, mmap_mode="r")] if outlines else []  # (N, S, S)
    encode = make_encoder(encoder, channels, readout, weights, model)
    vectors = np.empty((len(cells), encode.width), np.float32)  # (N, D)
    starts = range(0, len(cells) if encode.width else 0, batch)
    batches = prefetched(pinned(cells[range(start, min(start + batch, len(cells)))], device) for start in starts)
    for start, images in zip(progress(starts, "embed", unit="batch"), batches, strict=False):
        with torch.inference_mode(), autocast(device, precision):
            images = images.to(device, non_blocking=True)  # (B, C, S, S) uint8
            turned = orientations(images) if turn and not masks else [images]
            more = [array[start : start + batch] for array in masks]
            mean = torch.stack([encode(images, *more).float() for images in turned]).mean(0).cpu().numpy()
        check_finite(mean, start, crops)
        vectors[start : start + batch] = mean
    with whole(out) as file:
        np.save(file, vectors)


def make_encoder(encoder, channels, readout, weights, model):
    """The encoder of a section {name: options}, with the fields of `Readout` as a dict."""
    if chosen("encoder", encoder).blind:
        return SimpleNamespace(width=0)
    if chosen("encoder", encoder).trained:
        return trained(weights, model, channels, **readout)
    return pick("encoder", encoder)(channels, Readout(**readout))


def orientations(crops):  # (B, C, S, S)
    """The eight orientations of crops: quarter turns of them and of their mirror images."""
    return [torch.rot90(side, turns, (2, 3)) for side in (crops, crops.mT) for turns in range(4)]


def pinned(crops, device):
    """An array of crops as a tensor, in pinned memory for a GPU, so that copying it there need not be waited for."""
    crops = torch.from_numpy(crops)
    return crops.pin_memory() if device.type == "cuda" else crops


def check_finite(vectors, start, crops):
    """Raise an InputError that names the first crop, counted from `start`, whose vector is not finite."""
    if not (good := np.isfinite(vectors).all(1)).all():
        found = f"NaN or infinity for crop {start + int(good.argmin())}"
        raise InputError("finite embeddings", found, str(crops), "the encoder (its weights), or `precision: fp32`")
