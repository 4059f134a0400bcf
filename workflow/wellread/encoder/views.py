"""Views of crops: random ones to learn from, the centre one to embed. Whole batches at a time, on any device.

The parameters of a random view are drawn on the CPU, knowing nothing of the pixels (`draw_view`), and then the view is
made of the crop with these parameters, where the crop is (`render`). Their distribution is an `Augmentation`. The steps
are those of Cell-DINO (Moutakanni et al. 2025) in its order, except that channels are dropped and rescaled after
resampling: that is linear, so the result is the same.
"""

import math
from dataclasses import dataclass

import torch
from torch.nn import functional as F

from wellread.runtime.errors import InputError

MIN_ASPECT = 3 / 4  # of a random box; the largest is its inverse
TRIES = 10  # random boxes before the whole window is taken
MIN_FACTOR = 0.5  # of brightness and contrast
MIN_CHANNELS_TO_DROP = 4  # images with fewer channels keep all


@dataclass(frozen=True)
class Augmentation:
    """Parameters of the random augmentation of crops; `augmentation` makes them, from names of channels to indices.

    `channels`: how many there are; `droppable`, `rescaled`: indices of those that may be dropped and rescaled.
    """

    channels: int
    scale: tuple[float, float]
    drop_channel: float
    droppable: tuple[int, ...]
    rescale_channel: float
    rescaled: tuple[int, ...]
    brightness: float
    contrast: float
    turn: bool
    antialias: bool


def augmentation(
    channels, *, scale=(0.32, 1.0), drop_channel=0.2, kept_channels=(), rescale_channel=0.2, rescaled_channels=(),
    brightness=0.2, contrast=0.2, turn=False, antialias=False,
) -> Augmentation:  # fmt: skip
    """The augmentation of images with these ordered channel names; an `InputError` if others are named.

    `scale`: lowest and highest share of the image's area. `drop_channel`: probability that a view lacks one channel,
    of images with four channels or more; `kept_channels` are never dropped. `rescale_channel`: probability that each
    of `rescaled_channels` gets another brightness, of images with two channels or more. `brightness`, `contrast`:
    standard deviations of the factors. `turn`: quarter turns too, not only flips (not in the paper). `antialias`: blur
    before shrinking; the reference did not (torchvision 0.15), the same code under torchvision 0.17 does.
    """
    names = list(channels)
    kept, rescaled = (channel_indices(names, given) for given in (kept_channels, rescaled_channels))
    droppable = [i for i in range(len(names)) if i not in kept] if len(names) >= MIN_CHANNELS_TO_DROP else []
    return Augmentation(
        len(names), tuple(scale), drop_channel, tuple(droppable),
        rescale_channel, tuple(rescaled if len(names) > 1 else []), brightness, contrast, turn, antialias,
    )  # fmt: skip


def channel_indices(names, given):
    """Indices of the given channel names; an InputError if one is not among `names`."""
    if unknown := [name for name in given if name not in names]:
        edit = "`kept_channels` or `rescaled_channels` of the views"
        raise InputError(f"names of channels, of {names}", f"{unknown}", "views", edit)
    return [names.index(name) for name in given]


def draw_view(generator, augmentation, b, side, scale=None):
    """Random parameters of one view of each of `b` images (C, side, side): a dict of tensors with b rows, on the CPU.

    So `{name: values[rows]}` are those of some of the images. `side`: of the images in pixels, or, where views are to
    stay within a square window in the centre of each image, (side, sides of the windows (B,)). `scale`: replaces that
    of the augmentation.
    """
    c = augmentation.channels
    return {
        "box": random_boxes(generator, b, side, scale or augmentation.scale),  # (B, 4)
        "flip": bernoulli(generator, (b, 2), 0.5),  # rows, columns
        "turn": bernoulli(generator, (b,), 0.5 if augmentation.turn else 0),  # transposed, before the flips
        "keep": channel_dropout(generator, b, augmentation),  # (B, C)
        "rescale": channel_rescaling(generator, b, augmentation),  # (B, C)
        "brightness": random_factors(generator, (b, c), augmentation.brightness),
        "contrast": random_factors(generator, (b, c), augmentation.contrast),
    }


def random_boxes(generator, b, side, scale):
    """Random boxes (B, 4): top, left, height, width in pixels; the whole window if ten tries did not fit.

    `side`: as for `draw_view`. Area and aspect ratio are those of torchvision's RandomResizedCrop.
    """
    whole, window = side if isinstance(side, tuple) else (side, torch.full((b,), side))
    window = window[:, None].float()  # (B, 1)
    area = window**2 * uniform(generator, (b, TRIES), *scale)
    aspect = uniform(generator, (b, TRIES), math.log(MIN_ASPECT), -math.log(MIN_ASPECT)).exp()
    extent = torch.stack([(area / aspect).sqrt(), (area * aspect).sqrt()], dim=-1).round()  # (B, tries, 2)
    fits = ((extent > 0) & (extent <= window[..., None])).all(-1)
    first = fits.int().argmax(1)
    extent = torch.where(fits.any(1, keepdim=True), extent[torch.arange(b), first], window)
    corner = (torch.rand(b, 2, generator=generator) * (window - extent + 1)).floor()
    return torch.cat([corner + (whole - window).div(2, rounding_mode="floor"), extent], dim=1)


def channel_dropout(generator, b, augmentation):
    """Factors (B, C): 0 for a channel that is dropped, at most one per image, else 1."""
    keep = torch.ones(b, augmentation.channels)
    if augmentation.droppable:
        index = torch.randint(len(augmentation.droppable), (b,), generator=generator)
        dropped = torch.tensor(augmentation.droppable)[index]
        keep[torch.arange(b), dropped] = (~bernoulli(generator, (b,), augmentation.drop_channel)).float()
    return keep


def channel_rescaling(generator, b, augmentation):
    """New maxima (B, C) of the channels that are rescaled: 2u, u ~ U(0, 1); 0 for all others."""
    rescale = torch.zeros(b, augmentation.channels)
    for channel in augmentation.rescaled:
        chosen = uniform(generator, (b,), 0, 2) * bernoulli(generator, (b,), augmentation.rescale_channel)
        rescale[:, channel] = chosen
    return rescale


def random_factors(generator, shape, deviation):
    """Normal factors around 1, not below MIN_FACTOR."""
    return (1 + deviation * torch.randn(shape, generator=generator)).clamp(min=MIN_FACTOR)


def uniform(generator, shape, low, high):
    return low + (high - low) * torch.rand(shape, generator=generator)


def bernoulli(generator, shape, probability):
    """True with this probability."""
    return torch.rand(shape, generator=generator) < probability


@torch.no_grad()
def render(crops, view, size, augmentation):
    """Self-normalised views (B, C, size, size) float32 of crops (B, C, S, S) uint8, S > 1.

    `view`: its parameters, as `draw_view` draws them. On the CPU plane by plane in compiled loops, with torch's number
    of threads; elsewhere the whole batch at once.
    """
    view = {name: values.to(crops.device, non_blocking=True) for name, values in view.items()}
    grid, gain = sampling_grid(view, size, augmentation.antialias), channel_gain(crops, view, augmentation)
    on_device = render_planes if crops.device.type == "cpu" else render_batch
    return on_device(crops, view["turn"], grid, gain, view["contrast"])


def render_planes(crops, turn, grid, gain, contrast):
    """Views, plane by plane, on the CPU: see `views_cpu`."""
    from wellread.encoder import views_cpu  # only training needs numba, which takes a second to load

    return views_cpu.render(crops, turn, *filter_taps(*grid, crops.shape[-1]), gain, contrast)


def render_batch(crops, turn, grid, gain, contrast):
    """The same views of the whole batch at once, on any device."""
    crops = torch.where(turn[:, None, None, None], crops.mT, crops)
    x = adjust_brightness(resample(crops, *grid), gain[..., None, None])
    return self_normalise(adjust_contrast(x, contrast[..., None, None]))


def channel_gain(crops, view, augmentation):  # -> (B, C)
    """The factor of each channel, from 0..255 to 0..1 times its dropout, rescaling and brightness."""
    keep, rescale = view["keep"], view["rescale"]
    scale = torch.full_like(keep, 1 / 255)
    if augmentation.rescaled:
        maximum = (crops.amax((2, 3)) * keep).amax(1, keepdim=True)  # of the channels that are left
        scale = torch.where((rescale > 0) & (maximum > 0), rescale / maximum, scale)
    return scale * keep * view["brightness"]


def sampling_grid(view, size, antialias):
    """Where rows and columns are sampled: `centre` (B, 2, 1, size), `radius`, `start`, `end` (B, 2, 1, 1).

    In pixels of the turned crops, half-pixel centres. The kernel is a triangle: its `radius` is one pixel (bilinear),
    or when shrinking with `antialias` as many pixels as become one. Pixels beyond the box, before `start` and from
    `end` on, have no weight.
    """
    box = view["box"].unflatten(1, (2, 2, 1, 1))  # corner and extent, each of rows and columns
    start, length = torch.where(view["turn"].view(-1, 1, 1, 1, 1), box.flip(2), box).unbind(1)  # (B, 2, 1, 1) each
    centre = (torch.arange(size, device=box.device) + 0.5) * (length / size) - 0.5
    centre = torch.where(view["flip"][..., None, None], centre.flip(3), centre)
    if antialias:
        return centre + start, (length / size).clamp(min=1), start, start + length
    return torch.minimum(centre.clamp(min=0), length - 1) + start, torch.ones_like(length), start, start + length


def interpolation_weights(pixel, centre, radius, start, end):
    """Weights of pixels (B, 2, n, size), given by their index, in the values sampled at `centre`; they sum to 1."""
    weight = (1 - (centre - pixel).abs() / radius).clamp(min=0)
    weight *= (pixel >= start) & (pixel < end)
    return weight / weight.sum(2, keepdim=True)


def filter_taps(centre, radius, start, end, side):
    """The first pixel with a weight (B, 2, size), and the weights (B, 2, taps, size) of it and the next ones."""
    number = min(math.ceil(2 * radius.max()), side)
    first = ((centre - radius).floor() + 1).clamp(0, side - number)
    pixel = first + torch.arange(number)[:, None]
    return first.squeeze(2).to(torch.uint64), interpolation_weights(pixel, centre, radius, start, end)


def resample(images, *grid):  # (B, C, S, S) -> (B, C, size, size)
    """Images sampled at a `sampling_grid`: one matrix product per axis, never in half precision."""
    pixel = torch.arange(images.shape[-1], device=images.device)[:, None]
    rows, columns = interpolation_weights(pixel, *grid).unbind(1)  # (B, S, size) each
    with torch.autocast(images.device.type, enabled=False):
        along_rows = images.float().flatten(1, 2) @ columns  # (B, C * S, size): all channels in one product
        return rows.mT[:, None] @ along_rows.unflatten(1, images.shape[1:3])


def adjust_brightness(x, factor):
    return (x * factor).clamp(0, 1)


def adjust_contrast(x, factor):
    """Values scaled about the mean of their channel."""
    mean = x.mean((2, 3), keepdim=True)
    return (x * factor + (1 - factor) * mean).clamp(0, 1)


def self_normalise(x):
    """Zero mean and unit standard deviation per image and channel; an empty channel stays zero."""
    x = x - x.mean((2, 3), keepdim=True)
    return x / (x.square().mean((2, 3), keepdim=True).sqrt() + 1e-7)


def centre_view(crops, size):  # (B, C, S, S) uint8
    """The self-normalised centre (B, C, size, size) of every crop; small crops are first padded with zeros."""
    return self_normalise(centre_crop(crops, size) / 255)


def centre_crop(crops, size):
    """The centre (B, C, size, size) of every crop; small crops are padded with zeros."""
    excess = crops.shape[-1] - size
    before = round(excess / 2) if excess > 0 else -(-excess // 2)
    after = excess - before
    return F.pad(crops, (-before, -after, -before, -after))
