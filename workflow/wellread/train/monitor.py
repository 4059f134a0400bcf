"""Signs of health and of collapse while an encoder trains."""

import logging

import torch
from torch.nn import functional as F

from wellread.runtime.errors import InputError
from wellread.train.collapse import signs

log = logging.getLogger("wellread")


@torch.no_grad()
def health(tokens) -> dict:  # (n, dim)
    """Spread and effective rank of embeddings.

    `feature_sd` is 1 for directions spread over the whole sphere and 0 for equal tokens; `effective_rank` is the
    exponential of the entropy of the squared singular values (Roy & Vetterli 2007).
    """
    x = F.normalize(tokens.float(), dim=-1)
    x = x - x.mean(0)
    energy = torch.linalg.svdvals(x).square()
    spread = x.square().sum(1).mean().sqrt().item()
    return {"feature_sd": spread, "effective_rank": entropy(energy / energy.sum()).exp().item()}


def entropy(probabilities):  # (..., K) -> (...), in nats
    return torch.special.entr(probabilities).sum(-1)


def tell(row: dict, trained: bool, told: set):
    """Log how training goes; once it is under way (`trained`), warn of what looks like collapse, of each sign once."""
    log.info("%s", " ".join(f"{name} {value:.4g}" for name, value in row.items()))
    for sign in signs(row) if trained else ():
        if sign not in told:
            log.warning("step %d: %s", row["step"], sign)
        told.add(sign)


class Watch:
    """Refuses losses and gradients that are not finite; a step late, so that a GPU need not be waited for."""

    def __init__(self):
        self.latest = None

    def note(self, step: int, numbers: dict):
        """Remember the numbers of a step, tensors (), and check those of the step before."""
        self.check()
        values, came = torch.stack(list(numbers.values())), None
        if values.is_cuda:
            values = torch.empty_like(values, device="cpu", pin_memory=True).copy_(values, non_blocking=True)
            came = torch.cuda.Event()
            came.record()
        self.latest = step, list(numbers), values, came

    def check(self):
        """Raise an InputError if the latest numbers are not all finite."""
        if self.latest is None:
            return
        step, names, values, came = self.latest
        if came is not None:
            came.synchronize()
        if not values.isfinite().all():
            found = ", ".join(f"{name} {value:.4g}" for name, value in zip(names, values.tolist(), strict=True))
            edit = "lower `base_lr`, or `precision: fp32`; the last good checkpoint is kept"
            raise InputError("finite losses and gradients", found, f"training step {step}", edit)
