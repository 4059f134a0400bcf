"""What there is to see in a training."""

import numpy as np
import pyarrow.parquet as pq
import torch

from wellread.crops.reader import Crops


class Seen:
    """The cells an encoder learns from (with `truth`: those with a label), or each of their channels as a picture.

    `sides` (N,): the px of every crop that hold its cell's window, in the centre; None: all of them.
    """

    def __init__(self, crops: Crops, truth=None, each_channel=False, sides=None):
        self.crops, self.truth, self.each_channel = crops, truth, each_channel
        self.sides = None if sides is None or (sides == crops.shape[-1]).all() else torch.from_numpy(sides)
        self.rows = None if truth is None else np.flatnonzero(truth.targets.any(1))
        self.channels = crops.shape[1] if each_channel else 1
        shape = (1, *crops.shape[2:]) if each_channel else crops.shape[1:]
        self.shape = ((len(crops) if truth is None else len(self.rows)) * self.channels, *shape)

    def __len__(self):
        return self.shape[0]

    def __getitem__(self, items):  # n numbers -> (n, C, S, S) uint8, and (n, classes) bool or None
        cells, channel = self._cells(items)
        crops = torch.from_numpy(self.crops[cells])
        if self.each_channel:
            crops = crops[torch.arange(len(crops)), channel][:, None]
        return crops, None if self.truth is None else torch.from_numpy(self.truth.targets[cells])

    def frames(self, items):
        """Where views of n items may lie, as `views.draw` wants it: S, or (S, sides (n,))."""
        side = self.shape[-1]
        return side if self.sides is None else (side, self.sides[self._cells(items)[0]])

    def _cells(self, items):
        cells, channel = np.divmod(items, self.channels)
        return cells if self.rows is None else self.rows[cells], channel


def sides(tables, side: int) -> np.ndarray:
    """The column `side` of tables of cells, one after another (N,); crops of tables without it are full of image."""
    return np.concatenate([_sides(path, side) for path in tables])


def _sides(path, side):
    if "side" not in pq.read_schema(path).names:
        return np.full(pq.read_metadata(path).num_rows, side)
    return pq.read_table(path, columns=["side"])["side"].to_numpy()
