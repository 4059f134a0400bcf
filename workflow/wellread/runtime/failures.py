"""Jobs that failed on a cluster: what is told of them, and what to do."""

import logging
import re
import sys
import time
from pathlib import Path

LINES = 20  # of each log, from its end
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
    r"completed successfully, but some output files are missing": (
        "an input of the job was gone when it began (look for those named above), or files appear late on "
        "this file system: then raise `latency-wait` of the profile"
    ),
    r"No space left on device|Disk quota exceeded": "the disk is full: free some, then the same command goes on",
}  # fmt: skip


def advice(text: str) -> list[str]:
    """What to do about the errors of Slurm that a log tells of, each once, in the order of ADVICE."""
    return [what for words, what in ADVICE.items() if re.search(words, text)]


class Failures(logging.Handler):
    """What Snakemake logs of jobs that failed, with the ends of their logs: in `text` and, with `show`, printed.

    Where Snakemake is quiet about rules it leaves them out, even of its log file; on a cluster nothing else tells. Its
    other errors, such as output files that are missing, it prints itself: they are in `text` alone.
    """

    def __init__(self, show: bool):
        super().__init__(logging.ERROR)
        self.text, self.show, self.start = "", show, time.time()

    def emit(self, record):
        of_job = hasattr(record, "rule_msg")
        text = description(record, self.start) if of_job else f"{record.getMessage()}\n"
        self.text += text
        if of_job and self.show:
            print(text, file=sys.stderr, end="", flush=True)


def description(record: logging.LogRecord, start: float = 0) -> str:
    """The failure of a job, as Snakemake logs it (`rule_name`, `rule_msg`, `output`, `log`), in lines.

    A log that was last written before `start` (seconds since the epoch) is of another run: a job that was never
    submitted, say, has written none.
    """
    lines = [f"failed: {record.rule_name}, which makes {', '.join(record.output)}"]
    lines += (record.rule_msg or "").splitlines()
    for log in (Path(name.split(" (")[0]) for name in record.log):
        if log.is_file():
            which = "" if log.stat().st_mtime >= start else ", of an earlier run"
            lines += [f"end of {log}{which}:", *(f"  {line}" for line in ends(log))]
    return "\n".join(lines) + "\n"


def ends(log: Path) -> list[str]:
    """The last lines of a log."""
    return log.read_text(errors="replace").splitlines()[-LINES:]
