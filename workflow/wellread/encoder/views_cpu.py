"""Random views on the CPU: plane by plane, so that each stays in the cache from its first pixel to its last."""

import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numba
import numpy as np
import torch

CACHE = os.access(Path(__file__).parent, os.W_OK)  # compiling takes seconds
compiled = numba.njit(nogil=True, cache=CACHE, fastmath={"contract", "reassoc", "nsz"})
ONE, NOTHING, FULL = np.uint64(1), np.float32(0), np.float32(1)


def views(crops, turn, first, weights, gain, contrast):
    """What `wellread.views.render` makes, of tensors: crops (B, C, S, S) uint8, `gain` and `contrast` (B, C).

    For rows and columns the `first` pixel to sample (B, 2, size), and the `weights` (B, 2, taps, size) of it and the
    next ones; two taps at least.
    """
    size = first.shape[-1]
    out = torch.empty(*gain.shape, size, size)
    tensors = crops.contiguous(), turn, first, weights, gain, contrast, out
    parts = zip(*(np.array_split(tensor.numpy(), torch.get_num_threads()) for tensor in tensors), strict=True)
    if torch.get_num_threads() == 1:
        make(*next(parts))
    else:
        with ThreadPoolExecutor(torch.get_num_threads()) as pool:
            list(pool.map(lambda part: make(*part), parts))
    return out


@compiled
def make(crops, turn, first, weights, gain, contrast, out):
    for i in range(crops.shape[0]):
        for c in range(crops.shape[1]):
            plane = np.ascontiguousarray(crops[i, c].T) if turn[i] else crops[i, c]
            mean = resample(plane, first[i], weights[i, 0] * gain[i, c], weights[i, 1], out[i, c])
            normalise(out[i, c], *stretch(out[i, c], mean, contrast[i, c]))


@compiled
def resample(plane, first, down, across, out):
    """Fill `out` (size, size), at most 1; its mean. Each row is summed of rows, then sampled along."""
    total, left, wide = 0.0, first[1], np.empty(plane.shape[1], np.float32)
    box = slice(np.int64(left.min()), np.int64(left.max()) + len(across))
    part = wide[box]
    for i in range(len(out)):
        row, bright, top = out[i], NOTHING, first[0, i]
        line, below, a, b = plane[top][box], plane[top + ONE][box], down[0, i], down[1, i]
        for x in range(len(part)):
            part[x] = a * np.float32(line[x]) + b * np.float32(below[x])
        for tap in range(2, len(down)):
            below, b = plane[top + np.uint64(tap)][box], down[tap, i]
            for x in range(len(part)):
                part[x] += b * np.float32(below[x])
        for x in range(len(row)):
            row[x] = across[0, x] * wide[left[x]] + across[1, x] * wide[left[x] + ONE]
        for tap in range(2, len(across)):
            for x in range(len(row)):
                row[x] += across[tap, x] * wide[left[x] + np.uint64(tap)]
        for x in range(len(row)):
            row[x] = min(row[x], FULL)
            bright += row[x]
        total += bright
    return np.float32(total / out.size)


@compiled
def stretch(out, mean, contrast):
    """Spread `out` about its mean, clip, and leave it relative to that mean; its own mean then, and deviation."""
    total, squares = 0.0, 0.0
    for i in range(len(out)):
        row, first, second = out[i], NOTHING, NOTHING
        for x in range(len(row)):
            row[x] = min(max((row[x] - mean) * contrast + mean, NOTHING), FULL) - mean
            first += row[x]
            second += row[x] * row[x]
        total, squares = total + first, squares + second
    total /= out.size
    return np.float32(total), np.sqrt(max(squares / out.size - total**2, 0.0))


@compiled
def normalise(out, mean, deviation):
    scale = np.float32(1 / (deviation + 1e-7))
    for i in range(len(out)):
        row = out[i]
        for x in range(len(row)):
            row[x] = (row[x] - mean) * scale
