"""Many independent items on several cores, results in order, memory flat."""

import ctypes
import multiprocessing
import os
import signal
import sys
import threading
from collections import deque
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool

from wellread.runtime.errors import InputError


def ordered(function, items, workers: int):
    """Yield function(item) for every item, in order; at most workers + 2 results wait at any time.

    An InputError if a process was killed; whatever goes wrong, items that wait are not begun. If this process is
    killed, its workers end with it.
    """
    if workers <= 1:
        yield from map(function, items)
        return
    pool = ProcessPoolExecutor(workers, initializer=end_with_parent)
    try:
        waiting = deque()
        for item in items:
            waiting.append(pool.submit(function, item))
            if len(waiting) > workers + 1:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()
    except BrokenProcessPool as error:
        found, edit = "one was killed: by want of memory, as a rule", "more memory for the job, or fewer threads"
        raise InputError("processes that end well", found, f"{workers} processes", edit) from error
    finally:
        pool.shutdown(cancel_futures=True)


def end_with_parent() -> None:
    """In a worker process: end at once when the process that started it is gone, even by SIGKILL."""
    threading.Thread(target=_wait_for_parent, daemon=True).start()


def stop_with_parent() -> None:
    """In a process about to run another program (`preexec_fn`): SIGTERM for it once its parent is gone; Linux only."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(1, signal.SIGTERM)  # PR_SET_PDEATHSIG


def _wait_for_parent() -> None:
    multiprocessing.parent_process().join()
    os._exit(1)
