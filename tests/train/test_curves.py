"""Curves of losses that must not move: 200 crops, a tiny network in double precision, every method.

Run as a script, it writes what it finds to curves.json: only where a change of the numbers is meant.
"""

import json
import sys
from pathlib import Path

import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).parents[1]))  # as a script
import together
import torch
from wellread.train.dataset import shuffled_batches
from wellread.train.labels import Labels

FILE = Path(__file__).with_name("curves.json")
DINO = {"local_views": 2, "local_image": 8, "prototypes": 24, "hidden": 32, "bottleneck": 8, "temperature_epochs": 1}
RUNS = {  # method, options, steps
    "dino": ("dino", DINO, 30),
    "sinkhorn_knopp": ("dino", DINO | {"centring": "sinkhorn_knopp"}, 6),
    "simclr": ("simclr", {"hidden": 32, "dimension": 8}, 6),
    "mae": ("mae", {"decoder_dim": 16, "decoder_depth": 1, "decoder_heads": 2}, 6),
    "supervised": ("supervised", {"label": "kind", "smoothing": 0.1}, 6),
}
LOSSES = ("global", "local", "koleo", "ibot", "contrast", "paint", "classify", "gradient")


class Blobs:
    """200 crops of a spot of light, in one of two channels, each with its class."""

    shape = (200, 2, 20, 20)

    def __init__(self):
        rng, (y, x) = np.random.default_rng(5), np.mgrid[:20, :20]
        centre, width = rng.uniform(6, 14, (2, 200, 1, 1)), rng.uniform(2, 6, (200, 1, 1))
        spot = np.exp(-((y - centre[0]) ** 2 + (x - centre[1]) ** 2) / width**2)
        kind = np.arange(200) % 2
        light = 20 + 180 * spot[:, None] * np.stack([kind == 0, kind == 1], 1)[..., None, None]
        self.crops = torch.from_numpy((light + rng.integers(0, 20, light.shape)).astype(np.uint8))
        self.targets = torch.from_numpy(np.stack([kind == 0, kind == 1], 1))

    def __len__(self):
        return len(self.crops)

    def __getitem__(self, rows):
        return self.crops[rows], self.targets[rows]

    def batches(self, *how):
        return shuffled_batches(len(self), *how)

    def windows(self, _rows):
        return 20


def curve(method, options, steps):
    """Losses, and norms of the gradient, step by step."""
    fit = {"batch": 20, "epochs": 3, "epoch_length": steps // 3, "base_lr": 2e-3, "layer_decay": 0.8}
    labels = Labels(["left", "right"], np.eye(2) > 0, np.arange(200) % 2) if method == "supervised" else None
    rows = together.trained(method, options, fit, Blobs(), labels)["rows"]
    return {name: [row[name] for row in rows] for name in LOSSES if name in rows[0]}


@pytest.mark.dag
@pytest.mark.parametrize("name", RUNS)
def test_the_curve_has_not_moved(name):
    found, kept = curve(*RUNS[name]), json.loads(FILE.read_text())[name]
    assert found.keys() == kept.keys()
    for loss, values in kept.items():
        assert found[loss] == pytest.approx(values, rel=1e-4), loss


if __name__ == "__main__":
    torch.set_num_threads(1)
    found = {name: curve(*run) for name, run in RUNS.items()}
    lines = [
        f'"{name}": {{\n'
        + ",\n".join(f'  "{loss}": {json.dumps([float(f"{v:.7g}") for v in vs])}' for loss, vs in losses.items())
        + "\n}"
        for name, losses in found.items()
    ]
    FILE.write_text("{\n" + ",\n".join(lines) + "\n}\n")
