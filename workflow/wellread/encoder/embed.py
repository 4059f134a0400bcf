"""Embeddings: the encoder's vector of every cell."""

from types import SimpleNamespace

import numpy as np
import torch

from wellread.crops.reader import Crops, prefetched
from wellread.encoder.intensities import Intensities
from wellread.encoder.readouts import Readout, trained
from wellread.networks.device import autocast, choose_device
from wellread.runtime.errors import InputError
from wellread.runtime.files import whole
from wellread.runtime.progress import progress
from wellread.runtime.registry import chosen, pick


def embed(
    crops, out, *, channels, encoder, weights="", model="", device="auto", threads=1, batch=256, features="cls",
    blocks=1, view=None, turn=False, precision="auto", intensity=0.0, seed=0, outlines="",
    deterministic=False,
):  # fmt: skip
    """Write float32 embeddings (N, D) to the .npy `out`; row i is crop i, N may be 0.

    `channels`: the dataset's. `encoder`: {"vit": ...}, ours, in the files `weights` and `model`, or a given one
    with its options. `batch`: cells at a time. `features`, `blocks`, `view`: see `readouts.Readout`. `turn`: embed the
    mean over the eight orientations of a crop. `precision`, `deterministic`: see `device`. `intensity`: weight of the
    intensities that are appended (`with_intensities`). `seed`: of random weights. `outlines`: of the crops (N, S, S),
    for intensities and for an encoder that looks at them, and then does not turn crops. An encoder that looks at no
    pixels gives vectors of no dimensions. An InputError if an embedding is not finite, and where the encoder raises
    one.
    """
    device, cells = choose_device(device, threads, deterministic), Crops([crops])
    readout = {"features": features, "blocks": blocks, "view": view, "device": device, "seed": seed, "threads": threads}
    masks = np.load(outlines, mmap_mode="r") if outlines else None  # (N, S, S)
    encode = make_encoder(encoder, channels, readout, weights, model)
    encode = encode if chosen("encoder", encoder).outlines else without_outlines(encode, turn)
    encode = with_intensities(encode, len(channels), intensity) if intensity else encode
    vectors = np.empty((len(cells), encode.width), np.float32)  # (N, D)
    starts = range(0, len(cells) if encode.width else 0, batch)
    batches = prefetched(read(cells, range(start, min(start + batch, len(cells))), device) for start in starts)
    for start, images in zip(progress(starts, "embed", unit="batch"), batches, strict=False):
        with torch.inference_mode(), autocast(device, precision):
            images = images.to(device, non_blocking=True)  # (B, C, S, S) uint8
            found = encode(images, None if masks is None else np.array(masks[start : start + batch])).cpu().numpy()
        check_finite(found, start, crops)
        vectors[start : start + batch] = found
    with whole(out) as file:
        np.save(file, vectors)


def make_encoder(encoder, channels, readout, weights, model):
    """The encoder of a section {name: options}, with the fields of `Readout` as a dict."""
    if chosen("encoder", encoder).blind:
        return SimpleNamespace(width=0)
    if chosen("encoder", encoder).trained:
        return trained(weights, model, channels, **readout)
    return pick("encoder", encoder)(channels, Readout(**readout))


def without_outlines(encode, turn):
    """An encoder that is given outlines and ignores them; with `turn` its mean over the orientations of a crop."""

    def encode_crops(crops, outlines):
        turned = orientations(crops) if turn else [crops]
        return torch.stack([encode(images).float() for images in turned]).mean(0)

    return with_width(encode_crops, encode.width)


def with_intensities(encode, channels, weight):
    """An encoder whose vectors e (B, D) are followed by `intensities.Intensities`, scaled to `weight` times |e|.

    So the cosine of two cells is the mean of that of their embeddings and of that of their intensities, of which the
    second has `weight` squared times the weight of the first.
    """
    intensities = Intensities(channels)

    def encode_both(crops, outlines):
        embedding, bright = encode(crops, outlines), intensities(crops, outlines)
        scale = weight * embedding.norm(dim=1, keepdim=True) / bright.norm(dim=1, keepdim=True)
        return torch.cat([embedding, scale * bright], dim=1)

    return with_width(encode_both, encode.width + intensities.width)


def with_width(encode, width):
    """A function as an encoder: with the `width` of its vectors."""
    encode.width = width
    return encode


def orientations(crops):  # (B, C, S, S)
    """The eight orientations of crops: quarter turns of them and of their mirror images."""
    return [torch.rot90(side, turns, (2, 3)) for side in (crops, crops.mT) for turns in range(4)]


def read(crops, rows, device):
    """Some rows of crops as a tensor, in pinned memory for a GPU, so that copying it there need not be waited for."""
    images = torch.empty((len(rows), *crops.shape[1:]), dtype=torch.uint8, pin_memory=device.type == "cuda")
    crops.read(rows, images.numpy())
    return images


def check_finite(vectors, start, crops):
    """Raise an InputError that names the first crop, counted from `start`, whose vector is not finite."""
    if not (good := np.isfinite(vectors).all(1)).all():
        found = f"NaN or infinity for crop {start + int(good.argmin())}"
        raise InputError("finite embeddings", found, str(crops), "the encoder (its weights), or `precision: fp32`")
