"""Files below a folder: links, loops, and folders that are not there."""

import pytest
from wellread.inputs import listing
from wellread.runtime.errors import InputError


@pytest.fixture
def server(tmp_path):
    for name in ["server/P1/a.tif", "server/P1/deep/b.tif", "server/P2/a.tif", "server/.hidden", "server/P2/._a.tif"]:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    (tmp_path / "raw").mkdir()
    return tmp_path


def test_linked_folders_and_files_are_followed(server):
    (server / "raw/P1").symlink_to(server / "server/P1")
    (server / "raw/c.tif").symlink_to(server / "server/P2/a.tif")
    assert listing.files_below(server / "raw", "k") == ["P1/a.tif", "P1/deep/b.tif", "c.tif"]
    (server / "link").symlink_to("raw")
    assert listing.files_below(server / "link", "k") == ["P1/a.tif", "P1/deep/b.tif", "c.tif"]


def test_links_that_lead_back_end(server):
    (server / "server/P1/up").symlink_to("..")
    (server / "server/P2/other").symlink_to(server / "server/P1")
    assert listing.files_below(server / "server", "k") == [
        "P1/a.tif", "P1/deep/b.tif", "P2/a.tif", "P2/other/a.tif", "P2/other/deep/b.tif",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("path", "words"),
    [
        ("row", "no folder at {0}/row; did you mean {0}/raw?"),
        ("sever/P1/deep", "no folder at {0}/sever; did you mean {0}/server?"),
        ("server/P1/xyz/w", "no folder at {0}/server/P1/xyz; {0}/server/P1 has a.tif, deep"),
        ("broken", "a broken link at {0}/broken"),
    ],
)
def test_a_folder_that_is_missing_is_called_so(server, path, words):
    (server / "broken").symlink_to(server / "gone")
    with pytest.raises(InputError) as error:
        listing.files_below(server / path, "datasets.d.images.pattern.folder")
    assert words.format(server) in str(error.value)
    assert "datasets.d.images.pattern.folder" in str(error.value)


def test_numbers_are_sorted_as_numbers():
    assert sorted(["w10", "w9", "2", "10", "w", "1"], key=listing.natural) == ["1", "2", "10", "w", "w9", "w10"]
