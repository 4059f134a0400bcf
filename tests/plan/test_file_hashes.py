"""Hashes of files are those of what is there, read once as long as the disk says that it is the same."""

import hashlib
import os

import pytest
from wellread.plan import file_hashes, kept


@pytest.fixture
def read(tmp_path, monkeypatch):
    """The files that were read, in a folder where no hash is kept."""
    monkeypatch.chdir(tmp_path)
    found = []

    def sha256_of(path):
        found.append(str(path))
        return hashlib.sha256(path.read_bytes()).hexdigest()

    monkeypatch.setattr(file_hashes, "sha256_of", sha256_of)
    monkeypatch.setattr(file_hashes, "SETTLED", -1e9)  # files made a moment ago are trusted
    file_hashes._known.cache_clear()
    yield found
    file_hashes._known.cache_clear()


def expected(path):
    return hashlib.sha256(path.read_bytes()).hexdigest()


def test_a_file_is_read_once_and_again_when_it_changes(read, tmp_path):
    path = tmp_path / "w"
    path.write_bytes(b"one")
    for _ in range(2):
        assert file_hashes.sha256(path) == expected(path)
        file_hashes._known.cache_clear()  # as in a later run
    assert len(read) == 1
    before = path.stat()
    path.write_bytes(b"two")
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert file_hashes.sha256(path) == expected(path)
    assert len(read) == 2


def test_a_file_that_has_only_just_changed_is_read_again(read, tmp_path, monkeypatch):
    monkeypatch.setattr(file_hashes, "SETTLED", 1e12)
    path = tmp_path / "w"
    path.write_bytes(b"one")
    assert file_hashes.sha256(path) == file_hashes.sha256(path) == expected(path)
    assert len(read) == 2


@pytest.mark.parametrize("text", ["", "{", "[]", '{"w": 1}', '{"w": {}}', "\x00"])
def test_what_is_damaged_is_made_again(read, tmp_path, text):
    path = tmp_path / "w"
    path.write_bytes(b"one")
    file_hashes.sha256(path)
    (kept.FOLDER / file_hashes.NAME).write_text(text)
    file_hashes._known.cache_clear()
    assert file_hashes.sha256(path) == expected(path)
    assert len(read) == 2
