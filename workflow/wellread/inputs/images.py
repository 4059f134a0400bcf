"""Reading the image files of raw fields."""

from pathlib import Path

import numpy as np
import tifffile


class BadField(Exception):
    """A field that cannot be used: a one-word `status` and a `detail` for the user."""

    def __init__(self, status: str, detail: str):
        super().__init__(detail)
        self.status, self.detail = status, detail

    def __reduce__(self):
        """So that worker processes can raise it, too."""
        return BadField, (self.status, self.detail)


def read(path) -> np.ndarray:
    """One grey image as an array of unsigned integers (H, W); raise BadField if it is missing or damaged."""
    if not path or not Path(path).is_file():
        raise BadField("missing", f"no file at {path}" if path else "no file listed")
    try:
        image = _decode(Path(path))
    except Exception as error:  # every decoder has exceptions of its own for a damaged file
        raise BadField("unreadable", f"{path}: truncated or damaged ({error})") from error
    if image.ndim != 2:
        raise BadField("shape", f"{path}: expected one grey image (H, W), found shape {image.shape}")
    if image.dtype not in (np.uint8, np.uint16):
        raise BadField("unreadable", f"{path}: expected 8- or 16-bit counts, found {image.dtype}")
    return image


def shape(path) -> tuple[int, int] | None:
    """The (H, W) that a file declares, or None if it cannot be read."""
    try:
        if Path(path).suffix.lower() in (".tif", ".tiff"):
            with tifffile.TiffFile(path) as tiff:
                return tiff.pages[0].shape[:2]
        return _decode(Path(path)).shape[:2]
    except Exception:  # a damaged file declares nothing
        return None


def stack(paths: list[str], expected: tuple[int, int]) -> np.ndarray:
    """The channels of one field (C, H, W); raise BadField unless all are readable and of the expected shape."""
    planes = [read(path) for path in paths]
    for path, plane in zip(paths, planes, strict=True):
        if plane.shape != expected:
            raise BadField("shape", f"{path}: expected {expected} like most of the plate, found {plane.shape}")
    return np.stack(planes)


def _decode(path: Path) -> np.ndarray:
    if path.suffix.lower() in (".tif", ".tiff"):
        return np.squeeze(tifffile.imread(path))
    from PIL import Image

    with Image.open(path) as picture:
        return np.asarray(picture)
