"""The results of one plate that alarms look at."""

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
import pandas as pd

from wellread.runtime import table_files

ENOUGH = 20  # objects of a plate, below which they tell nothing of its masks


@dataclass(frozen=True)
class PlateResult:
    """The results of one plate that the rules look at; `dataset`: its channels, pixel size and section `segment`."""

    paths: dict[str, Path]
    dataset: dict

    @cached_property
    def fields(self) -> pd.DataFrame:
        """The usable fields of view."""
        table = table_files.read(self.paths["fields"], "fields")
        return table[table["status"] == "ok"]

    @cached_property
    def objects(self) -> pd.DataFrame:
        """Everything that segmentation found; nothing if the plate has no masks."""
        return table_files.read(self.paths["objects"], "objects") if "objects" in self.paths else pd.DataFrame()

    @property
    def channels(self) -> list[str]:
        return self.dataset["channels"]

    @property
    def bodies(self) -> bool:
        """Whether cells were found by a channel, a network or masks of their own: else they are nuclei, grown."""
        ((name, options),) = (self.dataset["segment"] or {"": {}}).items()
        return name == "hpa" or bool(options.get("cell")) or options.get("reach") == 0

    @property
    def nucleus_areas(self) -> pd.Series:
        """Areas of nuclei that are whole, px²; none if too few objects have one."""
        if len(self.objects) < ENOUGH:
            return pd.Series(dtype=float)
        return self.objects.loc[(self.objects["nucleus_area"] > 0) & ~self.objects["at_edge"], "nucleus_area"]

    @property
    def nucleus_diameter(self) -> float:
        """The median diameter of a disc as large as a nucleus, px."""
        return float(2 * np.sqrt(self.nucleus_areas.median() / np.pi))
