"""Label images from elsewhere: found by a pattern of their paths, read from TIFF, PNG, NPY or Zarr."""

from pathlib import Path

import numpy as np
import tifffile
from scipy import ndimage
from skimage import measure
from skimage.segmentation import relabel_sequential

from wellread.runtime.errors import InputError

KINDS = ("labels", "binary", "outlines")
PLACEHOLDERS = "{plate}, {well}, {site}, {field}, {stem}"


def path_of(pattern: str, metadata: dict) -> Path:
    """The path of a field by a pattern such as masks/{plate}/{well}_{site}.png; InputError for other placeholders.

    `metadata` is `Plate.metadata` of the field: `{field}` is the number of the field within its plate from 0, `{stem}`
    the name of its first channel's file without the extension.
    """
    try:
        return Path(pattern.format(**metadata))
    except (KeyError, IndexError, ValueError) as error:
        edit = f"use only {PLACEHOLDERS}"
        raise InputError("a pattern of paths", f"{pattern} ({error!r})", "the path of label images", edit) from None


def read(pattern: str, metadata: dict, shape: tuple[int, int], kind: str = "labels", plane: int = 0) -> np.ndarray:
    """The label image (H, W) int32 of one field; InputError if it is missing, damaged or of another shape.

    `kind`: labels as they are; `binary`, one label per connected component; `outlines`, one per closed outline. A file
    of several planes (C, H, W) or fields (F, C, H, W), as our own masks.tif, is looked up by `plane` and field number.
    """
    path = path_of(pattern, metadata)
    labels = _decode(path, metadata["field"], plane)
    if labels.shape != shape or labels.dtype.kind not in "biuf":
        edit = "the pattern, or the file; several planes are (C, H, W), several fields (F, C, H, W)"
        raise InputError(f"labels of shape {shape}, as the field", f"{labels.dtype} {labels.shape}", str(path), edit)
    if kind == "binary":
        return measure.label(labels > 0).astype(np.int32)
    return _fill_outlines(labels > 0) if kind == "outlines" else _whole_number_labels(labels, path)


def _fill_outlines(line: np.ndarray) -> np.ndarray:
    """Labels (H, W) of what closed outlines enclose, the line itself given to the nearest object."""
    inside = measure.label(~line, connectivity=1)
    border = np.unique(np.concatenate([inside[0], inside[-1], inside[:, 0], inside[:, -1]]))
    inside = relabel_sequential(np.where(np.isin(inside, border), 0, inside))[0]
    nearest = ndimage.distance_transform_edt(inside == 0, return_distances=False, return_indices=True)
    return np.where(line, inside[tuple(nearest)], inside).astype(np.int32)


def _whole_number_labels(labels: np.ndarray, path: Path) -> np.ndarray:
    """Labels as int32; InputError unless they are whole numbers from 0."""
    if (labels < 0).any() or (labels.dtype.kind == "f" and (labels != np.round(labels)).any()):
        raise InputError("labels, whole numbers from 0", f"{labels.min()} to {labels.max()}", str(path), "the file")
    return labels.astype(np.int32)


def _decode(path: Path, field: int, plane: int) -> np.ndarray:
    """The (H, W) array of one field in a file."""
    suffix = next((name for name in READERS if name in path.suffixes or f"{name}/" in f"{path}/"), "")
    if not path.exists() or not suffix:
        kinds = ", ".join(READERS)
        found = f"no file at {path}" if suffix else f"{path}"
        raise InputError(f"a label image ({kinds})", found, "the path of label images", "the pattern, or add the file")
    try:
        return READERS[suffix](path, field, plane)
    except Exception as error:  # every decoder has exceptions of its own for a damaged file
        raise InputError("a label image", f"truncated or damaged ({error})", str(path), "the file") from error


def _read_tiff(path: Path, field: int, plane: int) -> np.ndarray:
    with tifffile.TiffFile(path) as tiff:
        shape = tiff.series[0].shape
        page = {2: 0, 3: plane}.get(len(shape), field * shape[-3] + plane if len(shape) > 3 else 0)
        return tiff.pages[page].asarray()


def _read_array(array, field: int, plane: int) -> np.ndarray:
    lead = {2: (), 3: (plane,), 4: (field, plane)}[array.ndim]
    return np.asarray(array[lead])


def _read_picture(path: Path, field: int, plane: int) -> np.ndarray:
    from PIL import Image

    with Image.open(path) as picture:
        return np.asarray(picture)


def _read_zarr(path: Path, field: int, plane: int) -> np.ndarray:
    import zarr

    return _read_array(zarr.open_array(path, mode="r"), field, plane)


READERS = {
    ".tif": _read_tiff,
    ".tiff": _read_tiff,
    ".TIF": _read_tiff,
    ".png": _read_picture,
    ".npy": lambda path, field, plane: _read_array(np.load(path, mmap_mode="r"), field, plane),
    ".zarr": _read_zarr,
}
