"""What AdamW is told of every parameter: how fast it learns, and whether it decays.

A network in training has a `backbone`, the ViT, and a head by any other name.
"""

import re

import torch
from torch import nn


def groups(student: nn.Module, layer_decay: float, patch_lr: float) -> list[dict]:
    """Parameter groups: learning rates fall by `layer_decay` per block, from the output to the input.

    The patch embedding is slower again, by `patch_lr`. Biases, norms and layer scales do not decay.
    """
    depth, found = len(student.backbone.blocks), {}
    for name, parameter in student.named_parameters():
        rate = layer_decay ** (depth + 1 - layer(name, depth)) * (patch_lr if "backbone.patch_embed" in name else 1)
        decay = 0.0 if name.endswith(".bias") or "norm" in name or "gamma" in name else 1.0
        found.setdefault((rate, decay, part(name)), []).append(parameter)
    return [dict(zip(("rate", "decay", "part"), key, strict=True), params=found[key]) for key in found]


def part(name: str) -> str:
    """Which schedule a parameter follows: that of the backbone, of the head, or of the last layer of a DINO head."""
    return "backbone" if name.startswith("backbone.") else "last" if "last_layer" in name else "head"


def layer(name: str, depth: int) -> int:
    """0 for what makes tokens, i + 1 for block i, depth + 1 for the last normalisation and the head."""
    if block := re.match(r"backbone\.blocks\.(\d+)\.", name):
        return int(block[1]) + 1
    return 0 if name.startswith("backbone.") and not name.startswith("backbone.norm.") else depth + 1


def set_rates(optimiser, rates: dict, weight_decay: float):
    """`rates`: the learning rate of every part."""
    for group in optimiser.param_groups:
        group["lr"] = group["rate"] * rates[group["part"]]
        group["weight_decay"] = group["decay"] * weight_decay


def clip_gradients(student: nn.Module, norm: float):
    """Limit the gradient's L2 norm, of the backbone and of the head separately; what it was, of both together."""
    norms = [nn.utils.clip_grad_norm_(module.parameters(), norm) for module in student.children()]
    return torch.stack(norms).norm()
