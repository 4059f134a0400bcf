"""What a file is, by its first bytes and not by its suffix; what cannot be read here is called by its name."""

import zipfile
from pathlib import Path

READ = "TIFF, PNG, JPEG, BMP, NPY, NPZ and Zarr"
CONVERT = "not read here: convert it to OME-TIFF (with Fiji or bioformats2raw)"
SNIFFED = 1024  # bytes at the start of a file that are looked at
ZARR = ("zarr.json", ".zarray", ".zgroup", ".zattrs")
READABLE = {
    b"II*\0": "tiff",
    b"MM\0*": "tiff",
    b"II+\0": "tiff",  # above 4 GB
    b"MM\0+": "tiff",
    b"\x89PNG\r\n\x1a\n": "png",
    b"\xff\xd8\xff": "jpeg",
    b"\x93NUMPY": "npy",
}
COMPRESSED = {
    b"\x1f\x8b": "gzip",
    b"BZh": "bzip2",
    b"\xfd7zXZ\0": "xz",
    b"\x28\xb5\x2f\xfd": "zstd",
    b"\x04\x22\x4d\x18": "lz4",
    b"7z\xbc\xaf\x27\x1c": "7-Zip",
    b"Rar!": "RAR",
}
OTHERS = {
    b"ZISRAWFILE": "Zeiss CZI",
    b"\xda\xce\xbe\x0a": "Nikon ND2",
    b"\x70\0\0\0": "Leica LIF",
    b"\x89HDF\r\n": "HDF5 (Imaris, CellProfiler, ilastik ...)",
    b"\xd0\xcf\x11\xe0": "an OLE container (Olympus OIB, Zeiss ZVI ...)",
    b"OLYMPUSRAWFORMAT": "Olympus OIR",
    b"\0\0\0\x0cjP  ": "JPEG 2000",
    b"\xff\x4f\xff\x51": "JPEG 2000",
    b"GIF8": "GIF",
    b"RIFF": "WebP or AVI",
    b"II\xbc\x01": "JPEG XR",
    b"NRRD": "NRRD",
    b"SIMPLE  =": "FITS",
    b"%PDF": "PDF",
    b"\x80\x02": "a pickle of Python",
    b"\x80\x03": "a pickle of Python",
    b"\x80\x04": "a pickle of Python",
    b"\x80\x05": "a pickle of Python",
}
SUFFIXES = {
    ".czi": "Zeiss CZI",
    ".zvi": "Zeiss ZVI",
    ".nd2": "Nikon ND2",
    ".lif": "Leica LIF",
    ".xlef": "Leica XLEF",
    ".lof": "Leica LOF",
    ".vsi": "Olympus VSI",
    ".ets": "Olympus ETS",
    ".oib": "Olympus OIB",
    ".oif": "Olympus OIF",
    ".oir": "Olympus OIR",
    ".c01": "Cellomics C01",
    ".dib": "Cellomics DIB",
    ".stk": "MetaMorph STK",
    ".flex": "Opera FLEX",
    ".mea": "Opera MEA",
    ".dv": "DeltaVision",
    ".r3d": "DeltaVision",
    ".ims": "Imaris",
    ".h5": "HDF5",
    ".hdf5": "HDF5",
    ".ics": "ICS",
    ".ids": "ICS",
    ".mrc": "MRC",
    ".sld": "SlideBook",
    ".spe": "Princeton SPE",
    ".aim": "AIM",
    ".jp2": "JPEG 2000",
    ".dcm": "DICOM",
    ".mat": "MATLAB",
}
OWN_SUFFIXES = (".tif", ".tiff", ".png", ".jpg", ".jpeg", ".bmp", ".npy", ".npz", ".btf", ".tf8")


class BadField(Exception):
    """A field that cannot be used: a one-word `status` and a `detail` to show.

    missing, unreadable and shape are found on reading; blank, incomplete and depth by calibrate.
    """

    def __init__(self, status: str, detail: str):
        super().__init__(detail)
        self.status, self.detail = status, detail

    def __reduce__(self):
        """Pickled by its two arguments, so that worker processes can raise it, too."""
        return BadField, (self.status, self.detail)


def kind(path: Path) -> str:
    """The kind of an image file: tiff, png, jpeg, bmp, npy, npz, or of a folder: zarr; BadField that names all else."""
    try:
        with open(path, "rb", buffering=0) as file:
            head = file.read(SNIFFED)
    except IsADirectoryError:
        return _kind_of_folder(path)
    except (FileNotFoundError, NotADirectoryError):
        raise BadField("missing", f"no file at {path}") from None
    except OSError as error:
        raise BadField("unreadable", f"{path}: cannot be opened ({error.strerror})") from error
    found = starts(head, READABLE)
    if found and path.suffix.lower() != ".vsi":  # a VSI begins as a TIFF, but its pixels lie elsewhere
        return found
    if head[:2] == b"BM" and head[6:10] == bytes(4):
        return "bmp"
    if head[:4] == b"PK\3\4" and _holds_arrays(path):
        return "npz"
    raise BadField("unreadable", f"{path}: {_what_else(path, head)}")


def _kind_of_folder(path: Path) -> str:
    if any((path / name).is_file() for name in ZARR):
        return "zarr"
    raise BadField("unreadable", f"{path}: a folder, not an image (nor one of Zarr)")


def starts(head: bytes, names: dict[bytes, str]) -> str:
    """The name of the first beginning, a key of `names`, that the bytes have; "" for none."""
    return next((name for start, name in names.items() if head.startswith(start)), "")


def _holds_arrays(path: Path) -> bool:
    """Whether a ZIP file holds arrays of NumPy and nothing else."""
    try:
        with zipfile.ZipFile(path) as archive:
            names = archive.namelist()
    except (zipfile.BadZipFile, OSError):
        return path.suffix.lower() == ".npz"
    return bool(names) and all(name.endswith(".npy") for name in names)


def _what_else(path: Path, head: bytes) -> str:
    """What a file is that is no image read here, and what to do about it."""
    suffix, text = path.suffix.lower(), head.lstrip(b"\xef\xbb\xbf \r\n\t").lower()
    if not head:
        return "empty (0 bytes): copy it again"
    if head.startswith(b"version https://git-lfs"):
        return "a pointer of Git LFS, not the image itself: run `git lfs pull`"
    if text.startswith((b"<!doctype html", b"<html")):
        return "a web page, as a failed download leaves it: download the image again"
    if not any(head):
        return "begins with nothing but zeros, as an interrupted copy leaves it: copy it again"
    if compressed := "ZIP" if head[:2] == b"PK" else starts(head, COMPRESSED):
        return f"compressed with {compressed}: unpack it, and name the unpacked file"
    if other := starts(head, OTHERS) or ("DICOM" if head[128:132] == b"DICM" else SUFFIXES.get(suffix)):
        return f"{other}, {CONVERT}"
    if suffix in OWN_SUFFIXES:
        also = "a text file" if is_text(head) else "it does not begin as such a file does"
        return f"truncated or damaged ({also})"
    return f"{'a text file' if is_text(head) else 'of an unknown format'}, no image; {READ} are read"


def is_text(head: bytes) -> bool:
    """Whether there are no control characters among the bytes but those of text."""
    return all(byte >= 32 or byte in b"\t\r\n\f" for byte in head)
