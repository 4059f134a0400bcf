"""A network that is small enough to be trained within a test, by Cellpose's own training, on painted fields.

It is a narrow network of Cellpose 3. One file of weights serves nuclei (DNA alone) and cells (RNA and DNA).
"""

import hashlib
import logging
from pathlib import Path

import numpy as np
import torch
from wellread.networks.torchvision_shim import mend_torchvision
from wellread.painted.layout import CHANNELS
from wellread.painted.paint import expose, microscope
from wellread.painted.phantom import draw

CHANNELS_OF = {"nucleus": ["DNA"], "cell": ["RNA", "DNA"]}
WIDTHS = (2, 8, 16, 32, 48)


def field(seed: int, size: int = 256, mean_count: float = 18.0) -> tuple[dict[str, np.ndarray], np.ndarray]:
    """A painted field of any plate and mechanism, as if calibrated, and the truth (2, size, size), nucleus and cell."""
    rng = np.random.default_rng([7, seed])
    light, masks = draw(rng, mean_count, size, np.eye(4)[seed % 4] * rng.uniform(0, 0.9))
    counts = expose(rng, light, microscope(seed, size, 1.0, seed=0)).astype(np.float32)
    low, high = np.percentile(counts, [0.1, 99.9], axis=(1, 2), keepdims=True).astype(np.float32)
    return dict(zip(CHANNELS, np.clip((counts - low) / (high - low), 0, 1), strict=True)), masks


def network_input(planes: dict, names: list[str]) -> np.ndarray:
    """The input of the network: (3, H, W)."""
    return np.stack([planes[name] for name in names] + [np.zeros_like(planes["DNA"])] * (3 - len(names)))


def untrained(folder) -> Path:
    """Write the weights of such a network before its training, for what only has to read them."""
    from wellread.segment.cpnet import CPnet

    with torch.random.fork_rng():
        torch.manual_seed(0)
        network = CPnet(WIDTHS)
    network.diam_mean.fill_(17)
    network.save_model(folder / "tiny")
    return folder / "tiny"


def noise(seed: int, size: int = 256) -> dict[str, np.ndarray]:
    """A field without cells, as if calibrated: a grey with noise, of which half is common to the channels."""
    rng = np.random.default_rng([8, seed])
    common = rng.standard_normal((size, size))
    parts = {name: common + rng.standard_normal((size, size)) for name in CHANNELS}
    return {name: (0.2 + 0.01 * part).astype(np.float32) for name, part in parts.items()}


def train(folder, fields: int = 8) -> Path:
    """Write weights below `folder` and return their path. 150 steps of 3 images, the rate halved from step 100 on.

    One field in nine is noise: what a network makes of noise it never met is chance, and differs by processor.
    """
    mend_torchvision()
    from cellpose import train, utils
    from wellread.segment.cpnet import CPnet

    logging.getLogger("cellpose").setLevel(logging.WARNING)
    painted = [field(seed) for seed in range(fields)]
    images = [network_input(planes, names) for planes, _ in painted for names in CHANNELS_OF.values()]
    masks = [mask for _, both in painted for mask in both]
    diameter = np.mean([utils.diameters(mask)[0] for mask in masks])
    bare = [network_input(noise(seed), names) for seed in range(fields // 8) for names in CHANNELS_OF.values()]
    images, masks = images + bare, masks + [np.zeros_like(masks[0])] * len(bare)
    with torch.random.fork_rng():
        torch.manual_seed(0)
        network = CPnet(WIDTHS)
        network.diam_mean.fill_(diameter)  # fields are not rescaled
        settings = {"channel_axis": 0, "n_epochs": 150, "nimg_per_epoch": 3, "batch_size": 3, "bsize": 112}
        settings |= {"learning_rate": 0.01, "weight_decay": 0.01, "min_train_masks": 0}
        settings |= {"save_path": folder, "model_name": "tiny"}
        return Path(train.train_seg(network, images, masks, **settings)[0])


def sha256(path) -> str:
    return hashlib.sha256(Path(path).read_bytes()).hexdigest()


def count_matches(true: np.ndarray, labels: np.ndarray) -> tuple[int, int, int]:
    """Numbers of true objects, of labelled ones, and of matches, which have more than half of their union in common."""
    t, m = len(np.unique(true)) - 1, len(np.unique(labels)) - 1
    hits = 0
    for i in range(1, true.max() + 1):
        here = true == i
        for j in np.unique(labels[here]):
            hits += j > 0 and 2 * (here & (labels == j)).sum() > (here | (labels == j)).sum()
    return t, m, hits
