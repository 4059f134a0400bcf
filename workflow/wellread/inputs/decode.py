"""Opening a file of images of any kind: what its dimensions are, from its header alone, and any plane of it.

Libraries are imported when a file of their kind is opened, since planning looks at headers, too.
"""

from contextlib import contextmanager
from functools import partial
from pathlib import Path

import numpy as np

from wellread.inputs.arrays import open_npy, open_npz, open_zarr
from wellread.inputs.description import Description, Opened
from wellread.inputs.formats import BadField, kind
from wellread.inputs.tiff import open_tiff
from wellread.runtime.errors import InputError


def describe(path) -> Description:
    """What a file of images, or a folder of Zarr, holds; only headers are read. BadField if it cannot be read here."""
    with opened(path) as file:
        return file.description


@contextmanager
def opened(path, name: str = ""):
    """A file of images, `Opened` by its content, until the end of the block; `name` is that of an array in an NPZ.

    BadField, naming the file, for what cannot be read here, within the block, too. Files of several pages stay open
    until some others are: their planes are asked for one after the other.
    """
    path, file = Path(path), None
    try:
        found = kind(path)
        file = OPENERS[found](path, name) if found == "npz" else OPENERS[found](path)
        yield file
    except (BadField, InputError):
        raise
    except Exception as error:  # every decoder has exceptions of its own for a damaged file
        raise BadField("unreadable", f"{path}: truncated or damaged ({error or type(error).__name__})") from error
    finally:
        if file and file.close:
            file.close()


def _open_picture(path: Path, name: str) -> Opened:
    """PNG, JPEG and BMP."""
    from PIL import Image

    with open(path, "rb") as file:
        head = file.read(26)
    with Image.open(path) as picture:
        mode, (width, height) = picture.mode, picture.size
        colours = picture.getpalette("RGB") if mode in ("P", "PA") else None
        samples = len(picture.getbands())
    deep = name == "png" and head[24] == 16 and samples > 1  # which Pillow would cut to 8 bits
    single = mode == "1" or (name == "png" and head[24] == 1)
    dtype = np.dtype(np.uint16 if deep or mode.startswith("I") else np.uint8)
    meaning = "bits" if single else {"P": "palette", "PA": "palette", "CMYK": "ink"}.get(mode, "counts")
    meaning = "colour" if mode in ("RGB", "RGBA", "YCbCr", "LAB", "HSV") else meaning
    axes, shape = ("YX", (height, width)) if samples == 1 else ("YXS", (height, width, samples))
    palette = None if colours is None else np.reshape(colours, (-1, 3)).astype(np.uint8)
    what = Description(name, axes, shape, dtype, meaning=meaning, lossy=name == "jpeg")
    return Opened(what, partial(_read_picture, path, deep), palette, head[24] if name == "png" else 8)


def _read_picture(path: Path, deep: bool, index: tuple) -> np.ndarray:
    if deep:
        import imagecodecs

        return imagecodecs.png_decode(path.read_bytes())[index]
    from PIL import Image

    with Image.open(path) as picture:
        return np.asarray(picture)[index]


OPENERS = {
    "tiff": open_tiff,
    "png": partial(_open_picture, name="png"),
    "jpeg": partial(_open_picture, name="jpeg"),
    "bmp": partial(_open_picture, name="bmp"),
    "npy": open_npy,
    "npz": open_npz,
    "zarr": open_zarr,
}
