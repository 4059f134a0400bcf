"""How bright a cell is: encoders that know nothing else, and what is appended to embeddings that do not know it.

An encoder of pixels that normalises every channel of every crop by itself, as the paper's does, cannot tell a bright
cell from a dim one. Counts are those of crops, 0 to 255 between the intensity limits of the plate.
"""

import torch

from wellread.crops.outlines import CELL, NUCLEUS
from wellread.runtime.registry import choice

SHARES = (0.05, 0.5, 0.95)  # percentiles
STATISTICS = 2 + len(SHARES)  # mean, standard deviation, percentiles
TURN = torch.pi / 255  # from a count to an angle


@choice("encoder", baseline=True)
def mean_intensity(dataset_channels, readout, /):
    """The mean of every channel over the crop, as points on half circles: cos a and sin a of all channels.

    a is pi / 255 times the mean count of the crop. Measures compare directions: so their cosine falls with the
    difference in brightness of any channel, where that of the means themselves would tell only their ratios, and of a
    single channel nothing.
    """
    readout.check_plain("mean intensities are what they are")
    return MeanIntensity(2 * len(dataset_channels))


@choice("encoder", baseline=True, outlines=True)
def intensity(dataset_channels, readout, /):
    """Five statistics of every channel, in nucleus and cell, or in the crop where there are no outlines.

    Mean, standard deviation (twice), 5th, 50th and 95th percentile, as points on half circles as in `mean_intensity`.
    """
    readout.check_plain("intensities are what they are")
    return Intensities(len(dataset_channels))


class MeanIntensity:
    """Crops (B, C, S, S) uint8 to (B, 2C)."""

    def __init__(self, width):
        self.width = width

    def __call__(self, crops):
        return half_circles(crops.float().mean((2, 3)))


class Intensities:
    """Crops (B, C, S, S) uint8 and their outlines (B, S, S) to (B, 20C): of nucleus, then cell; without any, twice of
    the crop."""

    def __init__(self, channels):
        self.width = 2 * 2 * STATISTICS * channels

    def __call__(self, crops, outlines=None):
        found = [statistics(crops, region) for region in regions(crops, outlines)]
        return half_circles(torch.cat(found, dim=1))


def half_circles(counts):  # (B, n) -> (B, 2n)
    """Counts as points on half circles: black at 0, the upper limit of the plate at pi."""
    return torch.cat([(counts * TURN).cos(), (counts * TURN).sin()], dim=1)


def regions(crops, outlines):
    """Masks (B, S, S) of the nucleus and of the cell; a cell without one has that of the other, or the whole crop."""
    if outlines is None:
        return [torch.ones_like(crops[:, 0], dtype=torch.bool)] * 2
    outlines = torch.as_tensor(outlines, device=crops.device)
    nucleus, cell = outlines == NUCLEUS, (outlines == CELL) | (outlines == NUCLEUS)
    cell = cell | ~cell.any((1, 2), keepdim=True)
    return [torch.where(nucleus.any((1, 2), keepdim=True), nucleus, cell), cell]


def statistics(crops, region):  # (B, C, S, S) uint8, (B, S, S) bool -> (B, 5C)
    """Mean, twice the standard deviation and the percentiles of every channel in a region, 0 to 255, by channel.

    A percentile is the lowest count that at least this share of the pixels does not exceed.
    """
    counts = histograms(crops, region)  # (B, C, 256)
    value, number = torch.arange(256, device=crops.device, dtype=torch.float), counts.sum(-1, keepdim=True)
    share = counts / number
    mean = (share * value).sum(-1, keepdim=True)
    deviation = (share * (value - mean).square()).sum(-1, keepdim=True).sqrt()
    wanted = torch.tensor(SHARES, device=crops.device, dtype=torch.double)
    percentiles = torch.searchsorted(counts.double().cumsum(-1), wanted * number.double())
    return torch.cat([mean, 2 * deviation, percentiles.float()], dim=-1).flatten(1)


def histograms(crops, region):
    """How many pixels of a region have each count (B, C, 256)."""
    b, c = crops.shape[:2]
    counts = torch.zeros(b, c, 256, device=crops.device)
    inside = region.flatten(1)[:, None].expand(b, c, -1)
    return counts.scatter_add_(2, crops.flatten(2).long(), inside.float())
