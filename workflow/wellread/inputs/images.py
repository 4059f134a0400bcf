"""Reading the image files of raw fields."""

from pathlib import Path

import numpy as np
import tifffile


class BadField(Exception):
    """A field that cannot be used: a one-word `status` (missing, unreadable, shape, blank) and a `detail` to show."""

    def __init__(self, status: str, detail: str):
        super().__init__(detail)
        self.status, self.detail = status, detail

    def __reduce__(self):
        """Pickled by its two arguments, so that worker processes can raise it, too."""
        return BadField, (self.status, self.detail)


def read(path) -> np.ndarray:
    """The counts (H, W), uint8 or uint16, of one grey image; BadField if it is missing, damaged or something else."""
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


def read_shape(path) -> tuple[int, int] | None:
    """The (H, W) in the header of an image file, or None if it cannot be read."""
    try:
        if Path(path).suffix.lower() in (".tif", ".tiff"):
            with tifffile.TiffFile(path) as tiff:
                return tiff.pages[0].shape[:2]
        return _decode(Path(path)).shape[:2]
    except Exception:  # damaged files have no shape
        return None


def read_stack(paths: list[str], expected: tuple[int, int]) -> np.ndarray:
    """The counts (C, H, W) of a field, a file per channel; BadField unless all are readable and of `expected` shape."""
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
