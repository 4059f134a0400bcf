"""Reading the planes of raw fields: by `axes` which numbers of a file are the picture, by `counts` what they mean."""

from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from wellread.inputs.axes import CHOICES, GREY, choose, tile
from wellread.inputs.counts import counts
from wellread.inputs.decode import opened
from wellread.inputs.formats import BadField
from wellread.inputs.references import PROJECTIONS, Reference, parse

__all__ = ["BadField", "read", "read_planes", "read_shape", "read_stack"]


def read(reference, notes: set[str] | None = None) -> np.ndarray:
    """The counts (H, W), uint8 or uint16, of the plane that `reference` is (see `references`).

    What is worth a word, such as lossy compression, is added to `notes`. BadField if a file is missing, damaged or of
    another kind, if it holds several planes and the reference does not say which, or no grey counts.
    """
    wanted, notes = parse(reference or ""), set() if notes is None else notes
    planes = _planes(wanted, notes)
    if wanted.z == "max":
        plane = next(planes).copy()
        for other in planes:
            np.maximum(plane, _same_shape(other, plane, wanted), out=plane)
        return plane
    if wanted.z == "focus":
        plane = next(planes)
        return max([plane, *(_same_shape(other, plane, wanted) for other in planes)], key=sharpness)
    (plane,) = planes
    return plane


def read_shape(reference) -> tuple[int, int] | None:
    """The (H, W) of a plane by the header of its (first) file, or None if it cannot be read."""
    try:
        wanted = _by_file(parse(reference or ""))[0]
        with opened(wanted.path, wanted.name) as file:
            axes, _ = choose(file.description, wanted)
            sizes = dict(zip(axes, file.description.shape, strict=True))
            return sizes["Y"], sizes["X"] // tile(wanted, sizes["X"])[1]
    except (BadField, KeyError):
        return None


def read_stack(references: list[str], expected: tuple[int, int]) -> np.ndarray:
    """The counts (C, H, W) of a field, a reference per channel; BadField unless all are readable and of one shape."""
    return np.stack(read_planes(references, expected))


def read_planes(references: list[str], expected: tuple[int, int], notes: set[str] | None = None) -> list[np.ndarray]:
    """As `read_stack`, every channel (H, W) of its own type; for `notes` see `read`."""
    planes = [read(reference, notes) for reference in references]
    for reference, plane in zip(references, planes, strict=True):
        if plane.shape != expected:
            raise BadField("shape", f"{reference}: expected {expected} like most of the plate, found {plane.shape}")
    return planes


def sharpness(plane: np.ndarray) -> float:
    """Variance of the Laplacian of a plane (H, W) at half the resolution, which halves the noise."""
    height, width = (side // 2 * 2 for side in plane.shape)
    half = plane[:height, :width].reshape(height // 2, 2, width // 2, 2).mean(axis=(1, 3), dtype=np.float32)
    laplacian = half[:-2, 1:-1] + half[2:, 1:-1] + half[1:-1, :-2] + half[1:-1, 2:] - 4 * half[1:-1, 1:-1]
    return float(laplacian.var()) if laplacian.size else 0.0


def _same_shape(plane: np.ndarray, first: np.ndarray, wanted: Reference) -> np.ndarray:
    if plane.shape != first.shape:
        raise BadField("shape", f"{wanted}: z-planes of unlike shapes, {first.shape} and {plane.shape}")
    return plane


def _planes(wanted: Reference, notes: set[str]) -> Iterator[np.ndarray]:
    """The planes (H, W) that a reference is or projects, one after the other."""
    for alone in _by_file(wanted):
        yield from _planes_of_file(alone, notes)


def _by_file(wanted: Reference) -> list[Reference]:
    """The reference itself, or one for every file whose plane is wanted."""
    if wanted.files == ("",):
        raise BadField("missing", "no file listed")
    n, z = len(wanted.files), wanted.z
    if n == 1:
        return [wanted]
    if z is None or (z not in PROJECTIONS and z >= n):
        raise BadField("shape", f"{wanted}: {GREY}, found {n} files of z-planes: add {CHOICES['Z']}")
    return [
        replace(wanted, files=(path,), z=None)
        for path in (wanted.files if z in PROJECTIONS else wanted.files[z : z + 1])
    ]


def _planes_of_file(wanted: Reference, notes: set[str]) -> Iterator[np.ndarray]:
    with opened(wanted.path, wanted.name) as file:
        axes, index = choose(file.description, wanted)
        z = axes.find("Z")
        for number in index[z] if z >= 0 else (0,):
            own = tuple(number if axis == z else chosen for axis, chosen in enumerate(index))
            stored = file.read(own)
            left = [axis for axis, chosen in zip(axes, own, strict=True) if isinstance(chosen, slice)]
            picture = np.transpose(stored, [left.index(axis) for axis in "YXS" if axis in left])
            plane = counts(picture, file, wanted, notes)
            place, n = tile(wanted, plane.shape[1])
            width = plane.shape[1] // n
            yield np.ascontiguousarray(plane[:, place * width : (place + 1) * width])
