"""Files that hold no weights are told from those that do by their first bytes and length, each with what to do."""

import gzip

import numpy as np
import pytest
import torch
from safetensors.numpy import save_file
from wellread.networks import weight_files
from wellread.runtime.errors import InputError

POINTER = b"version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 9\n"


def folder(path):
    path.mkdir()
    (path / "best.pth").write_bytes(b"")


def written(content):
    return lambda path: path.write_bytes(content)


def whole(path):
    if path.suffix == ".safetensors":
        save_file({"a": np.zeros((9, 9), np.float32), "b": np.ones(3, np.float32)}, path, {"made": "by us"})
    else:
        torch.save({"a": torch.zeros(9, 9)}, path, _use_new_zipfile_serialization=path.suffix != ".bin")


def cut(path):
    whole(path)
    path.write_bytes(path.read_bytes()[:-20])


BAD = [
    ("w.pth", lambda path: None, "no file at"),
    ("w.pth", folder, r"a folder at .*best\.pth"),
    ("w.pth", written(b""), "an empty file"),
    ("w.pth", written(POINTER), "git lfs pull"),
    ("w.safetensors", written(POINTER), "git lfs pull"),
    ("w.pth", written(b"\n<!DOCTYPE html><html>"), "a web page"),
    ("w.safetensors", written(b"<?xml version='1.0'?><Error/>"), "a web page"),
    ("w.pth", written(b'{"error": "not found"}'), "a text file"),
    ("w.pth", written(bytes(4096)), "zeros"),
    ("w.pth", written(gzip.compress(b"PK")), "compressed with gzip"),
    ("w.pth", cut, "cut off"),
    ("w.pt2", cut, "cut off"),
    ("w.safetensors", cut, "cut off"),
    ("w.safetensors", written(b"\x80\x02}q\x00."), r"no \.safetensors"),
    ("w.safetensors", written(b"\x02\0\0\0\0\0\0\0[]"), r"no \.safetensors"),
]


@pytest.mark.parametrize(("name", "make", "words"), BAD, ids=[f"{name} {words}" for name, _, words in BAD])
def test_what_is_no_whole_file_of_weights_is_called_by_its_name(tmp_path, name, make, words):
    make(tmp_path / name)
    with pytest.raises(InputError, match=f"(?s){words}") as error:
        weight_files.check(tmp_path / name, "models.m.encoder")
    assert "models.m.encoder" in str(error.value)


@pytest.mark.parametrize("name", ["w.pth", "w.bin", "w.safetensors", "without_suffix"])
def test_whole_files_are_weights(tmp_path, name):
    whole(tmp_path / name)
    weight_files.check(tmp_path / name, "models.m.encoder")


def test_a_link_to_nothing_is_no_file(tmp_path):
    (tmp_path / "w.pth").symlink_to("elsewhere.pth")
    with pytest.raises(InputError, match="no file at"):
        weight_files.check(tmp_path / "w.pth", "here")
