"""What a segmenter knows before the first field: some fields of the plate, the pixel size, the machine."""

from dataclasses import dataclass, field

import numpy as np

from wellread.runtime.errors import InputError


@dataclass(frozen=True)
class Scene:
    """The first argument of a segmenter: `sample`, some calibrated fields (dicts of channels (H, W) float32, 0..1).

    `pixel_size` is in micrometres per pixel, 0 if unknown; `device` is auto, cpu or cuda; `threads` are CPU cores.
    """

    sample: list[dict[str, np.ndarray]] = field(default_factory=list)
    pixel_size: float = 0.0
    device: str = "cpu"
    threads: int = 1

    def pixels(self, micrometres: float, option: str) -> float:
        """A size in px; 0 stays 0, and any other is an InputError where the pixel size is unknown."""
        if micrometres and not self.pixel_size:
            raise InputError(
                "the size of a pixel, to convert a size in micrometres",
                "pixel_size: 0 (unknown)",
                option,
                f"the dataset's key pixel_size (micrometres per pixel), or leave {option.rpartition('.')[2]} at 0",
            )
        return micrometres / self.pixel_size if micrometres else 0.0

    def reach(self, length: float) -> float:
        """A length in px: it is in micrometres where the pixel size is known, in px otherwise."""
        return length / self.pixel_size if self.pixel_size else length
