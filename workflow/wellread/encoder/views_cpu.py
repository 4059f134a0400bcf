"""Random views on the CPU: plane by plane, so that each stays in the cache from its first pixel to its last."""

import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numba
import numpy as np
import torch

CACHE = os.access(Path(__file__).parent, os.W_OK)  # compiling takes seconds
# Parts become lines of `render_chunk`: compiled apart, they round otherwise where they are compiled than where loaded.
FAST = {"contract", "reassoc", "nsz"}
compiled = numba.njit(nogil=True, cache=CACHE, fastmath=FAST)
part = numba.njit(nogil=True, inline="always", fastmath=FAST)
NEXT, ZERO, ONE = np.uint64(1), np.float32(0), np.float32(1)


def render(crops, turn, first, weights, gain, contrast):
    """The views (B, C, size, size) float32 that `views.render` returns, of crops (B, C, S, S) uint8, all on the CPU.

    `turn` (B,): whether a crop is transposed. `first` (B, 2, size): of rows and columns, the first pixel to sample;
    `weights` (B, 2, taps, size): of it and the next ones, two taps at least. `gain`, `contrast` (B, C): factors.
    """
    size = first.shape[-1]
    out = torch.empty(*gain.shape, size, size)
    tensors = crops.contiguous(), turn, first, weights, gain, contrast, out
    chunks = zip(*(np.array_split(tensor.numpy(), torch.get_num_threads()) for tensor in tensors), strict=True)
    if torch.get_num_threads() == 1:
        render_chunk(*next(chunks))
    else:
        with ThreadPoolExecutor(torch.get_num_threads()) as pool:
            list(pool.map(lambda chunk: render_chunk(*chunk), chunks))
    return out


@compiled
def render_chunk(crops, turn, first, weights, gain, contrast, out):
    """Fill `out` with the views of some crops, on one thread."""
    for i in range(crops.shape[0]):
        for c in range(crops.shape[1]):
            plane = np.ascontiguousarray(crops[i, c].T) if turn[i] else crops[i, c]
            mean = resample(plane, first[i], weights[i, 0] * gain[i, c], weights[i, 1], out[i, c])
            mean, deviation = adjust_contrast(out[i, c], mean, contrast[i, c])
            normalise(out[i, c], mean, deviation)


@part
def resample(plane, first, down, across, out):
    """Fill `out` (size, size) with the resampled plane, clipped to 1; returns its mean.

    Each of its rows is first a weighted sum of rows of the plane, with weights `down`, and then sampled with `across`.
    """
    total, left, line = 0.0, first[1], np.empty(plane.shape[1], np.float32)
    box = slice(np.int64(left.min()), np.int64(left.max()) + len(across))
    inside = line[box]
    for i in range(len(out)):
        row, row_sum, top = out[i], ZERO, first[0, i]
        above, below, a, b = plane[top][box], plane[top + NEXT][box], down[0, i], down[1, i]
        for x in range(len(inside)):
            inside[x] = a * np.float32(above[x]) + b * np.float32(below[x])
        for tap in range(2, len(down)):
            below, b = plane[top + np.uint64(tap)][box], down[tap, i]
            for x in range(len(inside)):
                inside[x] += b * np.float32(below[x])
        for x in range(len(row)):
            row[x] = across[0, x] * line[left[x]] + across[1, x] * line[left[x] + NEXT]
        for tap in range(2, len(across)):
            for x in range(len(row)):
                row[x] += across[tap, x] * line[left[x] + np.uint64(tap)]
        for x in range(len(row)):
            row[x] = min(row[x], ONE)
            row_sum += row[x]
        total += row_sum
    return np.float32(total / out.size)


@part
def adjust_contrast(out, mean, contrast):
    """Scale `out` about its mean, clip to 0..1, and subtract that mean, in place; its mean then, and its deviation."""
    total, squares = 0.0, 0.0
    for i in range(len(out)):
        row, row_sum, row_squares = out[i], ZERO, ZERO
        for x in range(len(row)):
            row[x] = min(max((row[x] - mean) * contrast + mean, ZERO), ONE) - mean
            row_sum += row[x]
            row_squares += row[x] * row[x]
        total, squares = total + row_sum, squares + row_squares
    total /= out.size
    return np.float32(total), np.sqrt(max(squares / out.size - total**2, 0.0))


@part
def normalise(out, mean, deviation):
    """Subtract the mean and divide by the deviation, in place."""
    scale = np.float32(1 / (deviation + 1e-7))
    for i in range(len(out)):
        row = out[i]
        for x in range(len(row)):
            row[x] = (row[x] - mean) * scale
