"""Reference vectors, where a checkout has them: outputs of the public implementation on random data."""

import re

import numpy as np
import pytest
import torch
from paths import SHARED

FOLDER = SHARED / "golden"


def path(name):
    if not (FOLDER / name).exists():
        pytest.skip(f"no reference vectors here: {name}")
    return FOLDER / name


class Arrays:
    """The arrays of golden.npz as tensors: `arrays["vit_x"]`."""

    def __init__(self):
        self.file = np.load(path("golden.npz"))

    def __getitem__(self, name):
        return torch.from_numpy(self.file[name])


def states(name):
    """A file of state dicts, block chunks removed from the names."""
    return unchunked(torch.load(path(name), weights_only=True))


def unchunked(tree):
    if not isinstance(tree, dict):
        return tree
    return {re.sub(r"blocks\.\d+\.(\d+)\.", r"blocks.\1.", key): unchunked(value) for key, value in tree.items()}
