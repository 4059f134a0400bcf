"""Views of crops: random ones to learn from, the centre one to embed. Whole batches at a time, on any device.

A random view has `laws`; of these numbers are drawn (`draw`: on the CPU, knowing nothing of the pixels), and from the
numbers views are made (`render`, where the images are). The steps are those of Cell-DINO (Moutakanni et al. 2025) in
its order, except that channels are dropped and rescaled after resampling: that is linear, so the result is the same.
"""

import math
from dataclasses import dataclass

import torch
from torch.nn import functional as F

from wellread.encoder import views_cpu
from wellread.runtime.errors import InputError

ASPECT = 3 / 4  # of a random box, to its inverse
TRIES = 10  # random boxes before the whole image is taken
LEAST = 0.5  # lowest brightness and contrast factor
FEWEST = 4  # channels of an image that can do without one


@dataclass(frozen=True)
class Laws:
    """What random views may look like; made by `laws`. Channels are positions here."""

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


def laws(
    channels, *, scale=(0.32, 1.0), drop_channel=0.2, kept_channels=(), rescale_channel=0.2, rescaled_channels=(),
    brightness=0.2, contrast=0.2, turn=False, antialias=False,
) -> Laws:  # fmt: skip
    """The laws of views of images with these ordered channel names; an `InputError` if others are named.

    `scale`: lowest and highest share of the image's area. `drop_channel`, `rescale_channel`: probabilities; at least
    four channels are needed to drop one, two to rescale one. `brightness`, `contrast`: standard deviations of the
    factors. `turn`: quarter turns too, not only flips (not in the paper). `antialias`: blur before shrinking; the
    reference did not (torchvision 0.15), the same code under torchvision 0.17 does.
    """
    names = list(channels)
    kept, rescaled = (positions(names, given) for given in (kept_channels, rescaled_channels))
    droppable = [i for i in range(len(names)) if i not in kept] if len(names) >= FEWEST else []
    return Laws(
        len(names), tuple(scale), drop_channel, tuple(droppable),
        rescale_channel, tuple(rescaled if len(names) > 1 else []), brightness, contrast, turn, antialias,
    )  # fmt: skip


def positions(names, given):
    if unknown := [name for name in given if name not in names]:
        edit = "`kept_channels` or `rescaled_channels` of the views"
        raise InputError(f"names of channels, of {names}", f"{unknown}", "views", edit)
    return [names.index(name) for name in given]


def draw(generator, laws, b, side, scale=None):
    """Random numbers of one view of each of `b` images (C, side, side): a dict of tensors with b rows, on the CPU.

    So `{name: numbers[rows]}` are those of some of the images. Views are drawn within the frames of the images: `side`
    is a number where these are whole images, else (side, sides (B,)), squares in their centres. `scale` replaces the
    one of the laws.
    """
    c = laws.channels
    return {
        "box": boxes(generator, b, side, scale or laws.scale),  # (B, 4)
        "flip": chance(generator, (b, 2), 0.5),  # rows, columns
        "turn": chance(generator, (b,), 0.5 if laws.turn else 0),  # exchange of rows and columns, before the flips
        "keep": kept(generator, b, laws),  # (B, C)
        "rescale": rescaling(generator, b, laws),  # (B, C)
        "brightness": factors(generator, (b, c), laws.brightness),
        "contrast": factors(generator, (b, c), laws.contrast),
    }


def boxes(generator, b, side, scale):
    """Random boxes (B, 4): top, left, height, width in pixels; the whole frame if ten draws did not fit."""
    whole, frame = side if isinstance(side, tuple) else (side, torch.full((b,), side))
    frame = frame[:, None].float()  # (B, 1)
    area = frame**2 * uniform(generator, (b, TRIES), *scale)
    aspect = uniform(generator, (b, TRIES), math.log(ASPECT), -math.log(ASPECT)).exp()
    extent = torch.stack([(area / aspect).sqrt(), (area * aspect).sqrt()], dim=-1).round()  # (B, tries, 2)
    fits = ((extent > 0) & (extent <= frame[..., None])).all(-1)
    first = fits.int().argmax(1)
    extent = torch.where(fits.any(1, keepdim=True), extent[torch.arange(b), first], frame)
    corner = (torch.rand(b, 2, generator=generator) * (frame - extent + 1)).floor()
    return torch.cat([corner + (whole - frame).div(2, rounding_mode="floor"), extent], dim=1)


def kept(generator, b, laws):
    """1, and with the probability of the laws 0 for one of the droppable channels of an image: (B, C)."""
    keep = torch.ones(b, laws.channels)
    if laws.droppable:
        lost = torch.tensor(laws.droppable)[torch.randint(len(laws.droppable), (b,), generator=generator)]
        keep[torch.arange(b), lost] = (~chance(generator, (b,), laws.drop_channel)).float()
    return keep


def rescaling(generator, b, laws):
    """2u, u ~ U(0, 1), with the probability of the laws and only in the rescaled channels, else 0: (B, C)."""
    rescale = torch.zeros(b, laws.channels)
    for channel in laws.rescaled:
        rescale[:, channel] = uniform(generator, (b,), 0, 2) * chance(generator, (b,), laws.rescale_channel)
    return rescale


def factors(generator, shape, spread):
    return (1 + spread * torch.randn(shape, generator=generator)).clamp(min=LEAST)


def uniform(generator, shape, low, high):
    return low + (high - low) * torch.rand(shape, generator=generator)


def chance(generator, shape, probability):
    return torch.rand(shape, generator=generator) < probability


@torch.no_grad()
def render(crops, drawn, size, laws):
    """Self-normalised views (B, C, size, size) float32 of crops (B, C, S, S) uint8, S > 1, as `draw` drew them.

    On the CPU plane by plane in compiled loops, with torch's number of threads; elsewhere the whole batch together.
    """
    drawn = {name: numbers.to(crops.device, non_blocking=True) for name, numbers in drawn.items()}
    how = plane_by_plane if crops.device.type == "cpu" else together
    return how(crops, drawn["turn"], sampled(drawn, size, laws.antialias), gains(crops, drawn, laws), drawn["contrast"])


def plane_by_plane(crops, turn, grid, gain, contrast):
    return views_cpu.views(crops, turn, *taps(*grid, crops.shape[-1]), gain, contrast)


def together(crops, turn, grid, gain, contrast):
    crops = torch.where(turn[:, None, None, None], crops.mT, crops)
    x = brighten(resample(crops, *grid), gain[..., None, None])
    return self_normalise(stretch(x, contrast[..., None, None]))


def gains(crops, drawn, laws):  # -> (B, C)
    """What values 0 to 255 are multiplied with, to be in [0, 1] but for those of rescaled and brightened channels."""
    keep, rescale = drawn["keep"], drawn["rescale"]
    scale = torch.full_like(keep, 1 / 255)
    if laws.rescaled:
        peak = (crops.amax((2, 3)) * keep).amax(1, keepdim=True)  # of the channels that are left
        scale = torch.where((rescale > 0) & (peak > 0), rescale / peak, scale)
    return scale * keep * drawn["brightness"]


def sampled(drawn, size, antialias):
    """Where rows and columns of turned images are sampled: `at` (B, 2, 1, size); `reach`, `start`, `end` (B, 2, 1, 1).

    In pixels, half-pixel centres. Pixels count the less, the farther they are, up to `reach`: one pixel, or when
    shrinking with `antialias` as many as become one. Beyond the box, before `start` and from `end` on, nothing counts.
    """
    box = drawn["box"].unflatten(1, (2, 2, 1, 1))  # corner and extent, each of rows and columns
    start, length = torch.where(drawn["turn"].view(-1, 1, 1, 1, 1), box.flip(2), box).unbind(1)  # (B, 2, 1, 1) each
    at = (torch.arange(size, device=box.device) + 0.5) * (length / size) - 0.5
    at = torch.where(drawn["flip"][..., None, None], at.flip(3), at)
    if antialias:
        return at + start, (length / size).clamp(min=1), start, start + length
    return torch.minimum(at.clamp(min=0), length - 1) + start, torch.ones_like(length), start, start + length


def share(pixel, at, reach, start, end):
    """What pixels (B, 2, n, size), by number, count in the values sampled `at`."""
    weight = (1 - (at - pixel).abs() / reach).clamp(min=0)
    weight *= (pixel >= start) & (pixel < end)
    return weight / weight.sum(2, keepdim=True)


def taps(at, reach, start, end, side):
    """The first pixel that counts, (B, 2, size), and the weights (B, 2, taps, size) of it and the next ones."""
    number = min(math.ceil(2 * reach.max()), side)
    first = ((at - reach).floor() + 1).clamp(0, side - number)
    pixel = first + torch.arange(number)[:, None]
    return first.squeeze(2).to(torch.uint64), share(pixel, at, reach, start, end)


def resample(images, *grid):  # (B, C, S, S) -> (B, C, size, size)
    """One matrix product per axis, never in half precision."""
    pixel = torch.arange(images.shape[-1], device=images.device)[:, None]
    rows, columns = share(pixel, *grid).unbind(1)  # (B, S, size) each
    with torch.autocast(images.device.type, enabled=False):
        wide = images.float().flatten(1, 2) @ columns  # (B, C * S, size): all channels in one product
        return rows.mT[:, None] @ wide.unflatten(1, images.shape[1:3])


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


def centre_view(crops, size):  # (B, C, S, S) uint8
    """The self-normalised centre (B, C, size, size) of every crop; small crops are first padded with zeros."""
    return self_normalise(centre(crops, size) / 255)


def centre(crops, size):
    """The centre (B, C, size, size) as it is."""
    spare = crops.shape[-1] - size
    before = round(spare / 2) if spare > 0 else -(-spare // 2)
    after = spare - before
    return F.pad(crops, (-before, -after, -before, -after))
