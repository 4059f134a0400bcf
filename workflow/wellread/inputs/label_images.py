"""Label images from elsewhere: found by a pattern of their paths, decoded by content, their numbers as they stand."""

from pathlib import Path

import numpy as np
import pandas as pd
from scipy import ndimage
from skimage import measure
from skimage.segmentation import relabel_sequential

from wellread.inputs import references
from wellread.inputs.decode import opened
from wellread.inputs.formats import BadField
from wellread.runtime.errors import InputError

READ = "TIFF, PNG, BMP, NPY, NPZ or Zarr"
LARGEST = 2**16 - 1  # label that stays as it is: tables and arrays of a field are as long as its largest label
PIECES, SMALLEST = 5, 10  # pieces of so many px that one label may not have, if there is no other in its field
KINDS = ("labels", "binary", "outlines")


def read(pattern: str, metadata: dict, shape: tuple[int, int], kind: str = "labels", plane: int = 0) -> np.ndarray:
    """The label image (H, W) int32 of one field; InputError if it is missing, damaged or of another shape.

    `kind`: labels as they are, but renumbered from 1 in their order if any is above 65535; `binary`, one label per
    connected component; `outlines`, one per closed outline. A file of several planes (C, H, W) or fields (F, C, H, W),
    as our own masks.tif, is looked up by `plane` and field number.
    """
    path = references.path_of(pattern, metadata)
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
    """Labels as int32, large ones renumbered; InputError unless they are whole numbers from 0."""
    low, high = labels.min(initial=0), labels.max(initial=0)
    if not (low >= 0 and high < np.inf) or (labels.dtype.kind == "f" and (labels != np.round(labels)).any()):
        raise InputError("labels, whole numbers from 0", f"{low} to {high}", str(path), "the file")
    _refuse_binary(labels, high, path)
    return labels.astype(np.int32) if high <= LARGEST else _renumbered(labels)


def _refuse_binary(labels: np.ndarray, high, path: Path) -> None:
    """InputError for an image of one label that lies in PIECES or more: each would be a part of the same object."""
    if not high or ((labels != 0) & (labels != high)).any():
        return
    sizes = np.bincount(measure.label(labels > 0).ravel())[1:]
    if (n := (sizes >= SMALLEST).sum()) >= PIECES:
        edit = "write kind: binary, for one object per piece; or give a number to every object"
        raise InputError("labels, a number for every object", f"only {high:g}, in {n} pieces", str(path), edit)


def _renumbered(labels: np.ndarray) -> np.ndarray:
    """Labels 1, 2, 3 ... in the order of the given ones, 0 for 0: int32."""
    codes, known = pd.factorize(labels.ravel(), sort=True)
    return (codes + int(known[0] != 0)).reshape(labels.shape).astype(np.int32)


def _decode(path: Path, field: int, plane: int) -> np.ndarray:
    """The (H, W) array of one field in a file, as stored: colours of a palette or of white say nothing of labels."""
    try:
        with opened(path) as file:
            what = file.description
            if what.kind == "jpeg" or what.meaning in ("colour", "ink"):
                found = "JPEG, which changes numbers" if what.kind == "jpeg" else "colours, not label numbers"
                raise _no_labels(path, found)
            lead = {2: (), 3: (plane,), 4: (field, plane)}.get(len(what.shape))
            if lead is None or any(number >= size for number, size in zip(lead, what.shape, strict=False)):
                raise _no_labels(path, f"shape {what.shape}, without plane {plane} of field {field}")
            return file.read((*lead, slice(None), slice(None)))
    except BadField as bad:
        raise _no_labels(path, bad.detail.removeprefix(f"{path}: ")) from bad


def _no_labels(path: Path, found: str) -> InputError:
    return InputError(f"a label image ({READ})", found, str(path), "the pattern, or the file")
