"""Outputs are whole or absent, whatever happens to the process that writes them."""

import os
import signal
import subprocess
import sys
import time

import pytest
from wellread.runtime.files import whole


def test_an_error_leaves_the_old_file_and_no_other(tmp_path):
    target = tmp_path / "cells.parquet"
    target.write_text("old")
    with pytest.raises(RuntimeError), whole(target) as part:  # noqa: PT012
        part.write_text("half")
        raise RuntimeError
    assert target.read_text() == "old"
    assert list(tmp_path.iterdir()) == [target]


def test_folders_are_replaced_as_a_whole(tmp_path):
    for content in "ab":
        with whole(tmp_path / "P1") as part:
            part.mkdir()
            (part / content).touch()
    assert [path.name for path in (tmp_path / "P1").iterdir()] == ["b"]


def test_what_a_killed_writer_left_is_swept_by_the_next(tmp_path):
    code = f"""
import sys, time
sys.path.insert(0, "workflow")
from wellread.runtime.files import whole
with whole("{tmp_path}/masks.tif") as part:
    part.write_text("half")
    print("writing", flush=True)
    time.sleep(60)
"""
    writer = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE)
    writer.stdout.readline()
    os.kill(writer.pid, signal.SIGKILL)
    writer.wait()
    assert not (tmp_path / "masks.tif").exists()
    assert len(list(tmp_path.iterdir())) == 1
    with whole(tmp_path / "masks.tif") as part:
        part.write_text("whole")
    assert [path.name for path in tmp_path.iterdir()] == ["masks.tif"]


def test_two_live_writers_do_not_meet(tmp_path):
    with whole(tmp_path / "a.npy") as mine:
        time.sleep(0)
        other = mine.with_name(mine.name.replace(str(os.getpid()), "1"))  # process 1 lives
        other.write_text("theirs")
        mine.write_text("mine")
    with whole(tmp_path / "a.npy") as mine:
        mine.write_text("again")
        assert other.exists()
