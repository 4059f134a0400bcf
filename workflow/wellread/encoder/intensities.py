"""The baseline that knows how bright a cell is in every channel, and nothing of its shape."""

import torch

from wellread.runtime.registry import choice


@choice("encoder", baseline=True)
def mean_intensity(dataset_channels, readout, /):
    """The mean of every channel over the crop, as points on half circles: cos a and sin a of all channels.

    a is pi / 255 times the mean count of the crop (0 to 255, between the intensity limits of the plate). Measures
    compare directions: so their cosine falls with the difference in brightness of any channel, where that of the means
    themselves would tell only their ratios, and of a single channel nothing.
    """
    readout.check_plain("mean intensities are what they are")
    return MeanIntensity(2 * len(dataset_channels))


class MeanIntensity:
    """Crops (B, C, S, S) uint8 to (B, 2C)."""

    def __init__(self, width):
        self.width = width

    def __call__(self, crops):
        angle = crops.float().mean((2, 3)) * (torch.pi / 255)
        return torch.cat([angle.cos(), angle.sin()], dim=1)
