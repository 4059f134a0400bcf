"""What Snakemake and its executor for Slurm are to do in another way, where their code is as we know it.

One alarm clock for the scheduler, in place of one more after every job.

While jobs wait for free cores, each choice of jobs sets a timer, which leads to the next choice a second later, and so
does the end of each job: after a thousand jobs there are a thousand choices a second, each of all jobs that wait
(https://github.com/snakemake/snakemake/issues/2967, in 9.27). One timer at a time asks as often as one second allows.
"""

import asyncio
import shutil
import threading
from contextlib import suppress
from functools import cache, wraps
from importlib import import_module

from wellread.runtime.slurm import squeue

ASKED = {  # functions that answer alike for every job of a rule, and the modules that call them
    "get_function_params": ("snakemake.common", "snakemake.rules"),
    "parse_uri": ("snakemake.sourcecache",),
}
PAUSE = 10  # seconds until Slurm's controller, which did not answer, is asked again


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


def ask_once() -> None:
    """Let Snakemake look at each function and each script of its rules once, and not for every job.

    It asks `inspect` for the parameters of a function before every call, which takes a fifth of the time to plan.
    """
    for name, modules in ASKED.items():
        for module in modules:
            with suppress(ImportError, AttributeError):
                asked = getattr(import_module(module), name)
                if not hasattr(asked, "cache_info"):
                    setattr(import_module(module), name, cache(asked))


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
