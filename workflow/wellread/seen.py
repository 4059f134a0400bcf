"""What there is to see in a training."""

import numpy as np
import torch

from wellread.reader import Crops


class Seen:
    """The cells an encoder learns from (with `truth`: those with a label), or each of their channels as a picture."""

    def __init__(self, crops: Crops, truth=None, each_channel=False):
        self.crops, self.truth, self.each_channel = crops, truth, each_channel
        self.rows = None if truth is None else np.flatnonzero(truth.targets.any(1))
        self.channels = crops.shape[1] if each_channel else 1
        shape = (1, *crops.shape[2:]) if each_channel else crops.shape[1:]
        self.shape = ((len(crops) if truth is None else len(self.rows)) * self.channels, *shape)

    def __len__(self):
        return self.shape[0]

    def __getitem__(self, items):  # n numbers -> (n, C, S, S) uint8, and (n, classes) bool or None
        cells, channel = np.divmod(items, self.channels)
        cells = cells if self.rows is None else self.rows[cells]
        crops = torch.from_numpy(self.crops[cells])
        if self.each_channel:
            crops = crops[torch.arange(len(crops)), channel][:, None]
        return crops, None if self.truth is None else torch.from_numpy(self.truth.targets[cells])
