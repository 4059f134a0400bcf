"""The crops that an encoder is trained on, and which of them make a batch."""

from itertools import count

import numpy as np
import pyarrow.parquet as pq
import torch

from wellread.crops.reader import Crops


class TrainingSet:
    """The cells an encoder learns from (with `labels`: those that have one), or, of `each_channel`, their channels.

    `window_sides` (N,): side in pixels of the window of each cell, in the centre of its crop; None: the whole crop.
    `groups` (N,): number of the group of each cell, if all groups are to weigh the same. `pinned`: whether crops are
    read into pinned memory, for a GPU. `shape` (items, C, S, S); with `each_channel` an item is one channel of a cell,
    and C is 1.
    """

    def __init__(self, crops: Crops, labels=None, each_channel=False, window_sides=None, groups=None, pinned=False):
        self.crops, self.labels, self.each_channel, self.pinned = crops, labels, each_channel, pinned
        all_whole = window_sides is None or (window_sides == crops.shape[-1]).all()
        self.window_sides = None if all_whole else torch.from_numpy(window_sides)
        self.rows = None if labels is None else np.flatnonzero(labels.labelled)
        self.groups = groups if groups is None or self.rows is None else groups[self.rows]
        self.channels = crops.shape[1] if each_channel else 1
        shape = (1, *crops.shape[2:]) if each_channel else crops.shape[1:]
        self.shape = ((len(crops) if labels is None else len(self.rows)) * self.channels, *shape)

    def __len__(self):
        return self.shape[0]

    def __getitem__(self, items):  # n indices -> (n, C, S, S) uint8, and (n, classes) bool or None
        cells, channel = self._cells_and_channels(items)
        crops = torch.empty((len(items), *self.shape[1:]), dtype=torch.uint8, pin_memory=self.pinned)
        self.crops.read(cells, crops.numpy(), channel if self.each_channel else None)
        return crops, None if self.labels is None else torch.from_numpy(self.labels.targets(cells))

    def batches(self, size, seed, first):
        """Endless arrays of `size` items, those of step `first` on: see `shuffled_batches` and `balanced_batches`."""
        if self.groups is None:
            return shuffled_batches(len(self), size, seed, first)
        return balanced_batches(self.groups, self.channels, size, seed, first)

    def windows(self, items):
        """Where views of n items may lie, as `side` of `views.draw_view`: S, or (S, window sides (n,))."""
        side = self.shape[-1]
        return side if self.window_sides is None else (side, self.window_sides[self._cells_and_channels(items)[0]])

    def _cells_and_channels(self, items):
        cells, channel = np.divmod(items, self.channels)
        return cells if self.rows is None else self.rows[cells], channel


def shuffled_batches(cells, batch, seed, first):
    """Endless arrays of `batch` indices, from step `first` on: a permutation per pass, incomplete batches dropped."""
    per_pass = cells // batch
    for number in count(first // per_pass):
        order = np.random.default_rng([seed, number]).permutation(cells)
        for start in range(first % per_pass * batch, per_pass * batch, batch):
            yield order[start : start + batch]
        first = 0


def balanced_batches(groups, channels, batch, seed, first):
    """The same with equal weight for every group of cells, drawn with replacement, from the seed and the step alone.

    A group, then a cell of it, then one of its `channels`, each evenly; `groups` (cells,): number of the group of each.
    """
    order, counts = np.argsort(groups, kind="stable"), np.unique(groups, return_counts=True)[1]
    starts = np.cumsum(counts) - counts
    for step in count(first):
        rng = np.random.default_rng([seed, step])
        group = rng.integers(len(counts), size=batch)
        cells = order[starts[group] + rng.integers(counts[group])]
        yield cells * channels + rng.integers(channels, size=batch)


def read_window_sides(tables, side: int) -> np.ndarray:
    """The column `side` of tables of cells, one after another (N,); where a table lacks it, that of the whole crop."""
    return np.concatenate([_read_sides(path, side) for path in tables])


def _read_sides(path, side):
    if "side" not in pq.read_schema(path).names:
        return np.full(pq.read_metadata(path).num_rows, side)
    return pq.read_table(path, columns=["side"])["side"].to_numpy()
