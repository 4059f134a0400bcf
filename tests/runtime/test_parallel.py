"""Items on several cores: in order, and no worker outlives the process that started it."""

import os
import signal
import subprocess
import sys
import time

import pytest
from paths import ROOT
from wellread.runtime import parallel
from wellread.runtime.errors import InputError
from wellread.runtime.parallel import ordered


def square(number):
    return number**2


def killed(number):
    os.kill(os.getpid(), signal.SIGKILL)


@pytest.mark.parametrize("workers", [1, 2])
def test_results_come_in_order(workers):
    assert list(ordered(square, range(10), workers)) == [i**2 for i in range(10)]


def test_a_killed_worker_is_an_error_in_plain_words():
    with pytest.raises(InputError, match="memory"):
        list(ordered(killed, range(3), 2))


PARENT = """
import os, time
from pathlib import Path
from wellread.runtime.parallel import ordered

def work(number):
    Path(str(os.getpid())).touch()
    time.sleep(600)

if __name__ == "__main__":
    list(ordered(work, range(3), 3))
"""


def test_workers_end_with_their_parent(tmp_path):
    (tmp_path / "parent.py").write_text(PARENT)
    (tmp_path / "pids").mkdir()
    env = os.environ | {"PYTHONPATH": str(ROOT / "workflow")}
    parent = subprocess.Popen([sys.executable, tmp_path / "parent.py"], cwd=tmp_path / "pids", env=env)
    while len(workers := [int(path.name) for path in (tmp_path / "pids").iterdir()]) < 3:
        assert parent.poll() is None
        time.sleep(0.05)
    parent.kill()
    parent.wait()
    limit = time.monotonic() + 120
    while any(map(alive, workers)):
        assert time.monotonic() < limit, "a worker is still there"
        time.sleep(0.05)


PROGRAM = """
import subprocess, sys
from wellread.runtime.parallel import stop_with_parent

with subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"], preexec_fn=stop_with_parent) as run:
    print(run.pid, flush=True)
"""


def test_a_program_stops_with_its_parent():
    env = os.environ | {"PYTHONPATH": str(ROOT / "workflow")}
    parent = subprocess.Popen([sys.executable, "-c", PROGRAM], stdout=subprocess.PIPE, env=env, text=True)
    program = int(parent.stdout.readline())
    parent.kill()
    parent.wait()
    limit = time.monotonic() + 120
    while alive(program):
        assert time.monotonic() < limit, "the program is still there"
        time.sleep(0.05)


def alive(pid):
    """Whether a process runs; one that has ended and waits for nobody to ask is dead."""
    try:
        with open(f"/proc/{pid}/stat") as file:
            return file.read().rsplit(")", 1)[1].split()[0] != "Z"
    except FileNotFoundError:
        return False


def test_what_linux_alone_can_do_is_asked_of_no_other_system(monkeypatch):
    monkeypatch.setattr(parallel.sys, "platform", "darwin")
    monkeypatch.setattr(parallel.ctypes, "CDLL", lambda _: pytest.fail("prctl is there on Linux only"))
    parallel.stop_with_parent()
