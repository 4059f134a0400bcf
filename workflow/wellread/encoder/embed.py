"""Embeddings: the encoder's vector of every cell."""

from types import SimpleNamespace

import numpy as np
import torch

from wellread.crops.reader import Crops, prefetched
from wellread.encoder.intensities import Intensities
from wellread.encoder.readouts import Readout, trained
from wellread.encoder.textures import Textures
from wellread.networks.device import autocast, choose_device
from wellread.runtime.errors import InputError
from wellread.runtime.files import whole
from wellread.runtime.progress import progress
from wellread.runtime.registry import chosen, pick


def embed(
    crops, out, *, channels, encoder, weights="", model="", device="auto", threads=1, batch=256, features="cls",
    blocks=1, view=None, turn=False, precision="auto", intensity=0.0, texture=0.0, seed=0,
    outlines="", deterministic=False,
):  # fmt: skip
    """Write float32 embeddings (N, D) to the .npy `out`; row i is crop i, N may be 0.

    `channels`: the dataset's. `encoder`: {"vit": ...}, ours, in the files `weights` and `model`, or a given one
    with its options. `batch`: cells at a time. `features`, `blocks`, `view`: see `readouts.Readout`. `turn`: embed the
    mean over the eight orientations of a crop. `precision`, `deterministic`: see `device`. `intensity`, `texture`:
    weights of what is appended (`with_appended`). `seed`: of random weights. `outlines`: of the crops (N, S, S), for
    what is appended and for an encoder that looks at them, and then does not turn crops. An encoder that looks at no
    pixels gives vectors of no dimensions. An InputError if an embedding is not finite, and where the encoder raises
    one.
    """
    device, cells = choose_device(device, threads, deterministic), Crops([crops])
    readout = {"features": features, "blocks": blocks, "view": view, "device": device, "seed": seed, "threads": threads}
    masks = np.load(outlines, mmap_mode="r") if outlines else None  # (N, S, S)
    encode = make_encoder(encoder, channels, readout, weights, model)
    encode = encode if chosen("encoder", encoder).outlines else without_outlines(encode, turn)
    measures = [(Intensities(len(channels)), intensity), (Textures(len(channels)), texture)]
    encode = with_appended(encode, [(measure, weight) for measure, weight in measures if weight])
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


def with_appended(encode, measures):
    """An encoder whose vectors e (B, D) are followed by those of `measures`, each scaled to its weight times |e|.

    `measures`: pairs of a measure, such as `intensities.Intensities`, and a weight. So the cosine of two cells is the
    mean of that of their embeddings and of those of their measures, which have the squares of these weights.
    """

    def encode_all(crops, outlines):
        embedding = encode(crops, outlines)
        length = embedding.norm(dim=1, keepdim=True)
        appended = [(measure(crops, outlines), weight) for measure, weight in measures]
        scaled = [weight * length / x.norm(dim=1, keepdim=True) * x for x, weight in appended]
        return torch.cat([embedding, *scaled], dim=1)

    return with_width(encode_all, encode.width + sum(measure.width for measure, _ in measures)) if measures else encode


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
