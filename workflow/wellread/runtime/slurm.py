"""Slurm, seen from a run and from its jobs: what is still in the queue, and jobs that go on later."""

import logging
import os
import shutil
import subprocess
from contextlib import contextmanager

from wellread.runtime.errors import InputError, Stopped

log = logging.getLogger("wellread")
PATIENCE = 60  # seconds for an answer of the controller, which may be busy


def check_alone(folder: str):
    """Raise an InputError if jobs that Snakemake sent off from `folder` are still in the queue.

    They are from a run that was killed: sent off again, they would write the same files twice at once. Where no Slurm
    answers nothing is said.
    """
    if left := jobs_of(folder):
        named = ", ".join(f"{number} ({what})" for number, what in list(left.items())[:5])
        more = f" and {len(left) - 5} more" if len(left) > 5 else ""
        edit = f"wait until they have ended (`squeue --me`), or end them: scancel {' '.join(left)}"
        raise InputError("no jobs of an earlier run in Slurm's queue", named + more, folder, edit)


def jobs_of(folder: str) -> dict[str, str]:
    """The jobs in the queue that Snakemake sent off from a folder: {number: comment, such as `rule_train`}."""
    rows = [line.split("|", 2) for line in (squeue("--me", "--format=%i|%Z|%k") or "").splitlines()]
    return {row[0]: row[2] for row in rows if os.path.realpath(row[1]) == folder and row[2].startswith("rule_")}


def squeue(*options: str) -> str | None:
    """The answer of `squeue`, without a header; None if there is none."""
    if not shutil.which("squeue"):
        return None
    words = ["squeue", "--noheader", *options]
    try:
        done = subprocess.run(words, capture_output=True, text=True, timeout=PATIENCE)
    except subprocess.TimeoutExpired:
        return None
    return done.stdout.strip() if done.returncode == 0 else None


def nodes() -> int:
    """The nodes of the Slurm job that this process is of; 1 outside of any."""
    job = os.environ.get("SLURM_JOB_ID")
    return int((squeue(f"--jobs={job}", "--format=%D") if job else None) or 1)


@contextmanager
def queued_again():
    """Context of work that saves its state and raises Stopped when it is asked to.

    A job that Slurm asks so (sbatch --signal) before its time is over goes back into the queue under its own number,
    and Snakemake waits on. A job that is cancelled, or already out of time, does not.
    """
    try:
        yield
    except Stopped:
        job = os.environ.get("SLURM_JOB_ID")
        if job and squeue(f"--jobs={job}", "--format=%T") == "RUNNING":
            log.info("job %s goes back into the queue", job)
            done = subprocess.run(["scontrol", "requeue", job], capture_output=True, text=True, timeout=PATIENCE)
            if done.returncode:
                log.warning("job %s cannot be queued again: %s", job, done.stderr.strip())
        raise
