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


def test_a_file_is_no_folder_of_images(server):
    with pytest.raises(InputError, match="a file at"):
        listing.files_below(server / "server/P1/a.tif", "k")


@pytest.mark.parametrize(
    ("path", "words"),
    [
        ("https://host/a.tif", "an address, and only"),
        ("s3:/bucket/a.tif", "an address, and only"),
        ("file:///data/a.tif", "after file://"),
        ("Z:\\screen\\a.tif", "a path of Windows"),
        ("C:/screen/a.tif", "a path of Windows"),
        ("raw\\a.tif", "write / between"),
        ("~/a.tif", "your home folder"),
        ("$HOME/a.tif", "names no variable"),
        ("server/P1/A.TIFF", "did you mean server/P1/a.tif?"),
        ("SERVER/P1/a.tif", "did you mean server?"),
        ("serve/P1/a.tif", "did you mean server?"),
        ("server/P1/xyz.tif", ""),
        ("nowhere/a.tif", ""),
    ],
)
def test_what_a_path_may_mean_at_which_nothing_is(server, monkeypatch, path, words):
    monkeypatch.chdir(server)
    assert words in listing.instead(path)
    assert bool(words) == bool(listing.instead(path))


def test_a_file_of_a_like_name_is_meant_where_files_are_not_one_of_many(server):
    (server / "wells.csv").touch()
    assert listing.instead(server / "well.csv") == ""
    assert f"did you mean {server / 'wells.csv'}?" in listing.instead(server / "well.csv", near=True)
