"""One alarm clock for Snakemake's scheduler, in place of one more after every job.

While jobs wait for free cores, each choice of jobs sets a timer, which leads to the next choice a second later, and so
does the end of each job: after a thousand jobs there are a thousand choices a second, each of all jobs that wait
(https://github.com/snakemake/snakemake/issues/2967, in 9.27). One timer at a time asks as often as one second allows.
"""

import threading
from contextlib import suppress


def one_timer() -> None:
    """Let Snakemake's scheduler have one timer at a time; nothing, where its code is another."""
    with suppress(ImportError):
        from snakemake.scheduling.job_scheduler import JobScheduler

        if hasattr(JobScheduler, "_schedule_reevalutation"):
            JobScheduler._schedule_reevalutation = _wake_later


def _wake_later(scheduler, delay: float) -> None:
    """Wake `scheduler` after `delay` seconds, unless that will be done anyway."""
    if getattr(scheduler, "_is_to_wake", False):
        return

    def wake():
        scheduler._is_to_wake = False  # before it wakes: what it sets then is a timer of its own
        scheduler._open_jobs.release()

    scheduler._is_to_wake = True
    timer = threading.Timer(delay, wake)
    timer.daemon = True
    timer.start()
