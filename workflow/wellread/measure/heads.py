"""Linear classifiers on frozen features, one for each learning rate and weight decay of a grid, trained together."""

import numpy as np
import torch
from torch.nn import functional as F

RATES = (*(a * 10.0**b for b in range(-5, 0) for a in (1, 2, 5)), 1.0)  # the published grid
DECAYS = (0.0, 1e-4, 1e-5)
PUBLISHED_BATCH = 256  # which the rates are for


def grid() -> list[tuple[float, float]]:
    """The 48 pairs of learning rate and weight decay of the linear evaluation of DINOv2."""
    return [(rate, decay) for rate in RATES for decay in DECAYS]


def train(X, Y, pairs, *, single: bool, iterations: int, batch: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Weights (H, D, C) and biases (H, C) of classifiers of X (n, D) into Y (n, C), one for each pair of a grid.

    AdamW, the rate times batch / 256 falling to 0 by a cosine over `iterations` random batches, the same for all;
    weights begin at N(0, .01), biases at 0. The loss is cross-entropy if every profile has a `single` class, else
    binary cross-entropy (the linear evaluation of DINOv2).
    """
    generator = torch.Generator().manual_seed(seed)
    X, Y = (torch.from_numpy(np.asarray(part, np.float32)) for part in (X, Y))
    start = 0.01 * torch.randn(X.shape[1], Y.shape[1], generator=generator)
    W = [start.clone().requires_grad_() for _ in pairs]
    b = [torch.zeros(Y.shape[1], requires_grad=True) for _ in pairs]
    scale, batch = batch / PUBLISHED_BATCH, min(batch, len(X))
    groups = [
        {"params": own, "lr": rate * scale, "weight_decay": decay}
        for *own, (rate, decay) in zip(W, b, pairs, strict=True)
    ]
    optimiser = torch.optim.AdamW(groups, fused=True)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, iterations)
    for _ in range(iterations):
        rows = torch.randperm(len(X), generator=generator)[:batch]
        optimiser.zero_grad()
        _loss(X[rows] @ torch.stack(W) + torch.stack(b)[:, None], Y[rows], single).backward()
        optimiser.step()
        schedule.step()
    return torch.stack(W).detach().numpy(), torch.stack(b).detach().numpy()


def _loss(logits: torch.Tensor, Y: torch.Tensor, single: bool) -> torch.Tensor:
    """The sum over classifiers of the mean loss of a batch with `logits` (H, n, C) and classes Y (n, C)."""
    if single:
        return -(F.log_softmax(logits, dim=2) * Y).sum(dim=2).mean(dim=1).sum()
    target = Y.expand(logits.shape)
    return F.binary_cross_entropy_with_logits(logits, target, reduction="none").mean(dim=(1, 2)).sum()


def predict(X: np.ndarray, W: np.ndarray, b: np.ndarray, single: bool) -> np.ndarray:
    """Predicted classes (n, C) bool of a classifier: the one of the highest logit, or all of a probability over .5."""
    logits = X @ W + b
    return logits == logits.max(axis=1, keepdims=True) if single else logits > 0
