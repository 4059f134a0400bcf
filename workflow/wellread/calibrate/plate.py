"""The fields of one plate as the steps after calibration see them."""

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np
import pandas as pd

from wellread.inputs import images


@dataclass(frozen=True)
class Plate:
    """fields.parquet and calibration.npz opened: any field can be read, calibrated, by its number."""

    fields: pd.DataFrame
    channels: list[str]
    illumination: np.ndarray  # (C, H, W) or (C, 1, 1)
    dark: np.ndarray  # (C,) counts
    limits: np.ndarray  # (C, 2) of counts without dark and illumination

    @property
    def good(self) -> list[int]:
        """The numbers of the usable fields."""
        return self.fields.index[self.fields["status"] == "ok"].tolist()

    @property
    def shape(self) -> tuple[int, int]:
        """Height and width (px) of every usable field; where there is none, of any that tells."""
        paths = self.fields[f"path_{self.channels[0]}"]
        shapes = map(images.shape, [*paths[self.good], *paths])
        return next(filter(None, shapes), (1, 1))

    def read(self, field: int) -> np.ndarray:
        """Field number `field`, calibrated to 0..1: (C, H, W) float32."""
        paths = self.fields.loc[field, [f"path_{channel}" for channel in self.channels]].tolist()
        raw = np.stack([images.read(path) for path in paths])
        return images.calibrate(raw, self.illumination, self.dark, self.limits)

    def named(self, field: int) -> dict[str, np.ndarray]:
        """Field number `field`, calibrated: {channel: (H, W)}."""
        return dict(zip(self.channels, self.read(field), strict=True))

    def place(self, field: int) -> dict:
        """Plate, well, site and number of a field, and the stem of the name of its first channel's file."""
        plate, well, site, path = self.fields.loc[field, ["plate", "well", "site", f"path_{self.channels[0]}"]]
        return {"plate": plate, "well": well, "site": site, "field": int(field), "stem": Path(path).stem}


@lru_cache(maxsize=2)
def open_plate(fields_path: str, calibration_path: str) -> Plate:
    """Open a plate by its two files; cached, so that worker processes are sent paths and open a plate once."""
    with np.load(calibration_path) as saved:
        arrays = {name: saved[name] for name in ("illumination", "dark", "limits")}
        return Plate(pd.read_parquet(fields_path), saved["channels"].tolist(), **arrays)
