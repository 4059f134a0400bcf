"""Schedules: one value per training step, as an array (steps,)."""

import numpy as np


def cosine(base, final, steps, warmup=0, start=0.0):
    """Linear from `start` to `base` over `warmup` steps, both included, then half a cosine to `final`: (steps,)."""
    ramp = np.linspace(start, base, warmup)
    left = max(steps - warmup, 0)
    fall = final + 0.5 * (base - final) * (1 + np.cos(np.pi * np.arange(left) / max(left, 1)))
    return np.concatenate([ramp, fall])[:steps]


def linear(base, final, steps, warmup=0):
    """Linear from 0 to `base` over `warmup` steps, both included, then linear to `final`: (steps,)."""
    left = max(steps - warmup, 0)
    fall = base + (final - base) * np.arange(left) / max(left, 1)
    return np.concatenate([np.linspace(0, base, warmup), fall])[:steps]


def one_cycle(base, final, steps, warmup=0):
    """Half a cosine from `base` / 25 to `base` over `warmup` steps, then half a cosine to `final`: (steps,).

    Smith & Topin 2018, in the shape of PyTorch's OneCycleLR (without cycles of momentum).
    """
    top = max(warmup, 1) - 1  # the step at `base`
    step = np.arange(steps)
    rise, fall = step / max(top, 1), (step - top) / max(steps - 1 - top, 1)
    return np.where(step < top, half_cosine(base / 25, base, rise), half_cosine(base, final, fall))


def half_cosine(start, end, share):
    """From `start` to `end`, values or arrays, as `share` of the way goes from 0 to 1."""
    return end + 0.5 * (start - end) * (1 + np.cos(np.pi * share))


SHAPES = {"cosine": cosine, "linear": linear, "one_cycle": one_cycle}  # of a learning rate


def frozen(values, steps):
    """The same schedule, zero for its first `steps`."""
    return np.where(np.arange(len(values)) < steps, 0.0, values)


def first_steps(share, steps):
    """1 in this share of the steps, from the first on, then 0: (steps,)."""
    return (np.arange(steps) < round(share * steps)).astype(float)
