"""What looks read: the files of all plates of a dataset, opened one plate at a time."""

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
import pandas as pd

from wellread.calibrate.plate import Plate, open_plate
from wellread.pictures import montage


@dataclass(frozen=True)
class Shown:
    """The files of a plate: fields, calibration, cells, lost, and masks and objects if it has any."""

    files: dict[str, str]

    @classmethod
    def all(cls, inputs: dict) -> list["Shown"]:
        """One for every plate, of lists of paths by kind, all in the same order."""
        kinds = {kind: list(paths) for kind, paths in inputs.items() if len(paths)}
        return [cls({kind: str(paths[i]) for kind, paths in kinds.items()}) for i in range(len(kinds["fields"]))]

    @property
    def name(self) -> str:
        return Path(self.files["fields"]).parent.name

    @cached_property
    def plate(self) -> Plate:
        return open_plate(self.files["fields"], self.files["calibration"])

    @cached_property
    def cells(self) -> pd.DataFrame:
        """Everything that was found, with `reason` ("" for the cells that have a crop) and `flags`."""
        kept = pd.read_parquet(self.files["cells"]).assign(reason="")
        lost = pd.read_parquet(self.files["lost"])
        if "objects" not in self.files:
            return kept
        found = pd.read_parquet(self.files["objects"])
        told = pd.concat([kept[["field", "label", "reason", "flags"]], lost[["field", "label", "reason", "flags"]]])
        return found.merge(told, on=["field", "label"], how="left", validate="one_to_one")

    def masks(self, field: int) -> np.ndarray | None:
        """Nucleus and cell labels (2, H, W) of a field, if there are masks."""
        if "masks" not in self.files:
            return None
        return montage.read_masks(self.files["masks"], field)
