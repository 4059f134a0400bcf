"""A lock on a model, so that two runs never train it at once."""

import fcntl
import logging
import os
import platform
from contextlib import contextmanager
from pathlib import Path

from wellread.runtime.errors import InputError

log = logging.getLogger("wellread")


@contextmanager
def locked(path):
    """Context in which no other process holds the lock file `path`, on this machine or one that shares the disk.

    The kernel frees it when this process ends, however it ends. An InputError that names who holds it. Where a disk has
    no locks (NFS and Lustre may be mounted without), a warning.
    """
    file = _opened(Path(path))
    try:
        yield
    finally:
        Path(path).unlink(missing_ok=True)
        file.close()


def _opened(path):
    """The lock file, locked, with this process's name in it; not one that its last holder has deleted meanwhile."""
    file = open(path, "a")  # noqa: SIM115 (locked as long as it is open)
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        raise _taken(path) from None
    except OSError as error:
        log.warning("%s cannot be locked (%s): see to it that one run at a time trains this model", path, error)
    if not path.exists() or not os.path.samestat(path.stat(), os.fstat(file.fileno())):
        file.close()
        return _opened(path)
    file.truncate(0)
    file.write(f"process {os.getpid()} on {platform.node()}")
    file.flush()
    return file


def _taken(path) -> InputError:
    holder = path.read_text() or "another process"
    edit = "wait until it has ended, or end it (kill) and run again: training goes on from its last checkpoint"
    return InputError("one run at a time that trains a model", f"{holder} is training it", str(path.parent), edit)
