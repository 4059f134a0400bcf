"""The log of a job."""

import logging

import pytest
from wellread.runtime import job
from wellread.runtime.errors import InputError


@pytest.fixture(autouse=True)
def handlers_as_before():
    before = logging.root.handlers[:]
    yield
    logging.captureWarnings(False)
    for handler in logging.root.handlers[:]:
        if handler not in before:
            handler.close()
    logging.root.handlers[:] = before


def test_a_log_begins_anew(tmp_path):
    path = tmp_path / "logs" / "a.log"
    path.parent.mkdir()
    path.write_text("of a run that has ended\n")
    with job.running(str(path), plate="P1"):
        pass
    assert "of a run that has ended" not in path.read_text()
    assert "plate P1, process" in path.read_text()
    assert path.read_text().endswith("done\n")


def test_a_second_run_of_a_job_writes_below_the_first(tmp_path):
    path = tmp_path / "a.log"
    first = job._log_file(str(path))
    first.stream.write("epoch 1\n")
    first.flush()
    with pytest.raises(SystemExit), job.running(str(path)):
        raise InputError("one run at a time", "another", "here", "wait")
    first.stream.write("epoch 2\n")
    first.close()
    lines = path.read_text().splitlines()
    assert lines[0] == "epoch 1"
    assert lines[-1] == "epoch 2"
    assert any("stopped" in line for line in lines)
