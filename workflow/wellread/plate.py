"""The fields of one plate as the steps after calibration see them."""

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import pandas as pd

from wellread import images


@dataclass(frozen=True)
class Plate:
    """fields.parquet and calibration.npz opened: any field can be read, calibrated, by its number."""

    fields: pd.DataFrame
    channels: list[str]
    illumination: np.ndarray  # (C, H, W) or (C, 1, 1)
    limits: np.ndarray  # (C, 2)

    @property
    def good(self) -> list[int]:
        """The numbers of the usable fields."""
        return self.fields.index[self.fields["status"] == "ok"].tolist()

    @property
    def shape(self) -> tuple[int, int]:
        """Height and width (px) of every usable field."""
        return images.shape(self.fields.loc[self.good[0], f"path_{self.channels[0]}"])

    def read(self, field: int) -> np.ndarray:
        """Field number `field`, calibrated to 0..1: (C, H, W) float32."""
        paths = self.fields.loc[field, [f"path_{channel}" for channel in self.channels]].tolist()
        raw = np.stack([images.read(path) for path in paths])
        return images.calibrate(raw, self.illumination, self.limits)


@lru_cache(maxsize=2)
def open_plate(fields_path: str, calibration_path: str) -> Plate:
    """Open a plate by its two files; cached, so that worker processes are sent paths and open a plate once."""
    with np.load(calibration_path) as saved:
        channels = saved["channels"].tolist()
        return Plate(pd.read_parquet(fields_path), channels, saved["illumination"], saved["limits"])
