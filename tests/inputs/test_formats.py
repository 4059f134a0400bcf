"""What a file is, by content; what is not read here is called by its name and cause, never "damaged"."""

import bz2
import gzip
import lzma
import pickle
import zipfile

import numpy as np
import pytest
import tifffile
from PIL import Image
from wellread.inputs.formats import BadField, kind

PLANE = np.arange(24, dtype=np.uint8).reshape(4, 6)


def zipped(path):
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("a.tif", b"II*\0")


WRITERS = {
    "tiff": lambda path: tifffile.imwrite(path, PLANE),
    "png": lambda path: Image.fromarray(PLANE).save(path, "png"),
    "jpeg": lambda path: Image.fromarray(PLANE).save(path, "jpeg"),
    "bmp": lambda path: Image.fromarray(PLANE).save(path, "bmp"),
    "npy": lambda path: np.save(path.open("wb"), PLANE),
    "npz": lambda path: np.savez(path.open("wb"), a=PLANE),
}


@pytest.mark.parametrize("name", ["image.flex", "image", "image.TIF", "image.png"])
@pytest.mark.parametrize("wanted", WRITERS)
def test_content_decides_whatever_the_suffix(tmp_path, wanted, name):
    WRITERS[wanted](tmp_path / name)
    assert kind(tmp_path / name) == wanted


@pytest.mark.parametrize("start", [b"II*\0", b"MM\0*", b"II+\0", b"MM\0+"])
def test_tiffs_of_either_byte_order_and_above_4_gb(tmp_path, start):
    (tmp_path / "a").write_bytes(start + bytes(8))
    assert kind(tmp_path / "a") == "tiff"


OTHERS = [
    ("a.tif", b"", "unreadable", "empty (0 bytes): copy it again"),
    ("a.tif", gzip.compress(b"II*\0"), "unreadable", "compressed with gzip: unpack it"),
    ("a.tif.bz2", bz2.compress(b"II*\0"), "unreadable", "compressed with bzip2"),
    ("a.tif.xz", lzma.compress(b"II*\0"), "unreadable", "compressed with xz"),
    ("a.tif", zipped, "unreadable", "compressed with ZIP"),
    ("a.tif", b"version https://git-lfs.github.com/spec/v1\noid ", "unreadable", "run `git lfs pull`"),
    ("a.tif", b"\n<!DOCTYPE html><html>", "unreadable", "a web page"),
    ("a.png", b"<html lang=en>404", "unreadable", "a web page"),
    ("a.tif", bytes(5000), "unreadable", "nothing but zeros, as an interrupted copy"),
    ("a.tif", b"plate,well\nP1,B02", "unreadable", "truncated or damaged (a text file)"),
    ("a.png", b"\x01\x02\xff\x00garbage", "unreadable", "truncated or damaged (it does not begin as such a file does)"),
    ("a.csv", b"plate,well\nP1,B02", "unreadable", "a text file, no image"),
    ("a", b"\x01\x02\xff\x00garbage", "unreadable", "of an unknown format, no image; TIFF, PNG"),
    ("a", pickle.dumps({"a": 1}), "unreadable", "a pickle of Python, not read here"),
    ("a.czi", b"ZISRAWFILE\0\0", "unreadable", "Zeiss CZI, not read here: convert it to OME-TIFF"),
    ("a", b"ZISRAWFILE\0\0", "unreadable", "Zeiss CZI, not read here"),
    ("a.nd2", b"\xda\xce\xbe\x0a\0", "unreadable", "Nikon ND2, not read here"),
    ("a.lif", b"\x70\0\0\0\x1a", "unreadable", "Leica LIF, not read here"),
    ("a.h5", b"\x89HDF\r\n\x1a\n", "unreadable", "HDF5 (Imaris, CellProfiler, ilastik ...), not read here"),
    ("a.oib", b"\xd0\xcf\x11\xe0\xa1", "unreadable", "OLE container (Olympus OIB, Zeiss ZVI ...), not read here"),
    ("a.vsi", b"II*\0\x08\0\0\0", "unreadable", "Olympus VSI, not read here"),
    ("a.C01", b"\x10\0\0\0\x78\x9c", "unreadable", "Cellomics C01, not read here"),
    ("a.stk", b"\x01\x02", "unreadable", "MetaMorph STK, not read here"),
    ("a.dcm", bytes(128) + b"DICM\x02", "unreadable", "DICOM, not read here"),
    ("a.tif", None, "missing", "no file at"),
]


@pytest.mark.parametrize(("name", "content", "status", "words"), OTHERS, ids=[f"{o[0]}: {o[3][:25]}" for o in OTHERS])
def test_what_is_not_read_is_called_by_its_name(tmp_path, name, content, status, words):
    path = tmp_path / name
    if callable(content):
        content(path)
    elif content is not None:
        path.write_bytes(content)
    with pytest.raises(BadField) as error:
        kind(path)
    assert error.value.status == status
    assert words in error.value.detail
    assert str(path) in error.value.detail
    assert ("damaged" in error.value.detail) == ("damaged" in words)


def test_folders_are_zarr_or_no_image(tmp_path):
    (tmp_path / "zarr.json").touch()
    assert kind(tmp_path) == "zarr"
    (tmp_path / "zarr.json").unlink()
    with pytest.raises(BadField, match="a folder, not an image"):
        kind(tmp_path)


def test_a_file_within_a_file_is_missing(tmp_path):
    (tmp_path / "a").touch()
    with pytest.raises(BadField, match="no file at"):
        kind(tmp_path / "a" / "b.tif")
