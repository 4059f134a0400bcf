"""Slurm, seen from a run and from its jobs: what is in the queue, if anything answers, and jobs that go on later."""

import asyncio
import logging
import os
import shutil
import subprocess
from contextlib import contextmanager
from functools import wraps

from wellread.runtime.errors import InputError, Stopped

log = logging.getLogger("wellread")
PATIENCE = 60  # seconds for an answer of the controller, which may be busy
PAUSE = 10  # seconds until it is asked again


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


def outlast_the_controller():
    """Let Snakemake's executor ask after its jobs only when Slurm answers.

    The plugin (2.8.0) forgets all its jobs once nothing answers, and then waits for them for ever.
    """
    from snakemake_executor_plugin_slurm import Executor

    if shutil.which("squeue") and not hasattr(Executor.check_active_jobs, "__wrapped__"):
        Executor.check_active_jobs = when_it_answers(Executor.check_active_jobs)


def when_it_answers(check):
    """The method `check` of an executor, which yields the jobs that still run, put off until Slurm answers."""

    @wraps(check)
    async def put_off(executor, jobs):
        told = False
        while jobs and executor.wait and squeue("--me") is None:
            if not told:
                executor.logger.warning("Slurm's controller does not answer: the run waits until it does")
            told = True
            await asyncio.sleep(PAUSE)
        async for job in check(executor, jobs):
            yield job

    return put_off


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
