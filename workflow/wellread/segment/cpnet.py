"""The network of Cellpose 1 to 3 (CPnet), with the interface of Cellpose 4, so that weights such as cyto3 can be used.

Written after its definition in cellpose 3.1.1, which came with this notice:

Copyright © 2020 Howard Hughes Medical Institute. Redistribution and use in source and binary forms, with or without
modification, are permitted provided that the following conditions are met: Redistributions of source code must retain
the above copyright notice, this list of conditions and the following disclaimer. Redistributions in binary form must
reproduce the above copyright notice, this list of conditions and the following disclaimer in the documentation and/or
other materials provided with the distribution. Neither the name of HHMI nor the names of its contributors may be used
to endorse or promote products derived from this software without specific prior written permission. THIS SOFTWARE IS
PROVIDED BY THE COPYRIGHT HOLDERS AND CONTRIBUTORS “AS IS” AND ANY EXPRESS OR IMPLIED WARRANTIES, INCLUDING, BUT NOT
LIMITED TO, THE IMPLIED WARRANTIES OF MERCHANTABILITY AND FITNESS FOR A PARTICULAR PURPOSE ARE DISCLAIMED. IN NO EVENT
SHALL THE COPYRIGHT OWNER OR CONTRIBUTORS BE LIABLE FOR ANY DIRECT, INDIRECT, INCIDENTAL, SPECIAL, EXEMPLARY, OR
CONSEQUENTIAL DAMAGES (INCLUDING, BUT NOT LIMITED TO, PROCUREMENT OF SUBSTITUTE GOODS OR SERVICES; LOSS OF USE, DATA,
OR PROFITS; OR BUSINESS INTERRUPTION) HOWEVER CAUSED AND ON ANY THEORY OF LIABILITY, WHETHER IN CONTRACT, STRICT
LIABILITY, OR TORT (INCLUDING NEGLIGENCE OR OTHERWISE) ARISING IN ANY WAY OUT OF THE USE OF THIS SOFTWARE, EVEN IF
ADVISED OF THE POSSIBILITY OF SUCH DAMAGE.
"""

from itertools import pairwise

import torch
from torch import nn
from torch.nn import functional as F

DIAMETER = 30.0  # px, of the objects that a network was trained on, unless its weights say otherwise


class CPnet(nn.Module):
    """A residual U-Net whose decoder also gets a style vector: the mean of the deepest features, scaled to length 1.

    `widths`: channels of the image (at most 3), then of every level, (2, 32, 64, 128, 256) in published weights.
    Images (N, 3, H, W), sides multiples of 2 ** (levels - 1), to flows and probability (N, 3, H, W), and a style of
    256 zeros, which Cellpose 4 expects and does not use.
    """

    backbone, tile, dtype = "cpnet", 224, torch.float32  # attributes that Cellpose 4 reads

    def __init__(self, widths=(2, 32, 64, 128, 256), outputs=3, kernel=3):
        super().__init__()
        self.channels = widths[0]
        decoder = pairwise([*widths[1:], widths[-1]])
        down = {f"res_down_{i}": Down(*level, kernel) for i, level in enumerate(pairwise(widths))}
        up = {f"res_up_{i}": Up(below, out, widths[-1], kernel) for i, (out, below) in enumerate(decoder)}
        self.downsample = nn.ModuleDict({"down": nn.ModuleDict(down)})
        self.upsample = nn.ModuleDict({"up": nn.ModuleDict(up)})
        self.output = norm_relu_conv(widths[1], outputs, 1)
        self.diam_mean = nn.Parameter(torch.tensor([DIAMETER]), requires_grad=False)
        self.diam_labels = nn.Parameter(torch.tensor([DIAMETER]), requires_grad=False)

    @property
    def device(self) -> torch.device:
        return self.diam_mean.device

    def forward(self, x):  # (N, 3, H, W)
        x, levels = x[:, : self.channels], []
        for block in self.downsample["down"].values():
            levels.append(x := block(F.max_pool2d(x, 2) if levels else x))
        style = F.normalize(x.mean((2, 3)))
        for skip, block in zip(reversed(levels), reversed(self.upsample["up"].values()), strict=True):
            x = block(x if skip is levels[-1] else F.interpolate(x, scale_factor=2), skip, style)
        return self.output(x), x.new_zeros(len(x), 256)

    def save_model(self, path):
        """Write the state dict as Cellpose's own training does."""
        torch.save(self.state_dict(), path)


class Down(nn.Module):
    """Four convolutions in two residual pairs."""

    def __init__(self, width, out, kernel):
        super().__init__()
        self.proj = norm_conv(width, out)
        self.conv = nn.ModuleDict({f"conv_{i}": norm_relu_conv(out if i else width, out, kernel) for i in range(4)})

    def forward(self, x):
        first, second, third, fourth = self.conv.values()
        x = self.proj(x) + second(first(x))
        return x + fourth(third(x))


class Up(nn.Module):
    """The same, with the skip connection added after the first convolution, and the style before every other."""

    def __init__(self, width, out, style, kernel):
        super().__init__()
        self.proj = norm_conv(width, out)
        styled = {f"conv_{i}": Styled(out, style, kernel) for i in (1, 2, 3)}
        self.conv = nn.ModuleDict({"conv_0": norm_relu_conv(width, out, kernel), **styled})

    def forward(self, x, skip, style):
        first, second, third, fourth = self.conv.values()
        x = self.proj(x) + second(first(x) + skip, style)
        return x + fourth(third(x, style), style)


class Styled(nn.Module):
    """A convolution of features to which a linear map of the style is added, one value per channel."""

    def __init__(self, width, style, kernel):
        super().__init__()
        self.conv = norm_relu_conv(width, width, kernel)
        self.full = nn.Linear(style, width)

    def forward(self, x, style):
        return self.conv(x + self.full(style)[:, :, None, None])


def norm_relu_conv(width, out, kernel):
    """Batch norm, ReLU and a convolution (width -> out channels), in this order."""
    return nn.Sequential(nn.BatchNorm2d(width, momentum=0.05), nn.ReLU(), nn.Conv2d(width, out, kernel, padding="same"))


def norm_conv(width, out):
    """Batch norm and a convolution of 1 x 1."""
    return nn.Sequential(nn.BatchNorm2d(width, momentum=0.05), nn.Conv2d(width, out, 1))


def cpnet(state: dict) -> CPnet:
    """An untrained network of the shapes of a state dict; KeyError where that is of another architecture."""
    count = sum(name.startswith("downsample.down.res_down_") and name.endswith("proj.1.bias") for name in state)
    first = state["downsample.down.res_down_0.conv.conv_0.2.weight"]
    outs = [len(state[f"downsample.down.res_down_{i}.proj.1.bias"]) for i in range(count)]
    return CPnet((first.shape[1], *outs), len(state["output.2.bias"]), first.shape[-1])
