"""Opening arrays: NPY, NPZ and Zarr, whose axes have names at best."""

import json
import zipfile
from functools import lru_cache, partial
from pathlib import Path

import numpy as np

from wellread.inputs.description import MICROMETRES, Description, Opened, stamp
from wellread.inputs.formats import BadField

WIDEST = 5  # a last axis of an array that is no longer than this is one of channels


def open_npy(path: Path) -> Opened:
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


def open_npz(path: Path, name: str = "") -> Opened:
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


def open_zarr(path: Path) -> Opened:
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
