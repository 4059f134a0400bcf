"""How fine the structure of a cell is: an encoder that knows nothing else, and what is appended to embeddings.

Training on views of single cells keeps what tells one cell from the next, such as its outline and its neighbours, and
may lose a texture that all cells of a well share.
"""

import torch
from torch.nn import functional as F

from wellread.encoder.intensities import half_circles, regions
from wellread.runtime.registry import choice

WINDOWS = (3, 5, 9)  # px, sides of the squares that counts are averaged over
FLOOR = 2.0  # counts, added to a standard deviation: an even region has no texture


@choice("encoder", baseline=True, outlines=True)
def texture(dataset_channels, readout, /):
    """Details at three scales of every channel, in nucleus and cell, or in the crop where there are no outlines.

    As points on half circles, as intensities are in `intensities.mean_intensity`.
    """
    readout.check_plain("textures are what they are")
    return Textures(len(dataset_channels))


class Textures:
    """Crops (B, C, S, S) uint8 and their outlines (B, S, S) to (B, 12C): of nucleus, then cell; without any, twice of
    the crop."""

    def __init__(self, channels):
        self.width = 2 * 2 * len(WINDOWS) * channels

    def __call__(self, crops, outlines=None):
        counts = crops.float()
        bands = details(counts)
        found = [shares(counts, bands, region[:, None]) for region in regions(crops, outlines)]
        return half_circles(255 * torch.cat(found, dim=1))


def details(counts):  # (B, C, S, S) -> (scales, B, C, S, S)
    """What is lost from each mean over squares to the next, of one pixel and of WINDOWS: a pyramid without shrinking.

    As the Laplacian pyramid (Burt & Adelson 1983), with squares for Gaussians. At an edge, the mean is that of the
    pixels there are.
    """
    means = [F.avg_pool2d(counts, side, 1, side // 2, count_include_pad=False) for side in WINDOWS]
    return torch.stack([fine - coarse for fine, coarse in zip([counts, *means], means, strict=False)])


def shares(counts, bands, region):  # (B, C, S, S), (scales, B, C, S, S), (B, 1, S, S) bool -> (B, scales * C)
    """Root mean square of every detail over the standard deviation of its channel, in a region; at most 1."""
    number = region.sum((-2, -1))
    mean = (counts * region).sum((-2, -1)) / number
    deviation = ((counts - mean[..., None, None]).square() * region).sum((-2, -1)).div(number).sqrt()
    size = (bands.square() * region).sum((-2, -1)).div(number).sqrt()  # (scales, B, C)
    return (size / (deviation + FLOOR)).clamp(max=1).movedim(0, 1).flatten(1)
