"""Linear classifiers on frozen features, one for each learning rate and weight decay of a grid, trained together."""

import math

import numpy as np
import torch

RATES = (*(a * 10.0**b for b in range(-5, 0) for a in (1, 2, 5)), 1.0)  # the published grid
DECAYS = (0.0, 1e-4, 1e-5)
PUBLISHED_BATCH = 256  # which the rates are for
BETAS, EPSILON = (0.9, 0.999), 1e-8  # of AdamW, as torch has them


def grid() -> list[tuple[float, float]]:
    """The 48 pairs of learning rate and weight decay of the linear evaluation of DINOv2."""
    return [(rate, decay) for rate in RATES for decay in DECAYS]


def train(X, Y, pairs, *, single: bool, iterations: int, batch: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Weights (H, D, C) and biases (H, C) of classifiers of X (n, D) into Y (n, C), one for each pair of a grid.

    AdamW, the rate times batch / 256 falling to 0 by a cosine over `iterations` random batches, the same for all;
    weights begin at N(0, .01), biases at 0. The loss is cross-entropy if every profile has a `single` class, else
    binary cross-entropy (the linear evaluation of DINOv2). All classifiers are one matrix, so that a step is two
    products of matrices; torch's AdamW, with a group of parameters for each, took three to five times as long.
    """
    generator = torch.Generator().manual_seed(seed)
    X, Y = (torch.from_numpy(np.asarray(part, np.float32)) for part in (X, Y))
    (n, D), C, H = X.shape, Y.shape[1], len(pairs)
    X, size = torch.cat([X, torch.ones(n, 1)], dim=1), min(batch, n)
    start = 0.01 * torch.randn(D, C, generator=generator)
    P = torch.cat([start.repeat(1, H), torch.zeros(1, H * C)])  # all weights, and biases in the last row
    rates, decays = (torch.tensor(column).repeat_interleave(C) for column in zip(*pairs, strict=True))
    mean, square = torch.zeros_like(P), torch.zeros_like(P)
    for step in range(iterations):
        rows = torch.randperm(n, generator=generator)[:size]
        x, y = X[rows], Y[rows]
        slopes = _slopes((x @ P).view(size, H, C), y[:, None], single)
        gradient = x.T @ slopes.view(size, H * C)
        mean.lerp_(gradient, 1 - BETAS[0])
        square.lerp_(gradient.square_(), 1 - BETAS[1])
        rate = rates * (batch / PUBLISHED_BATCH) * (1 + math.cos(math.pi * step / iterations)) / 2
        spread = (square / (1 - BETAS[1] ** (step + 1))).sqrt_().add_(EPSILON)
        P.mul_(1 - rate * decays).sub_(spread.reciprocal_().mul_(mean).mul_(rate / (1 - BETAS[0] ** (step + 1))))
    return P[:-1].view(D, H, C).transpose(0, 1).numpy(), P[-1].view(H, C).numpy()


def _slopes(logits: torch.Tensor, Y: torch.Tensor, single: bool) -> torch.Tensor:
    """Derivatives (n, H, C) of the mean loss of every classifier over a batch by its `logits`; classes Y (n, 1, C)."""
    n, _, C = logits.shape
    return (logits.softmax(dim=2) - Y) / n if single else (logits.sigmoid() - Y) / (n * C)


def predict(X: np.ndarray, W: np.ndarray, b: np.ndarray, single: bool) -> np.ndarray:
    """Predicted classes (n, C) bool of a classifier: the one of the highest logit, or all of a probability over .5."""
    logits = X @ W + b
    return logits == logits.max(axis=1, keepdims=True) if single else logits > 0
