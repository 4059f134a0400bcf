"""Opening a file of images of any kind: what its dimensions are, from its header alone, and any plane of it.

Libraries are imported when a file of their kind is opened, since planning looks at headers, too.
"""

import json
import logging
import os
import zipfile
from collections.abc import Callable
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import lru_cache, partial
from pathlib import Path
from xml.etree import ElementTree

import numpy as np

from wellread.inputs.formats import BadField, kind
from wellread.runtime.errors import InputError

MICROMETRES = {"µm": 1, "μm": 1, "um": 1, "micron": 1, "\\u00b5m": 1, "micrometer": 1, "micrometre": 1, "nm": 1e-3,
               "nanometer": 1e-3, "mm": 1e3, "millimeter": 1e3, "cm": 1e4, "m": 1e6}  # fmt: skip
WIDEST = 5  # a last axis of an array that is no longer than this is one of channels


@dataclass(frozen=True)
class Description:
    """What a file holds, by its header: its `kind` (see `formats.kind`), its `axes` by name, and their `shape`.

    Axes: T times, Z planes, C channels, Y, X, S samples of a colour picture (red, green, blue and perhaps alpha), I
    items of a stack; Q where the file does not say. `channels`: their names, or () if the file has none. `pixel_size`
    in micrometres, 0 if the file has none. `meaning` of the numbers: counts; or white (0 is white), palette (places in
    a table of colours), colour, bits (one per pixel). `lossy`: compressed as JPEG.
    """

    kind: str
    axes: str
    shape: tuple[int, ...]
    dtype: np.dtype
    channels: tuple[str, ...] = ()
    pixel_size: float = 0.0
    meaning: str = "counts"
    lossy: bool = False

    @property
    def sizes(self) -> dict[str, int]:
        """The length of every axis; of axes with one name, that of the last."""
        return dict(zip(self.axes, self.shape, strict=True))


@dataclass(frozen=True)
class Opened:
    """A file that was opened: its description, and what `read` gives for a number or `slice(None)` for every axis.

    `palette` (n, 3) are the colours of palette pictures, `bits` those of a count, both for what numbers mean.
    """

    description: Description
    read: Callable[[tuple], np.ndarray]
    palette: np.ndarray | None = field(default=None, repr=False)
    bits: int = 0
    close: Callable[[], None] | None = None


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


def stamp(path: Path) -> tuple:
    """What changes when a file does, and from process to process: none must share the position in an open file."""
    status = path.stat()
    return status.st_mtime_ns, status.st_size, os.getpid()


class _LostPages(logging.Handler):
    """Raises what tifffile only logs: that pages which a file should have are not there."""

    def emit(self, record: logging.LogRecord) -> None:
        text = record.getMessage()
        if any(words in text for words in ("page offset", "offset to page", "corrupted tag list", "circular")):
            raise ValueError(text.split("> ")[-1])


def _open_tiff(path: Path) -> Opened:
    import tifffile

    tiff = tifffile.TiffFile(path, _multifile=False)
    page = tiff.pages[0]
    if tiff.pages.is_multipage or not _whole_in_a_page(page):
        tiff.close()
        return _open_pages(path, stamp(path))
    what = Description("tiff", page.axes, page.shape, page.dtype, *_said_by_tiff(tiff), _meaning(page), _lossy(page))
    return Opened(what, lambda index: page.asarray()[index], _colours(page), page.bitspersample, tiff.close)


def _whole_in_a_page(page) -> bool:
    """Whether the one page of a file is all of it: MetaMorph, and ImageJ above 4 GB, have one for many planes."""
    text = page.description
    return not (page.is_stk or "images=" in text or '"truncated"' in text or page.is_lsm)


@lru_cache(maxsize=4)
def _open_pages(path: Path, stamp: tuple) -> Opened:
    import tifffile

    tiff = tifffile.TiffFile(path, _multifile=False)
    if tiff.is_ome and (xml := _without_other_files(tiff)):
        tiff = tifffile.TiffFile(tiff.filehandle, omexml=xml, _multifile=False)
    series = _full_size(tiff)
    first = series[0]
    axes, shape, pages = _own_pages(first)
    axes = axes.replace("I", "Q")  # by tifffile: pages of no known meaning
    if len(series) > 1:
        axes, shape, pages = "Q" + axes, (len(series), *shape), [page for one in series for page in _own_pages(one)[2]]
    page = first.keyframe
    what = Description("tiff", axes, shape, first.dtype, *_said_by_tiff(tiff), _meaning(page), _lossy(page))
    whole = first.asarray if len(series) == 1 else None
    return Opened(what, partial(_read_page, tiff, pages, shape, page, whole), _colours(page), page.bitspersample)


def _without_other_files(tiff) -> str:
    """The OME-XML of one file of a set, without the planes in its other files; "" if it names no other files."""
    root, kept, others = _parsed(tiff.ome_metadata), [], 0
    for pixels in root.iter() if root is not None else ():
        for data in [node for node in pixels if node.tag.endswith("}TiffData")]:
            file = next(iter(data), None)
            if (
                file is None
                or file.text == root.get("UUID")
                or file.get("FileName", "").lower() == tiff.filename.lower()
            ):
                kept.append(root.get("UUID") if file is None else file.text)
            else:
                pixels.remove(data)
                others += 1
    if not kept or not others:
        return ""
    root.set("UUID", kept[0] or "")
    return ElementTree.tostring(root, encoding="unicode")


def _parsed(xml: str):
    """The root of an XML text, None if it is damaged: the pages of the file are there all the same."""
    try:
        return ElementTree.fromstring(xml)
    except ElementTree.ParseError:
        return None


def _full_size(tiff) -> list:
    """The series of pages that are pictures, not thumbnails or smaller copies: those of the largest rows x columns."""
    series = [one for one in tiff.series if not one.keyframe.is_reduced] or list(tiff.series)
    areas = [np.prod([size for axis, size in zip(one.axes, one.shape, strict=True) if axis in "YX"]) for one in series]
    full = [one for one, area in zip(series, areas, strict=True) if area == max(areas)]
    return full if len({(one.shape, one.axes, one.dtype) for one in full}) == 1 else _unlike(tiff, full)


def _unlike(tiff, series: list):
    kinds = " and ".join(dict.fromkeys(f"{one.dtype} {one.axes} {one.shape}" for one in series))
    raise BadField("shape", f"{tiff.filehandle.path}: holds pictures of full size that are unlike: {kinds}")


def _own_pages(series) -> tuple[str, tuple[int, ...], list]:
    """Axes, shape and pages of a series, without the planes that its OME-XML says lie in other files."""
    axes, shape, pages = series.axes, series.shape, list(series.pages)
    if all(page is not None for page in pages):
        return axes, shape, pages
    n = len(shape) - len(series.keyframe.shape)
    pages += [None] * (int(np.prod(shape[:n])) - len(pages))
    there = np.array([page is not None for page in pages]).reshape(shape[:n])
    kept = [np.flatnonzero(there.any(axis=tuple(set(range(n)) - {axis}))) for axis in range(n)]
    if not there[np.ix_(*kept)].all():
        present = [page for page in pages if page is not None]
        return "Q" + axes[n:], (len(present), *shape[n:]), present
    lengths = [len(numbers) for numbers in kept]
    own = [page for page in pages if page is not None]
    axes = "".join(name for name, size in zip(axes, lengths, strict=False) if size > 1) + axes[n:]
    return axes, (*(size for size in lengths if size > 1), *shape[n:]), own


def _read_page(tiff, pages: list, shape: tuple, keyframe, whole, index: tuple) -> np.ndarray:
    n = len(shape) - len(keyframe.shape)
    if len(pages) == np.prod(shape[:n], dtype=int) and not any(isinstance(number, slice) for number in index[:n]):
        number = int(np.ravel_multi_index(index[:n], shape[:n])) if n else 0
        return pages[number].asarray(maxworkers=1)[index[n:]]
    return whole()[index]


def _meaning(page) -> str:
    """What the numbers in a TIFF page are; see `Description`."""
    if page.bitspersample == 1:
        return "bits"
    names = {0: "white", 2: "colour", 3: "palette", 5: "colour", 6: "colour", 8: "colour"}
    return names.get(int(page.photometric), "counts")


def _lossy(page) -> bool:
    return page.compression in (6, 7, 33007, 34892)  # ways to say JPEG


def _colours(page) -> np.ndarray | None:
    return None if page.colormap is None or page.photometric != 3 else np.asarray(page.colormap).T


def _said_by_tiff(tiff) -> tuple[tuple[str, ...], float]:
    """The channels' names and the pixel size (micrometres) in the metadata of OME and ImageJ, (), 0 without any."""
    page = tiff.pages[0]
    if page.is_ome and tiff.ome_metadata:
        return _said_by_ome(tiff.ome_metadata)
    if page.is_imagej and "XResolution" in page.tags:
        turns, length = page.tags["XResolution"].value
        unit = MICROMETRES.get(str((tiff.imagej_metadata or {}).get("unit", "")), 0)
        return (), unit * length / turns if turns else 0.0
    return (), 0.0


def _said_by_ome(xml: str) -> tuple[tuple[str, ...], float]:
    root = _parsed(xml)
    pixels = next((node for node in root.iter() if node.tag.endswith("}Pixels")), None) if root is not None else None
    if pixels is None:
        return (), 0.0
    names = tuple(node.get("Name", "") for node in pixels if node.tag.endswith("}Channel"))
    unit = MICROMETRES.get(pixels.get("PhysicalSizeXUnit", "µm"), 0)
    return names if any(names) else (), float(pixels.get("PhysicalSizeX", 0)) * unit


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


def _open_npy(path: Path) -> Opened:
    return _open_array("npy", path, stamp(path))


@lru_cache(maxsize=4)
def _open_array(name: str, path: Path, stamp: tuple) -> Opened:
    with open(path, "rb") as file:
        _, dtype = _npy_header(path, file)
    array = np.load(path, mmap_mode="r", allow_pickle=False)
    return Opened(Description(name, _axes(array.shape), array.shape, dtype), lambda index: np.array(array[index]))


def _npy_header(path: Path, file) -> tuple[tuple[int, ...], np.dtype]:
    """Shape and dtype of an array; BadField if it holds objects of Python, which are never unpickled."""
    version = np.lib.format.read_magic(file)
    reader = {1: np.lib.format.read_array_header_1_0}.get(version[0], np.lib.format.read_array_header_2_0)
    shape, _, dtype = reader(file)
    if dtype.hasobject:
        of = " (masks of Cellpose: save them as TIFF or PNG)" if path.stem.endswith("_seg") else ""
        raise BadField("unreadable", f"{path}: holds objects of Python, not numbers{of}; no code of a file is run")
    return shape, dtype


def _open_npz(path: Path, name: str = "") -> Opened:
    with zipfile.ZipFile(path) as archive:
        names = [entry.removesuffix(".npy") for entry in archive.namelist()]
        if name not in names and (name or len(names) > 1):
            found = f"no array {name}" if name else f"{len(names)} arrays"
            raise BadField("shape", f"{path}: {found}; say which: " + " or ".join(f"[name={n}]" for n in names[:4]))
        name = name or names[0]
        with archive.open(f"{name}.npy") as file:
            shape, dtype = _npy_header(path, file)
    what = Description("npz", _axes(shape), shape, dtype)
    return Opened(what, lambda index: _array_in_npz(path, name, stamp(path))[index])


@lru_cache(maxsize=1)
def _array_in_npz(path: Path, name: str, stamp: tuple) -> np.ndarray:
    with np.load(path, allow_pickle=False) as arrays:
        return arrays[name]


def _axes(shape: tuple[int, ...]) -> str:
    """Likely axes of an array that has no names for them: the last is that of channels if it is short."""
    if len(shape) < 2:
        return "X" * len(shape)
    last = len(shape) > 2 and shape[-1] <= WIDEST < min(shape[-3:-1])
    lead = len(shape) - (3 if last else 2)
    if last:
        return ("I" if lead == 1 else "Q" * lead) + "YXC"
    return {1: "Q", 2: "IC"}.get(lead, "Q" * lead) + "YX"


def _open_zarr(path: Path) -> Opened:
    attributes, array = _zarr_header(path)
    if array is not None:
        return _zarr_array(path, array, attributes.get("_ARRAY_DIMENSIONS") or array.get("dimension_names"))
    images = attributes.get("ome", attributes)
    if "multiscales" not in images:
        what = next((name for name in ("plate", "well") if name in images), "group")
        raise BadField(
            "unreadable", f"{path}: a {what} of Zarr, not an image: name a folder of multiscales, or an array"
        )
    image = images["multiscales"][0]
    names = [axis["name"] if isinstance(axis, dict) else axis for axis in image.get("axes", "tczyx")]
    level = image["datasets"][0]
    found = _zarr_array(path / level["path"], _zarr_header(path / level["path"])[1], names)
    channels = tuple(str(one.get("label", "")) for one in images.get("omero", {}).get("channels", ()))
    what = found.description
    named = Description(what.kind, what.axes, what.shape, what.dtype, channels, _zarr_pixel_size(image, names))
    return Opened(named, found.read)


def _zarr_header(path: Path) -> tuple[dict, dict | None]:
    """Attributes of a group or array of Zarr, version 2 or 3, and what is said of the array, None for a group."""
    if (path / "zarr.json").is_file():
        said = json.loads((path / "zarr.json").read_text())
        return said.get("attributes", {}), said if said["node_type"] == "array" else None
    attributes, array = (path / ".zattrs", path / ".zarray")
    said = json.loads(attributes.read_text()) if attributes.is_file() else {}
    return said, json.loads(array.read_text()) if array.is_file() else None


def _zarr_array(path: Path, said: dict | None, names) -> Opened:
    if said is None:
        raise BadField("missing", f"no array of Zarr at {path}")
    shape, dtype = tuple(said["shape"]), np.dtype(said.get("dtype") or said["data_type"])
    known = names and len(names) == len(shape)
    axes = "".join(_letter(name) for name in names) if known else _axes(shape)
    return Opened(Description("zarr", axes, shape, dtype), partial(_read_zarr, path))


def _letter(name) -> str:
    name = str(name or "q").upper()
    return {"CHANNEL": "C", "TIME": "T"}.get(name, name[0])


def _zarr_pixel_size(image: dict, names: list) -> float:
    """Micrometres per pixel of the first level, 0 if there is no unit."""
    axis = next((axis for axis in image.get("axes", ()) if isinstance(axis, dict) and axis["name"] == "x"), {})
    steps = image["datasets"][0].get("coordinateTransformations", []) + image.get("coordinateTransformations", [])
    scales = [step["scale"][names.index("x")] for step in steps if step.get("type") == "scale" and "scale" in step]
    return float(np.prod(scales)) * MICROMETRES.get(axis.get("unit", ""), 0) if scales else 0.0


def _read_zarr(path: Path, index: tuple) -> np.ndarray:
    import zarr

    return np.asarray(zarr.open_array(path, mode="r")[index])


logging.getLogger("tifffile").addHandler(_LostPages(logging.ERROR))
OPENERS = {
    "tiff": _open_tiff,
    "png": partial(_open_picture, name="png"),
    "jpeg": partial(_open_picture, name="jpeg"),
    "bmp": partial(_open_picture, name="bmp"),
    "npy": _open_npy,
    "npz": _open_npz,
    "zarr": _open_zarr,
}
