"""A two-layer network that predicts several classes of profiles, after the winners of LISH-MoA (Way et al. 2022)."""

import copy

import numpy as np
import torch
from sklearn.decomposition import PCA
from sklearn.preprocessing import StandardScaler
from torch import nn
from torch.nn.functional import binary_cross_entropy_with_logits

BATCH, EPOCHS, RATE, DROPOUT, SMOOTHING = 128, 50, 1e-3, 0.2, 5e-4
PATIENCE, MIN_GAIN, HALVE_AFTER = 10, 1e-5, 4  # epochs, of the loss, epochs


def with_components(fitted: np.ndarray, others: list[np.ndarray], components: int) -> list[np.ndarray]:
    """Inputs of the network for `fitted` (n, D) and `others` (m, D): standardised features, their mean, PCs.

    Scales and principal components (seed 42) are those of `fitted`; float32, (n, D + 1 + components).
    """
    own = [np.column_stack([X, X.mean(axis=1)]) for X in (fitted, *others)]
    scaler = StandardScaler().fit(own[0])
    own = [scaler.transform(X) for X in own]
    pca = PCA(min(components, *own[0].shape), random_state=42, svd_solver="randomized").fit(own[0])
    return [np.hstack([X, pca.transform(X)]).astype(np.float32) for X in own]


def predict(train, validation, test: np.ndarray, *, width: int, early_stop: bool, seed: int) -> np.ndarray:
    """Probabilities (m, C) for the profiles `test`, by a network trained on `train`, a pair of X (n, D) and Y (n, C).

    Batch norm, dropout .2, `width` ELU units, batch norm, logits; Adam 1e-3, batches of 128, 50 epochs, cross-entropy
    with smoothed labels. The rate halves after 4 epochs without gain on `validation`; with `early_stop` training ends
    after 10, and the best weights count. The output begins at the frequencies of the classes.
    """
    torch.manual_seed(seed)
    X, Y = (torch.from_numpy(np.asarray(part, np.float32)) for part in train)
    held = [torch.from_numpy(np.asarray(part, np.float32)) for part in validation]
    net = _network(X.shape[1], width, Y.mean(0))
    optimiser = torch.optim.Adam(net.parameters(), RATE, fused=True)
    schedule = torch.optim.lr_scheduler.ReduceLROnPlateau(
        optimiser, factor=0.5, patience=HALVE_AFTER - 1, threshold=MIN_GAIN, threshold_mode="abs"
    )
    best, since, weights = np.inf, 0, None
    for _ in range(EPOCHS):
        _epoch(net, optimiser, X, Y)
        loss = _loss(net, *held)
        schedule.step(loss)
        gained = loss < best - MIN_GAIN
        best, since = (loss, 0) if gained else (best, since + 1)
        weights = copy.deepcopy(net.state_dict()) if gained else weights
        if early_stop and since >= PATIENCE:
            break
    if early_stop and weights:
        net.load_state_dict(weights)
    return _probabilities(net, test)


def _network(D: int, width: int, frequencies: torch.Tensor) -> nn.Sequential:
    last = nn.Linear(width, len(frequencies))
    with torch.no_grad():
        last.bias.copy_(torch.logit(frequencies, eps=SMOOTHING))
    return nn.Sequential(
        nn.BatchNorm1d(D), nn.Dropout(DROPOUT), nn.Linear(D, width), nn.ELU(), nn.BatchNorm1d(width), last
    )


def _epoch(net, optimiser, X: torch.Tensor, Y: torch.Tensor) -> None:
    net.train()
    for rows in torch.randperm(len(X)).split(BATCH):
        if len(rows) > 1:  # batch norm knows nothing of one
            smooth = Y[rows] * (1 - SMOOTHING) + SMOOTHING / 2
            optimiser.zero_grad()
            binary_cross_entropy_with_logits(net(X[rows]), smooth).backward()
            optimiser.step()


@torch.inference_mode()
def _loss(net, X: torch.Tensor, Y: torch.Tensor) -> float:
    net.eval()
    return binary_cross_entropy_with_logits(net(X), Y * (1 - SMOOTHING) + SMOOTHING / 2).item()


@torch.inference_mode()
def _probabilities(net, X: np.ndarray) -> np.ndarray:
    net.eval()
    return torch.sigmoid(net(torch.from_numpy(np.asarray(X, np.float32)))).numpy()
