"""Monitoring of a training run: embedding statistics, log lines, warnings of collapse, checks for NaN and infinity."""

import logging

import torch
from torch.nn import functional as F

from wellread.runtime.errors import InputError
from wellread.train.collapse import collapse_warnings

log = logging.getLogger("wellread")


@torch.no_grad()
def embedding_statistics(tokens, rank=True) -> dict:  # (n, dim)
    """Spread (`feature_sd`) and, with `rank`, effective rank of embeddings.

    `feature_sd` is 1 for directions spread over the whole sphere and 0 for equal tokens; `effective_rank` is the
    exponential of the entropy of the squared singular values (Roy & Vetterli 2007), which are the eigenvalues of the
    Gram matrix.
    """
    x = F.normalize(tokens.float(), dim=-1)
    x = x - x.mean(0)
    found = {"feature_sd": x.square().sum(1).mean().sqrt().item()}
    if rank:
        energy = torch.linalg.eigvalsh(x @ x.T if len(x) < x.shape[1] else x.T @ x).clamp(min=0)
        found["effective_rank"] = entropy(energy / energy.sum()).exp().item()
    return found


def entropy(probabilities):  # (..., K) -> (...)
    """Entropy in nats."""
    return torch.special.entr(probabilities).sum(-1)


def log_epoch(row: dict, check_collapse: bool, warned: set):
    """Log a row of numbers; with `check_collapse` warn of signs of collapse, of those in `warned` not again."""
    log.info("%s", " ".join(f"{name} {value:.4g}" for name, value in row.items()))
    for message in collapse_warnings(row) if check_collapse else ():
        if message not in warned:
            log.warning("step %d: %s", row["step"], message)
        warned.add(message)


class FiniteCheck:
    """Refuses losses and gradients that are not finite; a step late, so that a GPU need not be waited for."""

    def __init__(self):
        self.latest = None

    def record(self, step: int, numbers: dict):
        """Keep the numbers of a step, scalar tensors by name, for the next check; check those of the step before."""
        self.check()
        values, copied = torch.stack(list(numbers.values())), None
        if values.is_cuda:
            device = values.device
            values = torch.empty_like(values, device="cpu", pin_memory=True).copy_(values, non_blocking=True)
            copied = torch.cuda.Event()
            copied.record(torch.cuda.current_stream(device))  # of that device: another one's would say nothing
        self.latest = step, list(numbers), values, copied

    def check(self):
        """Raise an InputError if the latest numbers are not all finite."""
        if self.latest is None:
            return
        step, names, values, copied = self.latest
        if copied is not None:
            copied.synchronize()
        if not values.isfinite().all():
            found = ", ".join(f"{name} {value:.4g}" for name, value in zip(names, values.tolist(), strict=True))
            edit = "lower `base_lr`, or `precision: fp32`; the last good checkpoint is kept"
            raise InputError("finite losses and gradients", found, f"training step {step}", edit)
