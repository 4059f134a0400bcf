"""What the tables tell of the profiles of one or several datasets before there are any: the metadata of their rows."""

from functools import cached_property

import numpy as np
import pandas as pd

from wellread.profiles import controls, tables
from wellread.profiles.consensus import consensus
from wellread.profiles.pool_datasets import pool_datasets

# columns of profiles that no wells table has
ADDED = {"cell": ("site", "crop_row"), "fov": ("site",), "well": (), "treatment": ("replicates",)}


class Screen:
    """A dataset as far as its two tables tell: the metadata of the profiles of every level, without the profiles."""

    def __init__(self, images: pd.DataFrame, wells: pd.DataFrame, consensus: dict, seed: int, sampled_by=()):
        self.images, self.columns, self.pooling = images, [*wells, "control_use", "object_count"], consensus
        self.sampled_by, self.pooled = sampled_by, {}
        self.wells = wells.assign(control_use=controls.control_use(wells, seed), object_count=1)

    @cached_property
    def imaged(self) -> pd.DataFrame:
        """The wells with images that the wells table knows."""
        return self.wells.merge(self.images[["plate", "well"]].drop_duplicates(), on=["plate", "well"])

    def rows(self, level: str, columns) -> pd.DataFrame:
        """The metadata of profiles of a level, in `columns` and in those that all needs look at."""
        kept = ["plate", "well", "control", "control_use", "object_count", "batch", "dose", *columns]
        kept += self.pooling["by"] if level == "treatment" else []
        frame = self.imaged[[name for name in dict.fromkeys(kept) if name in self.imaged]]
        if level in ("cell", "fov"):  # how many cells a field has is not known yet
            frame = frame.merge(self.images[["plate", "well", "site"]], on=["plate", "well"])
        frame = frame.rename(columns=tables.column)
        return self._treatments(frame) if level == "treatment" and len(frame) else frame

    def _treatments(self, frame: pd.DataFrame) -> pd.DataFrame:
        """The rows of treatments from those of wells, pooled once for the tasks that ask for the same columns."""
        key = tuple(frame)
        if key not in self.pooled:
            self.pooled[key] = consensus(tables.join(frame, np.zeros((len(frame), 0))), **self.pooling)
        return self.pooled[key].copy()

    def known(self, level: str) -> list[str]:
        """The columns of profiles of a level."""
        return [*self.columns, *ADDED[level]]


class Pool:
    """Several datasets, {name: Screen}, as one: what a task that pools them looks at."""

    def __init__(self, screens: dict[str, Screen]):
        self.screens, first = screens, next(iter(screens.values()))
        self.pooling, self.sampled_by = first.pooling, first.sampled_by
        self.imaged = pd.concat([screen.imaged for screen in screens.values()])

    def rows(self, level: str, columns) -> pd.DataFrame:
        """The metadata of profiles of a level, as of `Screen`, and the column `dataset`."""
        return pool_datasets({name: screen.rows(level, columns) for name, screen in self.screens.items()})

    def known(self, level: str) -> list[str]:
        """The columns of profiles of a level that all datasets have, and `dataset`."""
        first, *others = (screen.known(level) for screen in self.screens.values())
        return ["dataset", *(name for name in first if all(name in known for known in others))]
