"""Slurm, seen from a run and from its jobs: what is still in the queue, jobs that go on later, advice about errors."""

import logging
import os
import re
import shutil
import subprocess
from contextlib import contextmanager

from wellread.runtime.errors import InputError, Stopped

log = logging.getLogger("wellread")
PATIENCE = 60  # seconds for an answer of the controller, which may be busy
ADVICE = {  # what Slurm or its plugin says: what to do
    r"Requested node configuration is not available": (
        "no node of the partition has as many CPUs, as much memory or such GPUs as a job asks for. "
        '`sinfo -o "%P %c %m %G %l"` shows what they have; set less for the rule in the profile, as in '
        "`set-threads: {segment: 2}` and `set-resources: {segment: {mem_mb: 3000}}`, or another `gpu_partition` or "
        "`gpu_type`"
    ),
    r"invalid partition": "`slurm_partition` or `gpu_partition` of the profile: `sinfo -s` lists the partitions",
    r"Invalid account": (
        "`slurm_account` of the profile, or an account that may not use this partition: "
        "`sacctmgr show associations user=$USER format=account,partition,qos` lists yours"
    ),
    r"[Ii]nvalid qos": "`qos` or `gpu_qos` of the profile: `sacctmgr show associations user=$USER format=account,qos`",
    r"time limit is invalid|PartitionTimeLimit": (
        "a job asks for more time than its partition gives (`sinfo -s`): set `runtime` (minutes) of the rule in the "
        "profile below that; a training that runs out of it goes on by itself"
    ),
    r"Invalid generic resource|[Ii]nvalid.* gres": (
        'the GPUs that a job asks for are not there under this name: `sinfo -o "%P %G"` shows them; see '
        "`gpu_partition` and `gpu_type` of the profile"
    ),
    r"Unable to contact slurm controller": "Slurm's controller did not answer; run the same command again later",
    r"status is: 'OUT_OF_MEMORY'|[Ee]xceeded (job )?memory limit|oom.kill": (
        "a job used more memory than it had asked for, which is twice as much at every attempt: set `mem_mb` of its "
        "rule in the profile"
    ),
    r"status is: 'TIMEOUT'": "a job ran out of its time: set `runtime` (minutes) of its rule in the profile",
    r"status is: 'NODE_FAIL'": "a node failed; the same command does again what was lost",
    r"status is: 'CANCELLED'": "a job was cancelled (scancel, or an administrator); the same command does it again",
    r"No space left on device|Disk quota exceeded": "the disk is full: free some, then the same command goes on",
}  # fmt: skip


def advice(text: str) -> list[str]:
    """What to do about the errors of Slurm that a log tells of, each once, in the order of ADVICE."""
    return [what for words, what in ADVICE.items() if re.search(words, text)]


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
