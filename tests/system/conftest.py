"""A Slurm of two nodes for the tests of this folder, where its programs are installed (`slurm.sh install`)."""

import os
import shutil
import signal
import socket
import subprocess
import time
from pathlib import Path

import pytest

SCRIPT = Path(__file__).with_name("slurm.sh")
DAEMONS = ("slurmctld", "slurmd", "munged")


class Slurm:
    """The cluster in a folder, whose clients are in its `bin`."""

    def __init__(self, folder: Path):
        self.folder, self.port = folder, free_ports()

    def up(self):
        """Start what does not run."""
        self._script("up", str(self.folder), str(self.port))

    def stop(self):
        self._script("stop", str(self.folder))

    def kill(self, daemon: str, how=signal.SIGKILL):
        """End a daemon: slurmctld, n1 or n2."""
        os.kill(int((self.folder / f"{daemon}.pid").read_text()), how)

    def save(self):
        """Wait until the controller has written down what it has been told until now, as it does every few seconds."""
        path, now = self.folder / "state/job_state", time.time()
        for _ in range(150):
            if path.exists() and path.stat().st_mtime > now:
                return
            time.sleep(0.1)
        raise TimeoutError(f"{path} is not written")

    def records(self, folder: Path) -> list[dict]:
        """What the scheduler says of the jobs of a folder, in order, those that have ended included."""
        words = ["scontrol", "--oneliner", "show", "jobs"]
        lines = subprocess.run(words, capture_output=True, text=True, check=True).stdout.splitlines()
        jobs = [dict(word.split("=", 1) for word in line.split() if "=" in word) for line in lines]
        return [job for job in jobs if job.get("WorkDir") == str(folder)]

    def queue(self, options="%i %k %T") -> list[list[str]]:
        """The jobs that wait or run, a list of words for each."""
        done = subprocess.run(["squeue", "--noheader", f"--format={options}"], capture_output=True, text=True)
        return [line.split() for line in done.stdout.splitlines()]

    def wait_for(self, words: str, seconds=60) -> str:
        """The number of the first job whose line in the queue has these words."""
        for _ in range(seconds * 5):
            if found := [line[0] for line in self.queue() if words in " ".join(line)]:
                return found[0]
            time.sleep(0.2)
        raise TimeoutError(f"no job {words} in {self.queue()}")

    def _script(self, *arguments):
        done = subprocess.run([SCRIPT, *arguments], capture_output=True, text=True, timeout=300)
        assert done.returncode == 0, done.stdout + done.stderr


def free_ports() -> int:
    """The first of three free ports in a row, with luck."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return min(free.getsockname()[1], 65000)


@pytest.fixture(scope="session")
def cluster(tmp_path_factory):
    """A running Slurm, which ends with the tests."""
    path = f"{os.environ['PATH']}:/usr/sbin"
    if missing := [name for name in DAEMONS if not shutil.which(name, path=path)]:
        pytest.skip(f"{', '.join(missing)} not installed: see tests/system/slurm.sh")
    slurm = Slurm(tmp_path_factory.mktemp("slurm"))
    slurm.up()
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PATH", f"{slurm.folder}/bin:{path}")
        yield slurm
    slurm.stop()


@pytest.fixture
def slurm(cluster):
    """The same, whole again and with an empty queue after what an earlier test may have done to it."""
    cluster.up()
    yield cluster
    subprocess.run(["scancel", "--me"], check=False)
