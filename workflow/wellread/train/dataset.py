"""The crops that an encoder is trained on."""

import numpy as np
import pyarrow.parquet as pq
import torch

from wellread.crops.reader import Crops


class TrainingSet:
    """The cells an encoder learns from (with `labels`: those that have one), or, of `each_channel`, their channels.

    `window_sides` (N,): side in pixels of the window of each cell, in the centre of its crop; None: the whole crop.
    `shape` (items, C, S, S); with `each_channel` an item is one channel of a cell, and C is 1.
    """

    def __init__(self, crops: Crops, labels=None, each_channel=False, window_sides=None):
        self.crops, self.labels, self.each_channel = crops, labels, each_channel
        all_whole = window_sides is None or (window_sides == crops.shape[-1]).all()
        self.window_sides = None if all_whole else torch.from_numpy(window_sides)
        self.rows = None if labels is None else np.flatnonzero(labels.targets.any(1))
        self.channels = crops.shape[1] if each_channel else 1
        shape = (1, *crops.shape[2:]) if each_channel else crops.shape[1:]
        self.shape = ((len(crops) if labels is None else len(self.rows)) * self.channels, *shape)

    def __len__(self):
        return self.shape[0]

    def __getitem__(self, items):  # n indices -> (n, C, S, S) uint8, and (n, classes) bool or None
        cells, channel = self._cells_and_channels(items)
        crops = torch.from_numpy(self.crops[cells])
        if self.each_channel:
            crops = crops[torch.arange(len(crops)), channel][:, None]
        return crops, None if self.labels is None else torch.from_numpy(self.labels.targets[cells])

    def windows(self, items):
        """Where views of n items may lie, as `side` of `views.draw_view`: S, or (S, window sides (n,))."""
        side = self.shape[-1]
        return side if self.window_sides is None else (side, self.window_sides[self._cells_and_channels(items)[0]])

    def _cells_and_channels(self, items):
        cells, channel = np.divmod(items, self.channels)
        return cells if self.rows is None else self.rows[cells], channel


def read_window_sides(tables, side: int) -> np.ndarray:
    """The column `side` of tables of cells, one after another (N,); where a table lacks it, that of the whole crop."""
    return np.concatenate([_read_sides(path, side) for path in tables])


def _read_sides(path, side):
    if "side" not in pq.read_schema(path).names:
        return np.full(pq.read_metadata(path).num_rows, side)
    return pq.read_table(path, columns=["side"])["side"].to_numpy()
