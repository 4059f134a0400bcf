"""What a segmenter may know before it sees the first field."""

from dataclasses import dataclass, field

import numpy as np


@dataclass(frozen=True)
class Scene:
    """A plate as segmenters see it: some calibrated fields (dicts of channels (H, W) float32, 0..1), and the machine.

    `pixel_size` is in micrometres per pixel, 0 if unknown; `device` is auto, cpu or cuda.
    """

    sample: list[dict[str, np.ndarray]] = field(default_factory=list)
    pixel_size: float = 0.0
    device: str = "cpu"
    threads: int = 1
