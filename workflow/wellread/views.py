"""Views of crops: random ones to learn from, the centre one to embed. Whole batches at a time, on any device.

A random view is first drawn (`draw`: a few numbers per image), then made (`render`): the chapters of the paper in
its order, except that channel gains are applied after resampling, which is linear, so the result is the same.
"""

import math

import torch
from torch.nn import functional as F

ASPECT = 3 / 4  # of a random box, to its inverse
TRIES = 10  # random boxes before the whole image is taken
LEAST = 0.5  # lowest brightness and contrast factor


def random_views(images, views, size, scale, jitter):  # (B, C, S, S) in [0, 1]
    """Random, self-normalised views (views * B, C, size, size), view by view; `jitter` goes to `draw`."""
    if not views:
        return None
    return torch.cat([render(images, draw(images, scale, **jitter), size) for _ in range(views)])


def centre_view(crops, size):  # (B, C, S, S) uint8
    """The self-normalised centre (B, C, size, size) of every crop; small crops are first padded with zeros."""
    spare = crops.shape[-1] - size
    before = round(spare / 2) if spare > 0 else -(-spare // 2)
    after = spare - before
    return self_normalise(F.pad(crops / 255, (-before, -after, -before, -after)))


def draw(images, scale, *, droppable, drop, rescaled, rescale, brightness, contrast):
    """Random numbers of one view per image, a dict of tensors with B rows.

    `scale`: lowest and highest share of the image's area. `droppable`, `rescaled`: lists of channel positions.
    `drop`, `rescale`: probabilities per image. `brightness`, `contrast`: standard deviations of the factors.
    """
    b, c, side, _ = images.shape
    like = images.device
    return {
        "box": boxes(b, side, scale, like),
        "flip": torch.rand(b, 2, device=like) < 0.5,
        "gain": kept(b, c, droppable, drop, like) * rescaling(images, rescaled, rescale),
        "brightness": factors(b, c, brightness, like),
        "contrast": factors(b, c, contrast, like),
    }


def render(images, drawn, size):
    """Views (B, C, size, size) of images (B, C, S, S) in [0, 1], from what `draw` drew."""
    x = resized_crop(images, drawn["box"], drawn["flip"], size)
    x = x * drawn["gain"][..., None, None]
    x = brighten(x, drawn["brightness"][..., None, None])
    x = stretch(x, drawn["contrast"][..., None, None])
    return self_normalise(x)


def boxes(b, side, scale, device):
    """Random boxes (B, 4): top, left, height, width in pixels; the whole image if ten draws did not fit."""
    area = side**2 * uniform((b, TRIES), *scale, device)
    aspect = uniform((b, TRIES), math.log(ASPECT), -math.log(ASPECT), device).exp()
    extent = torch.stack([(area / aspect).sqrt(), (area * aspect).sqrt()], dim=-1).round()  # (B, tries, 2)
    fits = ((extent > 0) & (extent <= side)).all(-1)
    first = fits.int().argmax(1)
    extent = torch.where(fits.any(1, keepdim=True), extent[torch.arange(b, device=device), first], side)
    corner = (torch.rand(b, 2, device=device) * (side - extent + 1)).floor()
    return torch.cat([corner, extent], dim=1)


def kept(b, channels, droppable, probability, device):
    """Gains (B, C): 1, and with `probability` 0 for one of the droppable channels; images keep at least three."""
    gain = torch.ones(b, channels, device=device)
    if channels < 4 or not droppable:
        return gain
    lost = torch.tensor(droppable, device=device)[torch.randint(len(droppable), (b,), device=device)]
    gain[torch.arange(b, device=device), lost] = (torch.rand(b, device=device) >= probability).float()
    return gain


def rescaling(images, channels, probability):
    """Gains (B, C): 1, and with `probability` 2u / maximum of the image, u ~ U(0, 1), in the given channels."""
    b, c = images.shape[:2]
    gain = torch.ones(b, c, device=images.device)
    for channel in channels:
        peak = images.amax((1, 2, 3)).clamp(min=1 / 255)
        random = 2 * torch.rand(b, device=images.device) / peak
        gain[:, channel] = torch.where(torch.rand(b, device=images.device) < probability, random, 1.0)
    return gain


def factors(b, channels, spread, device):
    return (1 + spread * torch.randn(b, channels, device=device)).clamp(min=LEAST)


def uniform(shape, low, high, device):
    return low + (high - low) * torch.rand(shape, device=device)


def resized_crop(images, box, flip, size):  # (B, C, S, S), (B, 4), (B, 2) bool
    """Boxes resampled to (B, C, size, size), bilinear, and flipped: one matrix product per axis."""
    side = images.shape[-1]
    rows = resampling(box[:, 0], box[:, 2], flip[:, 0], side, size)  # (B, size, S)
    columns = resampling(box[:, 1], box[:, 3], flip[:, 1], side, size)
    wide = images.flatten(1, 2) @ columns.mT  # (B, C * S, size): all channels in one product
    return rows[:, None] @ wide.unflatten(1, images.shape[1:3])


def resampling(start, length, flip, side, size):  # (B,) each
    """Matrices (B, size, side) that resample `length` pixels from `start` on: half-pixel centres, no antialias."""
    pixel = torch.arange(side, device=start.device, dtype=start.dtype)
    at = (pixel.new_tensor(range(size)) + 0.5) * (length / size)[:, None] - 0.5  # (B, size)
    at = torch.minimum(at.clamp(min=0), length[:, None] - 1) + start[:, None]
    at = torch.where(flip[:, None], at.flip(1), at)
    return (1 - (at[..., None] - pixel).abs()).clamp(min=0)


def brighten(x, factor):
    return (x * factor).clamp(0, 1)


def stretch(x, factor):
    """Contrast: values spread about the mean of their channel."""
    mean = x.mean((2, 3), keepdim=True)
    return (x * factor + (1 - factor) * mean).clamp(0, 1)


def self_normalise(x):
    """Zero mean and unit standard deviation per image and channel; an empty channel stays zero."""
    x = x - x.mean((2, 3), keepdim=True)
    return x / (x.square().mean((2, 3), keepdim=True).sqrt() + 1e-7)
