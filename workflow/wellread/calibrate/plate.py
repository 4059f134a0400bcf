"""The calibrated fields of one plate: raw counts of a field to intensities 0..1, or to 256 levels."""

from dataclasses import dataclass
from functools import cached_property, lru_cache

import numpy as np
import pandas as pd

from wellread.inputs import images
from wellread.inputs.references import parse
from wellread.runtime import table_files

COUNTS = np.arange(2**16, dtype=np.uint16)  # all that a camera can give


def flat_field(raw: np.ndarray, illumination: np.ndarray, dark: np.ndarray) -> np.ndarray:
    """Flat-field correction of raw counts (C, H, W), (raw - dark) / illumination: float32.

    `illumination` (C, H, W) or (C, 1, 1), mean 1; `dark` (C,), counts without light.
    """
    return (raw - np.asarray(dark, np.float32)[:, None, None]) / illumination


def calibrated(raw: np.ndarray, illumination: np.ndarray, dark: np.ndarray, limits: np.ndarray) -> np.ndarray:
    """Raw counts (C, H, W), flat-field corrected and rescaled so that `limits` become 0 and 1, clipped: float32.

    `limits` (C, 2) are corrected counts, as a rule percentiles of the plate; see `flat_field` for the others.
    """
    low, high = (limits[:, side, None, None].astype(np.float32) for side in (0, 1))
    planes = flat_field(raw, illumination, dark)
    planes -= low  # in place: new arrays of this size cost more than the arithmetic
    planes /= np.maximum(high - low, 1e-6)
    return np.clip(planes, 0, 1, out=planes).astype(np.float32, copy=False)


def to_levels(intensities: np.ndarray) -> np.ndarray:
    """Intensities 0..1 as levels 0..255: uint8 of the same shape."""
    return np.round(intensities * 255).astype(np.uint8)


@dataclass(frozen=True)
class Plate:
    """fields.parquet and calibration.npz opened: any field can be read, calibrated, by its number.

    Every method that reads an image raises `images.BadField` if it is missing or damaged.
    """

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
        """Height and width (px) of every usable field; where there is none, of any that can be read."""
        paths = self.fields[f"path_{self.channels[0]}"]
        shapes = map(images.read_shape, [*paths[self.good], *paths])
        return next(filter(None, shapes), (1, 1))

    def path(self, field: int, channel: int) -> str:
        """The image file of one channel, by its number, of field number `field`."""
        return self.fields.at[field, f"path_{self.channels[channel]}"]

    def read(self, field: int) -> np.ndarray:
        """Field number `field`, calibrated to 0..1: (C, H, W) float32."""
        return np.stack([self.read_channel(field, channel) for channel in range(len(self.channels))])

    def read_by_channel(self, field: int) -> dict[str, np.ndarray]:
        """Field number `field`, calibrated: {channel: (H, W)}."""
        return dict(zip(self.channels, self.read(field), strict=True))

    def read_channel(self, field: int, channel: int) -> np.ndarray:
        """One channel, by its number, of a field, calibrated to 0..1: (H, W) float32."""
        return self._calibrated(images.read(self.path(field, channel)), channel)

    def read_levels(self, field: int, channel: int, out: np.ndarray) -> None:
        """Fill `out` (H, W) uint8 with one channel of a field, calibrated, as levels 0..255.

        Where the illumination is even they are looked up by count, which is faster than to compute them.
        """
        if self._levels is None:
            out[:] = to_levels(self.read_channel(field, channel))
        else:
            np.take(self._levels[channel], images.read(self.path(field, channel)), out=out, mode="clip")

    def metadata(self, field: int) -> dict:
        """Plate, well, site and number of a field, and the stem of the name of its first channel's (first) file."""
        plate, well, site, path = self.fields.loc[field, ["plate", "well", "site", f"path_{self.channels[0]}"]]
        return {"plate": plate, "well": well, "site": site, "field": int(field), "stem": parse(path).path.stem}

    def _calibrated(self, raw: np.ndarray, channel: int) -> np.ndarray:
        own = slice(channel, channel + 1)
        return calibrated(raw[None], self.illumination[own], self.dark[own], self.limits[own])[0]

    @cached_property
    def _levels(self) -> np.ndarray | None:
        """The level of every count of every channel (C, 65536) uint8; None where it differs from pixel to pixel."""
        if self.illumination[0].size > 1:
            return None
        return np.stack([to_levels(self._calibrated(COUNTS[None], c)[0]) for c in range(len(self.channels))])


@lru_cache(maxsize=2)
def open_plate(fields_path: str, calibration_path: str) -> Plate:
    """Open a plate by its two files; cached, so that worker processes are sent paths and open a plate once."""
    with np.load(calibration_path) as saved:
        arrays = {name: saved[name] for name in ("illumination", "dark", "limits")}
        return Plate(table_files.read(fields_path, "fields"), saved["channels"].tolist(), **arrays)
