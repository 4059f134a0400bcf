"""Parameter groups of AdamW, with the learning rate and weight decay of each, and clipping of gradients.

A network in training has a `backbone`, the ViT, and a head by any other name.
"""

import re

import torch
from torch import nn


def parameter_groups(student: nn.Module, layer_decay: float, patch_lr: float) -> list[dict]:
    """Parameter groups, each with factors of learning rate and weight decay and the name of its schedule.

    Learning rates fall by `layer_decay` per block, from the output to the input; that of the patch embedding is also
    multiplied with `patch_lr`. Biases, norms and LayerScales do not decay. As in DINOv2.
    """
    depth, found = len(student.backbone.blocks), {}
    for name, parameter in student.named_parameters():
        patch = patch_lr if "backbone.patch_embed" in name else 1
        rate = layer_decay ** (depth + 1 - layer_index(name, depth)) * patch
        decay = 0.0 if name.endswith(".bias") or "norm" in name or "gamma" in name else 1.0
        found.setdefault((rate, decay, schedule_of(name)), []).append(parameter)
    return [dict(zip(("lr_factor", "decay_factor", "schedule"), key, strict=True), params=found[key]) for key in found]


def schedule_of(name: str) -> str:
    """The learning rate schedule of a parameter: of the backbone, of the head, or of the last layer of a DINO head."""
    return "backbone" if name.startswith("backbone.") else "last" if "last_layer" in name else "head"


def layer_index(name: str, depth: int) -> int:
    """0 for the embedding of tokens, i + 1 for block i, depth + 1 for the last normalisation and the head."""
    if block := re.match(r"backbone\.blocks\.(\d+)\.", name):
        return int(block[1]) + 1
    return 0 if name.startswith("backbone.") and not name.startswith("backbone.norm.") else depth + 1


def set_learning_rates(optimiser, rates: dict, weight_decay: float):
    """Set learning rates and weight decay of all groups, in place; `rates`: the learning rate of each schedule."""
    for group in optimiser.param_groups:
        group["lr"] = group["lr_factor"] * rates[group["schedule"]]
        group["weight_decay"] = group["decay_factor"] * weight_decay


def clip_gradients(student: nn.Module, norm: float):
    """Limit the gradient's L2 norm to `norm`, of backbone and head separately; returns the norm of both before that."""
    norms = [nn.utils.clip_grad_norm_(module.parameters(), norm) for module in student.children()]
    return torch.stack(norms).norm()
