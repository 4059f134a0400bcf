"""The result files of a plate that the figures of fields, cells and plates are drawn from."""

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
import pandas as pd

from wellread.calibrate.plate import Plate, open_plate
from wellread.pictures import montage
from wellread.runtime import table_files
from wellread.segment.objects import BOX


@dataclass(frozen=True)
class PlateFiles:
    """Paths of a plate's fields, calibration, cells and lost, and of masks, objects and rejected if there are any."""

    paths: dict[str, str]

    @classmethod
    def of_dataset(cls, inputs: dict) -> list["PlateFiles"]:
        """One for every plate, from lists of paths by kind, all with the plates in the same order."""
        kinds = {kind: list(paths) for kind, paths in inputs.items() if len(paths)}
        return [cls({kind: str(paths[i]) for kind, paths in kinds.items()}) for i in range(len(kinds["fields"]))]

    @property
    def name(self) -> str:
        """The name of the plate, which is that of its folder."""
        return Path(self.paths["fields"]).parent.name

    @cached_property
    def plate(self) -> Plate:
        """The plate opened, to read calibrated fields."""
        return open_plate(self.paths["fields"], self.paths["calibration"])

    @cached_property
    def cells(self) -> pd.DataFrame:
        """The table of all objects, with `flags` and `reason`, "" for those with a crop, else why there is none."""
        kept = table_files.read(self.paths["cells"], "cells").assign(reason="")
        lost = table_files.read(self.paths["lost"], "lost")
        if "objects" not in self.paths:
            return kept
        objects = table_files.read(self.paths["objects"], "objects")
        columns = ["field", "label", "reason", "flags"]
        return objects.merge(
            pd.concat([kept[columns], lost[columns]]), on=columns[:2], how="left", validate="one_to_one"
        )

    @cached_property
    def rejected(self) -> pd.DataFrame:
        """The table of what segmentation found and is no nucleus, with its `reason`; nothing if there is none."""
        if "rejected" not in self.paths:
            return pd.DataFrame(columns=["field", "reason", *BOX])
        return table_files.read(self.paths["rejected"], "rejected")

    def masks(self, field: int) -> np.ndarray | None:
        """Nucleus and cell labels (2, H, W) of a field, None without masks."""
        return montage.read_masks(self.paths["masks"], field) if "masks" in self.paths else None
