"""Schedules: one value per training step, as an array (steps,)."""

import numpy as np


def cosine(base, final, steps, warmup=0, start=0.0):
    """Linear from `start` to `base` over `warmup` steps, both included, then half a cosine to `final`: (steps,)."""
    ramp = np.linspace(start, base, warmup)
    left = max(steps - warmup, 0)
    fall = final + 0.5 * (base - final) * (1 + np.cos(np.pi * np.arange(left) / max(left, 1)))
    return np.concatenate([ramp, fall])[:steps]


def frozen(values, steps):
    """The same schedule, zero for its first `steps`."""
    return np.where(np.arange(len(values)) < steps, 0.0, values)
