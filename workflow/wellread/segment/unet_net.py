"""The network of the segmenter `unet`: a U-Net of few channels, its weights, and what it looks at."""

from functools import cache
from itertools import pairwise
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import load_file
from scipy import ndimage
from torch import nn
from torch.nn import functional as F

from wellread.networks.checksum import other_hash, sha256_of

WEIGHTS = Path(__file__).with_name("unet.safetensors")
SHA256 = "e7ea3f0afc421386e879e20738cc8d265073f0fd7f6d42b2a79ff1f499ec248b"
WIDTHS = (8, 16, 32, 64)  # channels of every level, each at half the resolution of the one before
DIAMETER = 20.0  # px, of a typical nucleus in the fields that it learnt from, and looks at
STRIP, HALO = 1024, 64  # rows that are looked at together, and those beside them that they depend on


class UNet(nn.Module):
    """Two planes (N, 2, H, W), see `inputs`, to the log odds (N, 2, H, W) of nuclei and of their inner parts.

    H and W are multiples of 8.
    """

    def __init__(self, widths=WIDTHS):
        super().__init__()
        self.down = nn.ModuleList(map(_convolutions, (2, *widths[:-1]), widths))
        self.up = nn.ModuleList(_convolutions(finer + coarser, finer) for finer, coarser in pairwise(widths))
        self.out = nn.Conv2d(widths[0], 2, 1)

    def forward(self, x):
        levels = []
        for block in self.down:
            levels.append(x := block(F.max_pool2d(x, 2) if levels else x))
        for level, block in zip(levels[-2::-1], reversed(self.up), strict=True):
            x = F.interpolate(x, scale_factor=2, mode="bilinear", align_corners=False)
            x = block(torch.cat([level, x], dim=1))
        return self.out(x)


def _convolutions(before: int, after: int) -> nn.Sequential:
    layers = [
        (nn.Conv2d(size, after, 3, padding=1, bias=False), nn.BatchNorm2d(after), nn.ReLU(inplace=True))
        for size in (before, after)
    ]
    return nn.Sequential(*layers[0], *layers[1])


@cache
def trained(device: torch.device) -> UNet:
    """The network with the weights that lie beside this file; InputError if they are others."""
    if error := other_hash(SHA256, sha256_of(WEIGHTS), str(WEIGHTS)):
        raise error
    network = UNet()
    network.load_state_dict(load_file(WEIGHTS))
    return network.eval().requires_grad_(False).to(device, memory_format=torch.channels_last)


def inputs(plane: np.ndarray) -> np.ndarray:
    """What the network sees of a plane (H, W): the logarithm of its light, and its contrast to what lies about it.

    Two planes (2, H, W). Neither depends on the offset or the gain of the plane.
    """
    low, high = np.percentile(plane, (1, 99.9))
    tone = np.log1p(20 * np.clip((plane - low) / max(high - low, 1e-6), 0, 2)) / 3
    side = round(2 * DIAMETER)
    about = ndimage.uniform_filter(plane, side)
    spread = np.sqrt(np.maximum(ndimage.uniform_filter(plane * plane, side) - about * about, 0))
    contrast = np.clip((plane - about) / (spread + 0.01 * (high - low) + 1e-6), -3, 3) / 2
    return np.stack([tone, contrast]).astype(np.float32)


@torch.inference_mode()
def log_odds(network: UNet, plane: np.ndarray) -> np.ndarray:
    """Log odds (2, H, W) of a plane (H, W) in which nuclei are DIAMETER px; strip by strip, to bound the memory."""
    height, width = plane.shape
    seen = np.pad(inputs(plane), ((0, 0), (0, -height % 8), (0, -width % 8)), "symmetric")
    device = next(network.parameters()).device
    strips = []
    for start in range(0, seen.shape[1], STRIP):
        top = max(start - HALO, 0)
        rows = torch.from_numpy(seen[None, :, top : start + STRIP + HALO]).to(device, memory_format=torch.channels_last)
        strips.append(network(rows)[0, :, start - top : start - top + STRIP].cpu().numpy())
    return np.concatenate(strips, axis=1)[:, :height, :width]
