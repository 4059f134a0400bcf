"""Heads that stay with an encoder: what it was taught about classes, for cells that it has not seen.

A head takes the layers (CLS (B, D), patches (B, N, D)) of the last `blocks` blocks to `scores` (B, classes): of several
classes how far the probability of each is above its threshold, of a single one its probability. `described` is what
model.json has to know to build it again.
"""

import json
from pathlib import Path

import torch
from safetensors.torch import load_file
from torch import nn
from torch.nn import functional as F

from wellread.runtime.errors import InputError

PREFIX = "head."  # of its weights, beside those of the backbone


class Linear(nn.Linear):
    """A linear layer on the CLS token. `several`: whether an image may have several classes, or none.

    Of several classes the `thresholds` (classes,) are .5, or found after training, see `matched`.
    """

    blocks = 1

    def __init__(self, dim: int, classes: int, several: bool):
        super().__init__(dim, classes)
        self.described = {"linear": {"dim": dim, "classes": classes, "several": several}}
        self.several = several
        if several:
            self.register_buffer("thresholds", torch.full((classes,), 0.5))

    def probabilities(self, layers):
        """Probabilities (B, classes)."""
        logits = self(layers[-1][0])
        return logits.sigmoid() if self.several else logits.softmax(1)

    def scores(self, layers):
        """The scores (B, classes); a class is there if its probability is above its threshold."""
        found = self.probabilities(layers)
        return found - self.thresholds if self.several else found


class AttentionMLP(nn.Module):
    """`folds` networks on the patch tokens of the last `blocks` blocks, side by side, whose probabilities are averaged.

    A learnt query q pools the tokens K of an image by softmax(q K^T / sqrt(D)); two layers follow, of `width` units and
    of classes (Cell-DINO for the Human Protein Atlas). `thresholds` (classes,) are found after training, see
    `matched`.
    """

    def __init__(self, dim: int, classes: int, several: bool, blocks: int, width: int, folds: int):
        super().__init__()
        size = {"blocks": blocks, "width": width, "folds": folds}
        self.described = {"attention_mlp": {"dim": dim, "classes": classes, "several": several, **size}}
        self.blocks, self.several = blocks, several
        self.folds = nn.ModuleList(AttentionPooling(blocks * dim, width, classes) for _ in range(folds))
        self.register_buffer("thresholds", torch.full((classes,), 0.5))

    def forward(self, layers):
        """Logits (folds, B, classes)."""
        tokens = torch.cat([patches for _, patches in layers], dim=2)  # (B, N, blocks * D)
        return torch.stack([fold(tokens) for fold in self.folds])

    def probabilities(self, layers):
        """Probabilities (folds, B, classes)."""
        logits = self(layers).float()
        return logits.sigmoid() if self.several else logits.softmax(2)

    def scores(self, layers):
        """The scores (B, classes) of the mean over networks."""
        mean = self.probabilities(layers).mean(0)
        return mean - self.thresholds if self.several else mean


class AttentionPooling(nn.Module):
    """Tokens (B, N, D) to logits (B, classes): their mean, weighted by a learnt query, then two layers."""

    def __init__(self, dim: int, width: int, classes: int):
        super().__init__()
        self.query = nn.Parameter(torch.randn(dim) * 0.02)
        self.hidden, self.classify = nn.Linear(dim, width), nn.Linear(width, classes)

    def forward(self, tokens):
        weights = (tokens @ self.query / tokens.shape[2] ** 0.5).softmax(1)  # (B, N)
        return self.classify(F.gelu(self.hidden(torch.einsum("bn,bnd->bd", weights, tokens))))


KINDS = {"linear": Linear, "attention_mlp": AttentionMLP}
GRID = torch.arange(0.05, 0.995, 0.01)


def matched(probabilities: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
    """Thresholds (classes,) by which as many of n items are predicted as are true, of .05, .06 ... .99 the nearest.

    `probabilities`, `targets` (n, classes). Of equally near ones the lowest (pudae's solution for the Human Protein
    Atlas challenge, which Cell-DINO takes over).
    """
    predicted = (probabilities[None] > GRID[:, None, None]).float().mean(1)  # (thresholds, classes)
    return GRID[(predicted - targets.float().mean(0)).abs().argmin(0)]


def load_head(weights, model) -> nn.Module:
    """The head that stays with an encoder in these files; an InputError if there is none."""
    metadata = json.loads(Path(model).read_text())
    if not metadata.get("head"):
        edit = "`features` of embed, or a model that is trained by labels"
        raise InputError("a model that was trained to tell classes, for features: head", "none", str(model), edit)
    ((kind, size),) = metadata["head"].items()
    state = {name.removeprefix(PREFIX): value for name, value in load_file(weights).items() if name.startswith(PREFIX)}
    head = KINDS[kind](**size)
    thresholds = {name: value for name, value in head.named_buffers() if name == "thresholds"}
    head.load_state_dict(thresholds | state)  # older files of linear layers have none: they are .5
    return head.eval().requires_grad_(False)
