"""One step of Cell-DINO: the student learns to say of its views what a slowly following teacher says.

Shapes: B images, L local views, N patches and M masked patches of the 2B global views, K prototypes.
"""

import re
from copy import deepcopy

import torch
from torch import nn
from torch.nn import functional as F

from wellread import losses, vit

CENTRE_MOMENTUM = 0.9


class Network(nn.Module):
    """Backbone and projection head. Only the teacher's backbone is kept after training."""

    def __init__(self, backbone, *, prototypes, hidden, bottleneck):
        super().__init__()
        self.backbone = backbone
        self.dino_head = Head(len(backbone.norm.weight), prototypes, hidden, bottleneck)


class Head(nn.Module):
    """Tokens (n, dim) to logits (n, K): an MLP onto the unit sphere, then similarity to the prototypes."""

    def __init__(self, dim, prototypes, hidden, bottleneck):
        super().__init__()
        widths = [(dim, hidden), (hidden, hidden), (hidden, bottleneck)]
        first, second, third = (nn.Linear(*width) for width in widths)
        self.mlp = nn.Sequential(first, nn.GELU(), second, nn.GELU(), third).apply(vit.start)
        self.last_layer = Prototypes(bottleneck, prototypes)

    def forward(self, x):
        return self.last_layer(F.normalize(self.mlp(x), dim=-1))


class Prototypes(nn.Module):
    """A weight-normalised linear layer: rows of direction `weight_v` and of trainable length `weight_g`."""

    def __init__(self, dim, prototypes):
        super().__init__()
        self.weight_g = nn.Parameter(torch.ones(prototypes, 1))
        self.weight_v = nn.Parameter(nn.Linear(dim, prototypes, bias=False).weight.detach())

    def forward(self, x):
        logits = F.linear(x, self.weight_g * F.normalize(self.weight_v, dim=1))
        return logits.to(self.weight_v.dtype)  # also under autocast: softmax and losses need the precision


def pair(backbone, **head):
    """Student and teacher, equal at the start; the teacher gets no gradient and drops no blocks.

    The teacher also keeps two running means of what it said: of images and of masked patches, `centres` (2, K).
    """
    student = Network(backbone, **head)
    teacher = deepcopy(student).requires_grad_(False).eval()
    teacher.register_buffer("centres", backbone.norm.weight.new_zeros(2, head["prototypes"]))
    return student, teacher


@torch.no_grad()
def teach(teacher, wide, masks, temperature, centring):
    """What the student shall say: probabilities (2, B, K) of global views and (M, K) of their masked patches."""
    cls, patches = teacher.backbone(wide)
    said = teacher.dino_head(cls), teacher.dino_head(patches[masks])
    targets = [centred(x, c, temperature, centring) for x, c in zip(said, teacher.centres, strict=True)]
    return targets[0].unflatten(0, (2, -1)), targets[1]


def centred(logits, centre, temperature, centring):
    """Probabilities; only then does the centre, in place, absorb these logits."""
    targets = losses.CENTRINGS[centring](logits, centre, temperature)
    if len(logits):
        centre.lerp_(logits.mean(0), 1 - CENTRE_MOMENTUM)
    return targets


def learn(student, wide, narrow, masks, targets, *, ibot, koleo):
    """Weighted losses by name, and the student's CLS tokens (2B, dim) of the global views `wide`.

    `narrow`: local views (L * B, C, s, s), view by view, or None. `ibot`, `koleo`: weights.
    """
    image_targets, patch_targets = targets  # (2, B, K), (M, K)
    cls, patches = student.backbone(wide, masks)
    views = 0 if narrow is None else len(narrow) * 2 // len(wide)
    pairs = 2 + 2 * views  # of teacher and student views
    said = student.dino_head(cls).unflatten(0, (2, -1))  # (2, B, K)
    parts = {"global": losses.dino_global(image_targets, said) * 2 / pairs}
    if views:
        said = student.dino_head(student.backbone(narrow)[0]).unflatten(0, (views, -1))  # (L, B, K)
        parts["local"] = losses.dino_local(image_targets, said) / pairs
    parts["koleo"] = koleo * sum(losses.koleo(x) for x in cls.chunk(2))
    parts["ibot"] = ibot * losses.ibot(patch_targets, student.dino_head(patches[masks]), masks)
    return parts, cls


def groups(student, layer_decay, patch_lr):
    """Parameter groups for AdamW: learning rates fall by `layer_decay` per block, from the output to the input.

    The patch embedding is slower again, by `patch_lr`. Biases, norms and layer scales do not decay.
    """
    depth, found = len(student.backbone.blocks), {}
    for name, parameter in student.named_parameters():
        rate = layer_decay ** (depth + 1 - layer(name, depth)) * (patch_lr if "patch_embed" in name else 1)
        decay = 0.0 if name.endswith(".bias") or "norm" in name or "gamma" in name else 1.0
        found.setdefault((rate, decay, "last_layer" in name), []).append(parameter)
    return [dict(zip(("rate", "decay", "last"), key, strict=True), params=found[key]) for key in found]


def layer(name, depth):
    """0 for what makes tokens, i + 1 for block i, depth + 1 for the last normalisation and the head."""
    if block := re.match(r"backbone\.blocks\.(\d+)\.", name):
        return int(block[1]) + 1
    return depth + 1 if re.match(r"backbone\.norm\.|dino_head\.", name) else 0


def set_rates(optimiser, lr, last_lr, weight_decay):
    for group in optimiser.param_groups:
        group["lr"] = group["rate"] * (last_lr if group["last"] else lr)
        group["weight_decay"] = group["decay"] * weight_decay


def clip_gradients(student, norm):
    """Limit the gradient's L2 norm, of the backbone and of the head separately."""
    for part in (student.backbone, student.dino_head):
        nn.utils.clip_grad_norm_(part.parameters(), norm)


@torch.no_grad()
def follow(teacher, student, momentum):
    """The teacher's weights are a running mean of the student's."""
    for slow, fast in zip(teacher.parameters(), student.parameters(), strict=True):
        slow.lerp_(fast, 1 - momentum)


@torch.no_grad()
def health(tokens, targets):  # (2B, dim), (2, B, K)
    """Signs of collapse: entropy of the targets (nats), spread and effective rank of the tokens.

    `feature_sd` is 1 for directions spread over the whole sphere and 0 for equal tokens; `effective_rank` is the
    exponential of the entropy of the squared singular values (Roy & Vetterli 2007).
    """
    x = F.normalize(tokens.float(), dim=-1)
    x = x - x.mean(0)
    energy = torch.linalg.svdvals(x).square()
    return {
        "entropy": entropy(targets).mean().item(),
        "feature_sd": x.square().sum(1).mean().sqrt().item(),
        "effective_rank": entropy(energy / energy.sum()).exp().item(),
    }


def entropy(probabilities):
    return torch.special.entr(probabilities).sum(-1)
