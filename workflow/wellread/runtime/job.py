"""The frame around every job: its log, the facts that belong in it, and plain words for users' errors."""

import fcntl
import gc
import logging
import os
import platform
import sys
from contextlib import contextmanager
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from wellread import __version__
from wellread.runtime.errors import InputError

log = logging.getLogger("wellread")
PACKAGES = ("numpy", "pandas", "scikit-image", "scikit-learn", "torch", "snakemake")


@contextmanager
def running(log_path: str, **facts):
    """Log to `log_path`, warnings also to the terminal; an InputError ends the process with its message alone."""
    Path(log_path).parent.mkdir(parents=True, exist_ok=True)
    screen = logging.StreamHandler()
    screen.setLevel(logging.WARNING)
    logging.basicConfig(
        level=logging.INFO,
        format="%(asctime)s %(levelname)s %(message)s",
        handlers=[_log_file(log_path), screen],
        force=True,
    )
    logging.captureWarnings(True)
    log.info("wellread %s on %s, %s", __version__, platform.node(), platform.platform())
    log.info("python %s, %s", platform.python_version(), ", ".join(filter(None, map(_version, PACKAGES))))
    log.info("%s, process %d", ", ".join(f"{name} {value}" for name, value in facts.items()), os.getpid())
    gc.freeze()  # modules stay until the end, and no collection needs to look at them, nor the one at the end
    try:
        yield
        log.info("done")
    except InputError as error:
        log.error("stopped:\n%s", error)
        sys.exit(1)
    except Exception:
        log.exception("stopped by an unforeseen error")
        sys.exit(1)


def _log_file(path: str) -> logging.FileHandler:
    """Writes to a new log, or below that of another run of this job that has not ended: see `train/lock.py`."""
    handler = logging.FileHandler(path, mode="a")
    try:
        fcntl.flock(handler.stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return handler
    except OSError as error:
        log.debug("%s cannot be locked: %s", path, error)
    handler.stream.truncate(0)
    return handler


def _version(package: str) -> str:
    try:
        return f"{package} {version(package)}"
    except PackageNotFoundError:
        return ""
