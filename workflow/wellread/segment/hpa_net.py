"""The network of HPA-Cell-Segmentation (a U-Net on a dual path network), and its published weights without their code.

The published files are pickles of whole modules: loading them as they are runs the code they name. Here they are read
for their tensors only, once: python -m wellread.segment.hpa_net dpn_unet_nuclei_v1.pth nuclei.safetensors

The encoder is DPN-92 of Chen et al., Dual Path Networks (2017), written after the PyTorch port by Ross Wightman
(Apache License 2.0, https://www.apache.org/licenses/LICENSE-2.0); the decoder after the names and shapes of tensors.
"""

import sys
from functools import lru_cache
from itertools import pairwise

import torch
from safetensors.torch import load_file, save_file
from torch import nn
from torch.nn import functional as F

from wellread.networks import device, state_dicts
from wellread.networks.checksum import sha256_of
from wellread.networks.safe_unpickle import tensors
from wellread.runtime.errors import InputError
from wellread.runtime.files import whole

# Of a stage: blocks, channels of their bottleneck, channels that are summed, channels that are appended, groups.
DPN92 = ((3, 96, 256, 16, 32), (4, 192, 512, 32, 32), (20, 384, 1024, 24, 32), (3, 768, 2048, 128, 32))
EDIT = "`nuclei_weights` and `cell_weights` of segment.hpa"


class DPNUnet(nn.Module):
    """Images (N, 3, H, W), sides multiples of 32, to logits (N, outputs, H, W): background, border and object.

    `first`: channels after the first convolution; `stages`: four, as in `DPN92`.
    """

    def __init__(self, first=64, stages=DPN92, outputs=3):
        super().__init__()
        widths = [first]
        encoder = [nn.Sequential(nn.Conv2d(3, first, 7, 2, 3, bias=False), batch_norm(first), nn.ReLU())]
        for number, (blocks, middle, wide, more, groups) in enumerate(stages):
            ins = [widths[-1], *(wide + (3 + i) * more for i in range(blocks))]
            strides = [1 + (number > 0), *[0] * (blocks - 1)]
            body = [DualPathBlock(ins[i], middle, wide, more, groups, stride) for i, stride in enumerate(strides)]
            encoder.append(nn.Sequential(*body) if number else nn.Sequential(nn.MaxPool2d(3, 2, 1), *body))
            widths.append(ins[-1])
        encoder[-1].append(NormRelu(widths[-1]))
        self.encoder_stages = nn.ModuleList(encoder)
        self.decoder_stages = nn.ModuleList([Upsample(below, width) for width, below in pairwise(widths)])
        self.bottlenecks = nn.ModuleList([Merge(width) for width in reversed(widths[:-1])])
        self.last_upsample = Upsample(first, first)
        self.final = nn.Sequential(nn.Conv2d(first, outputs, 3, padding=1))

    def forward(self, x):
        skips = []
        for stage in self.encoder_stages:
            x = stage(x)
            skips.append(concatenated(x))
        x = skips.pop()
        for upsample, merge in zip(reversed(self.decoder_stages), self.bottlenecks, strict=True):
            x = merge(upsample(x), skips.pop())
        return self.final(self.last_upsample(x))


class DualPathBlock(nn.Module):
    """A bottleneck with an output of two tensors: one is summed, as in ResNet, one appended, as in DenseNet.

    The first of a stage projects its input with a `stride`; in the others this is 0.
    """

    def __init__(self, width, middle, wide, more, groups, stride):
        super().__init__()
        self.wide, self.first = wide, f"c1x1_w_s{stride}" if stride else ""
        if stride:
            self.add_module(self.first, NormReluConv(width, wide + 2 * more, 1, stride))
        self.c1x1_a = NormReluConv(width, middle, 1)
        self.c3x3_b = NormReluConv(middle, middle, 3, stride or 1, groups)
        self.c1x1_c = NormReluConv(middle, wide + more, 1)

    def forward(self, x):
        features = concatenated(x)
        if self.first:
            x = self.split(self.get_submodule(self.first)(features))
        new = self.split(self.c1x1_c(self.c3x3_b(self.c1x1_a(features))))
        return x[0] + new[0], torch.cat([x[1], new[1]], dim=1)

    def split(self, x):
        """The channels that are summed, and those that are appended."""
        return x[:, : self.wide], x[:, self.wide :]


class NormReluConv(nn.Module):
    """Batch norm, ReLU, convolution."""

    def __init__(self, width, out, kernel, stride=1, groups=1):
        super().__init__()
        self.bn = batch_norm(width)
        self.conv = nn.Conv2d(width, out, kernel, stride, kernel // 2, groups=groups, bias=False)

    def forward(self, x):
        return self.conv(F.relu(self.bn(x)))


class NormRelu(nn.Module):
    """Batch norm and ReLU, at the end of the encoder."""

    def __init__(self, width):
        super().__init__()
        self.bn = batch_norm(width)

    def forward(self, x):
        return F.relu(self.bn(concatenated(x)))


class Upsample(nn.Module):
    """Upsampling by 2, then a convolution."""

    def __init__(self, width, out):
        super().__init__()
        self.layer = nn.Sequential(nn.Upsample(scale_factor=2), nn.Conv2d(width, out, 3, padding=1), nn.ReLU())

    def forward(self, x):
        return self.layer(x)


class Merge(nn.Module):
    """A convolution of the upsampled features and the skip connection."""

    def __init__(self, width):
        super().__init__()
        self.seq = nn.Sequential(nn.Conv2d(2 * width, width, 3, padding=1), nn.ReLU())

    def forward(self, x, skip):
        return self.seq(torch.cat([x, skip], dim=1))


def batch_norm(width):
    return nn.BatchNorm2d(width, eps=0.001)


def concatenated(x):
    """The output of a block, a tensor or two, as one tensor."""
    return torch.cat(x, dim=1) if isinstance(x, tuple) else x


# Weights


def architecture(state: dict) -> dict:
    """Arguments of `DPNUnet` read off the shapes of its weights; a KeyError where they are of another network."""
    stages = []
    for number in range(1, 5):
        start, stride = f"encoder_stages.{number}.{int(number == 1)}", 1 + (number > 1)
        count = sum(name.startswith(f"encoder_stages.{number}.") and ".c1x1_a.conv." in name for name in state)
        projected = len(state[f"{start}.c1x1_w_s{stride}.conv.weight"])
        made = len(state[f"{start}.c1x1_c.conv.weight"])
        middle, of_group = state[f"{start}.c3x3_b.conv.weight"].shape[:2]
        stages.append((count, middle, 2 * made - projected, projected - made, middle // of_group))
    first, outputs = len(state["encoder_stages.0.0.weight"]), len(state["final.0.weight"])
    return {"first": first, "stages": tuple(stages), "outputs": outputs}


def load_network(state: dict, path) -> DPNUnet:
    """The network of a state dict, with its weights, in evaluation mode; InputError for missing or superfluous ones."""
    try:
        network = DPNUnet(**architecture(state))
        counts = {name: value for name, value in network.state_dict().items() if name.endswith("num_batches_tracked")}
        network.load_state_dict(counts | state)  # old files lack these, which matter in training only
    except (KeyError, IndexError, ValueError, RuntimeError, ZeroDivisionError) as error:
        found = f"{len(state)} tensors: {state_dicts.first_names(state)}; {' '.join(str(error).split())[:200]}"
        raise InputError("weights of HPA-Cell-Segmentation (DPNUnet)", found, str(path), EDIT) from None
    if network.final[0].out_channels != 3:
        found = f"{network.final[0].out_channels}"
        raise InputError("3 outputs: background, border, object", found, str(path), EDIT)
    return network.eval().requires_grad_(False)


def network(path, sha256: str, device_name: str, threads: int) -> DPNUnet:
    """The network of a published file (by its SHA-256) or of a converted one, on auto, cpu or cuda; read once."""
    return _network(str(path), sha256, device.choose_device(device_name, threads))


@lru_cache(maxsize=2)
def _network(path: str, sha256: str, where: torch.device) -> DPNUnet:
    path = state_dicts.verify_file(path, sha256)
    if path.suffix != ".safetensors":
        return load_network(tensors(path), path).to(where)
    try:
        state = load_file(path)
    except Exception as error:  # a damaged file may raise anything
        raise InputError("a whole file of weights", state_dicts.error_line(error), str(path), EDIT) from None
    return load_network(state, path).to(where)


def convert(published, out) -> None:
    """Write the weights of a published file, a pickle, as a plain .safetensors file. No code in it is run."""
    state = {name: value.contiguous() for name, value in tensors(published).items()}
    load_network(state, published)
    with whole(out) as part:
        save_file(state, part)


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit("python -m wellread.segment.hpa_net published.pth out.safetensors")
    convert(*sys.argv[1:])
    print(f"SHA-256 {sha256_of(sys.argv[2])}  {sys.argv[2]}")
