"""Reading the planes of raw fields: which numbers of a file are the picture, and what they mean, is settled here."""

from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from wellread.inputs.decode import opened
from wellread.inputs.description import Description, Opened
from wellread.inputs.formats import BadField
from wellread.inputs.references import COLOURS, PROJECTIONS, Reference, parse

__all__ = ["BadField", "read", "read_planes", "read_shape", "read_stack"]
LARGEST = 2**16 - 1  # count
KEYS = {"I": "item", "T": "t", "Z": "z", "C": "c"}  # of a reference, by the axis that they choose from
NAMES = {"I": "items", "T": "times", "Z": "z-planes", "C": "channels"}
CHOICES = {
    "I": "[item=0] or all axes, such as [axes=ZCYX, c=0, z=max]",
    "T": "[t=0]",
    "Z": "[z=0], [z=max] or [z=focus]",
    "C": "[c=0]",
}
UNNAMED = "[c=0], [z=max], [t=0] or [item=0], or all axes, such as [axes=ZCYX, c=0, z=max]"
GREY = "expected one grey image"


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
            axes, _ = _chosen(file.description, wanted)
            sizes = dict(zip(axes, file.description.shape, strict=True))
            return sizes["Y"], sizes["X"] // _tile(wanted, sizes["X"])[1]
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
        axes, index = _chosen(file.description, wanted)
        z = axes.find("Z")
        for number in index[z] if z >= 0 else (0,):
            own = tuple(number if axis == z else chosen for axis, chosen in enumerate(index))
            stored = file.read(own)
            left = [axis for axis, chosen in zip(axes, own, strict=True) if isinstance(chosen, slice)]
            picture = np.transpose(stored, [left.index(axis) for axis in "YXS" if axis in left])
            plane = _counts(picture, file, wanted, notes)
            tile, n = _tile(wanted, plane.shape[1])
            width = plane.shape[1] // n
            yield np.ascontiguousarray(plane[:, tile * width : (tile + 1) * width])


def _chosen(what: Description, wanted: Reference) -> tuple[str, tuple]:
    """The names of all axes of a file, and of every axis what is read: a slice, a number, or of Z a range of numbers.

    BadField if the reference leaves open which plane is meant, or there is none of that number.
    """
    axes = _named(what, wanted)
    if not {"Y", "X"} <= set(axes):
        raise BadField("shape", f"{wanted}: {GREY} (H, W), found shape {what.shape}")
    index = []
    for axis, size in zip(axes, what.shape, strict=True):
        number = getattr(wanted, KEYS[axis]) if axis in KEYS else None
        if axis in "YXS":
            index.append(slice(None))
        elif axis == "Z":
            index.append(_z_planes(number, size, what, wanted))
        else:
            index.append(_number(number, axis, size, what, wanted))
    return axes, tuple(index)


def _named(what: Description, wanted: Reference) -> str:
    """The axes of a file, by the reference if it names them; one without a name is what the reference chooses from."""
    axes = wanted.axes or what.axes
    if len(axes) != len(what.shape):
        raise BadField("shape", f"{wanted}: {len(axes)} axes named, the file has {len(what.shape)}: {_sizes(what)}")
    if "C" not in axes and wanted.c is not None:
        axes = axes.replace("S", "C")
    given = [axis for axis, key in KEYS.items() if getattr(wanted, key) is not None and axis not in axes]
    unnamed = [place for place, axis in enumerate(axes) if axis not in "TZCYXSI" and what.shape[place] > 1]
    if len(given) == len(unnamed) and len(set(given) - {"I"}) < 2:
        for place, axis in zip(unnamed, given, strict=True):
            axes = axes[:place] + axis + axes[place + 1 :]
    for axis in set(given) - set(axes):
        _number(getattr(wanted, KEYS[axis]), axis, 1, what, wanted)
    return axes


def _z_planes(number, size: int, what: Description, wanted: Reference):
    return range(size) if number in ("max", "focus") else (_number(number, "Z", size, what, wanted),)


def _number(number: int | None, axis: str, size: int, what: Description, wanted: Reference) -> int:
    if number is None and size == 1:
        return 0
    if number is None:
        found = f"{size} {NAMES.get(axis, 'planes')} ({_sizes(what)})"
        raise BadField("shape", f"{wanted}: {GREY}, found {found}: add {CHOICES.get(axis, UNNAMED)} to its path")
    if number not in PROJECTIONS and number >= size:
        raise BadField("shape", f"{wanted}: {KEYS[axis]} must be below {size}: {_sizes(what)}")
    return number


def _sizes(what: Description) -> str:
    return ", ".join(f"{axis} {size}" for axis, size in zip(what.axes, what.shape, strict=True))


def _tile(wanted: Reference, width: int) -> tuple[int, int]:
    """The number of a picture among those side by side, and how many there are; 0 of 1 if not given."""
    number, _, n = (wanted.tile or "0/1").partition("/")
    if not (number.isdecimal() and n.isdecimal() and int(number) < int(n)) or width % int(n):
        raise BadField("shape", f"{wanted}: tile must be like 2/5, a number below that of equal parts of {width} px")
    return int(number), int(n)


def _counts(stored: np.ndarray, file: Opened, wanted: Reference, notes: set[str]) -> np.ndarray:
    """Counts (H, W), uint8 or uint16, of a picture (H, W) or (H, W, S) as stored in a file."""
    what = file.description
    if what.lossy:
        notes.add("JPEG, which is lossy: fine differences of brightness and texture are gone")
    if not stored.size:
        raise BadField("shape", f"{wanted}: {GREY}, found shape {stored.shape}")
    if what.meaning == "bits" or stored.dtype == bool:
        raise BadField("unreadable", f"{wanted}: one bit per pixel: a mask, not an image")
    if what.meaning == "palette":
        stored = _by_palette(stored, file.palette, wanted, notes)
    if stored.ndim == 3:
        stored = _grey(stored, what, wanted, notes)
    elif wanted.rgb and what.meaning != "palette":
        raise BadField("shape", f"{wanted}: a grey image, without planes of colours: leave out rgb")
    if what.meaning == "white":
        stored = _inverted(stored, file.bits, wanted, notes)
    return _whole(stored, wanted, notes)


def _by_palette(stored: np.ndarray, palette: np.ndarray, wanted: Reference, notes: set[str]) -> np.ndarray:
    """Greys (H, W), or those of one colour, of places in a table of colours (n, 3)."""
    if palette.dtype == np.uint16 and (not (palette % 257).any() or not (palette % 256).any()):
        palette = (palette >> 8).astype(np.uint8)  # 8 bits written as 16, as 257 or 256 times as much
    used = palette[np.unique(stored)]
    if wanted.rgb:
        return palette[:, _colour(wanted)][stored]
    if (used != used[:, :1]).any():
        raise BadField("shape", f"{wanted}: {GREY}, found a table of colours: save it as grey, or add [rgb=green]")
    grey = palette[:, 0]
    if not np.array_equal(grey, np.arange(len(grey))):
        notes.add("a table of greys (palette), which was applied")
    return grey[stored]


def _colour(wanted: Reference) -> int:
    if wanted.rgb not in COLOURS:
        raise BadField("shape", f"{wanted}: rgb must be {', '.join(COLOURS[:-1])} or {COLOURS[-1]}")
    return COLOURS.index(wanted.rgb)


def _grey(stored: np.ndarray, what: Description, wanted: Reference, notes: set[str]) -> np.ndarray:
    """One plane (H, W) of samples (H, W, S): the colour asked for, or the grey that all three share."""
    samples = stored.shape[2]
    if samples > 2 and what.meaning != "colour":
        raise BadField("shape", f"{wanted}: {GREY}, found {samples} samples per pixel: add [c=0]")
    if wanted.rgb and samples > 2:
        return stored[:, :, _colour(wanted)]
    colours, alpha = np.split(stored, [3 if samples > 2 else 1], axis=2)
    if alpha.size and (alpha != _largest(stored.dtype)).any():
        raise BadField("shape", f"{wanted}: {GREY}, found {samples} samples per pixel, not opaque: add [c=0]")
    if (colours != colours[:, :, :1]).any():
        raise BadField("shape", f"{wanted}: {GREY}, found colours: add {' or '.join(f'[rgb={c}]' for c in COLOURS)}")
    if samples > 1:
        notes.add("colours that are all equal, read as grey")
    return colours[:, :, 0]


def _largest(dtype: np.dtype) -> float:
    return np.iinfo(dtype).max if dtype.kind in "iu" else 1


def _inverted(stored: np.ndarray, bits: int, wanted: Reference, notes: set[str]) -> np.ndarray:
    if stored.dtype.kind != "u":
        raise BadField("unreadable", f"{wanted}: {stored.dtype} in which 0 is white: save it with 0 as black")
    notes.add("0 is white by their header, so they were inverted")
    return (2**bits - 1 - stored.astype(np.int64)).astype(stored.dtype)


def _whole(stored: np.ndarray, wanted: Reference, notes: set[str]) -> np.ndarray:
    """Counts as uint8 or uint16 of this machine's byte order; BadField for what is no whole number up to 65535."""
    if stored.dtype.newbyteorder("=") in (np.uint8, np.uint16):
        return stored.astype(stored.dtype.newbyteorder("="), copy=False)
    if stored.dtype.kind not in "iuf":
        raise BadField("unreadable", f"{wanted}: expected 8- or 16-bit counts, found {stored.dtype}")
    low, high = stored.min(), stored.max()
    fits = low >= 0 and high <= LARGEST
    if not fits or (stored.dtype.kind == "f" and (stored != np.rint(stored)).any()):
        found, edit = (
            f"{stored.dtype} from {low:g} to {high:g}",
            "save all images of the plate as 16 bits, scaled alike",
        )
        raise BadField("unreadable", f"{wanted}: expected 8- or 16-bit counts, found {found}: {edit}")
    notes.add(f"{stored.dtype} of whole counts, read as uint16")
    return stored.astype(np.uint16)
