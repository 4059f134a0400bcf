"""What the numbers that a file stores of a plane mean: grey counts, whatever their palette, colours or type."""

import numpy as np

from wellread.inputs.axes import GREY
from wellread.inputs.description import Description, Opened
from wellread.inputs.formats import BadField
from wellread.inputs.references import COLOURS, Reference

LARGEST = 2**16 - 1  # count


def counts(stored: np.ndarray, file: Opened, wanted: Reference, notes: set[str]) -> np.ndarray:
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
