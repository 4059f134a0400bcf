"""Images of a public bucket are copied whole, whatever the server does, and what is here is not copied again."""

import threading
import time

import pytest
from s3 import Server
from wellread.inputs import stage as staging
from wellread.inputs.bucket import Bucket
from wellread.inputs.stage import stage
from wellread.runtime.errors import InputError

OBJECTS = {f"cpg/images/P {i % 2}/r01f{i:02d}+x#1.tif": bytes([i]) * (5000 + i) for i in range(12)}
OBJECTS |= {"cpg/images/P 0/index.xml": b"not wanted"}
KEYS = [key for key in OBJECTS if key.endswith(".tif")]


@pytest.fixture
def server():
    server = Server(dict(OBJECTS), page=4)
    yield server
    server.stop()


def bucket(server, patience=5.0):
    return Bucket("cellpainting-gallery", "datasets.d.images.gallery", endpoint=server.endpoint, patience=patience)


def copied(folder):
    home = folder / "cellpainting-gallery"
    return {path.relative_to(home).as_posix(): path.read_bytes() for path in home.rglob("*") if path.is_file()}


def test_files_are_those_of_the_bucket(server, tmp_path):
    stage(KEYS, tmp_path / "P1", bucket(server))
    assert copied(tmp_path / "P1") == {key: OBJECTS[key] for key in KEYS}
    assert [path.name for path in tmp_path.iterdir()] == ["P1"]
    assert sorted(server.asked) == sorted(KEYS)


def test_sizes_are_those_of_the_objects_asked_for(server):
    sizes = bucket(server).sizes([*KEYS, "cpg/none.tif"])
    assert sizes == {key: len(OBJECTS[key]) for key in KEYS}


@pytest.mark.dag
def test_connections_that_drop_are_made_again(server, tmp_path):
    server.dropped = 9
    stage(KEYS, tmp_path / "P1", bucket(server), connections=3)
    assert copied(tmp_path / "P1") == {key: OBJECTS[key] for key in KEYS}


@pytest.mark.dag
def test_an_object_that_comes_truncated_is_fetched_again_and_never_taken(server, tmp_path):
    server.short[KEYS[3]] = b"half"
    with pytest.raises(InputError, match=r"(?s)within 1 s.*4 of 5003 bytes.*f03.*what is there stays"):
        stage(KEYS, tmp_path / "P1", bucket(server, patience=1.0))
    assert not (tmp_path / "P1").exists()
    server.short.clear()
    server.asked.clear()
    stage(KEYS, tmp_path / "P1", bucket(server))
    assert copied(tmp_path / "P1") == {key: OBJECTS[key] for key in KEYS}
    assert KEYS[3] in server.asked
    assert len(server.asked) < len(KEYS)  # the others, or most of them, were there


def test_a_file_of_another_size_is_copied_again(server, tmp_path):
    home = tmp_path / ".P1.part" / "cellpainting-gallery"
    for key, text in ((KEYS[0], OBJECTS[KEYS[0]]), (KEYS[1], b"cut")):
        (home / key).parent.mkdir(parents=True, exist_ok=True)
        (home / key).write_bytes(text)
    stage(KEYS, tmp_path / "P1", bucket(server))
    assert copied(tmp_path / "P1") == {key: OBJECTS[key] for key in KEYS}
    assert sorted(server.asked) == sorted(KEYS[1:])


@pytest.mark.dag
def test_a_server_that_comes_back_is_waited_for(server, tmp_path):
    server.stop()
    back = []
    timer = threading.Timer(1.0, lambda: back.append(Server(dict(OBJECTS), port=server.server_port)))
    timer.start()
    stage(KEYS, tmp_path / "P1", bucket(server, patience=20.0))
    back[0].stop()
    assert len(copied(tmp_path / "P1")) == len(KEYS)


@pytest.mark.dag
def test_a_server_that_stays_away_is_told_of(tmp_path, server):
    server.stop()
    start = time.monotonic()
    with pytest.raises(InputError, match=rf"(?s)an answer of {server.endpoint} within 1 s.*gallery.*endpoint"):
        stage(KEYS, tmp_path / "P1", bucket(server, patience=1.0))
    assert time.monotonic() - start > 0.3  # it was asked more than once


def test_objects_that_are_not_there_are_told_of_unless_none_is(server, tmp_path, caplog):
    del server.objects[KEYS[0]]
    stage(KEYS, tmp_path / "P1", bucket(server))
    assert copied(tmp_path / "P1") == {key: OBJECTS[key] for key in KEYS[1:]}
    assert f"1 of 12 are not there, such as s3://cellpainting-gallery/{KEYS[0]}" in caplog.text
    with pytest.raises(InputError, match="2 of 2 are not there"):
        stage(["cpg/a.tif", "cpg/b.tif"], tmp_path / "P2", bucket(server))


def test_what_does_not_fit_is_refused_before_it_is_copied(server, tmp_path, monkeypatch):
    monkeypatch.setattr(staging.shutil, "disk_usage", lambda _: staging.shutil._ntuple_diskusage(9e9, 9e9, 60_065))
    with pytest.raises(InputError, match="GB of free disk"):  # one byte less than all
        stage(KEYS, tmp_path / "P1", bucket(server))
    assert server.asked == []
