"""Block masks of iBOT: which patches of a global view are masked for the student (Bao et al. 2022)."""

import math
import random
from itertools import pairwise

import numpy as np
import torch

MIN_PATCHES = 4  # in a block
TRIES = 10  # attempts to place a block


def patch_masks(rng: random.Random, images, size, patch, probability, ratio):
    """Masks (images, N) bool: a share `probability` of the images is masked, in random order; all others are not.

    `ratio`: lowest and highest share of masked patches; its range is divided evenly between the masked images. `size`
    of the view and of a `patch` in pixels, N = (size / patch)².
    """
    grid, masked = size // patch, int(images * probability)
    steps = np.linspace(*ratio, masked + 1)
    counts = [int(grid**2 * rng.uniform(low, high)) for low, high in pairwise(steps)]
    counts += [0] * (images - masked)
    masks = [block_mask(rng, count, grid, largest_block(size, patch)) for count in counts]
    rng.shuffle(masks)
    return torch.from_numpy(np.stack(masks)).flatten(1)


def largest_block(size, patch):
    """Patches in the largest single block: half of the view, rounded down to whole patches per side."""
    return int(0.5 * size // patch * size // patch)


def block_mask(rng, count, grid, largest):
    """Mask (grid, grid) bool: blocks are added until `count` patches are covered or no more block fits."""
    mask, missing, added = np.zeros((grid, grid), bool), count, 1
    while missing > 0 and added:
        added = add_block(rng, mask, min(missing, largest))
        missing -= added
    return mask


def add_block(rng, mask, most):
    """Mask a random rectangle, in place, that adds 1 to `most` patches; returns how many it added, 0 if none fitted."""
    grid = len(mask)
    for _ in range(TRIES):
        area = rng.uniform(MIN_PATCHES, most)
        aspect = math.exp(rng.uniform(math.log(0.3), -math.log(0.3)))
        height, width = round(math.sqrt(area * aspect)), round(math.sqrt(area / aspect))
        if height >= grid or width >= grid:
            continue
        top, left = rng.randint(0, grid - height), rng.randint(0, grid - width)
        block = mask[top : top + height, left : left + width]
        added = block.size - int(block.sum())
        if 0 < added <= most:
            block[:] = True
            return added
    return 0
