"""Snakemake's scheduler sets one timer at a time, and is woken by each."""

import inspect
import threading
from types import SimpleNamespace

import pytest
from snakemake import common, rules
from snakemake.scheduling.job_scheduler import JobScheduler
from wellread.runtime import scheduling


@pytest.fixture
def scheduler(monkeypatch):
    """What of a scheduler its timers touch, with the method that it has after `one_timer`."""
    monkeypatch.setattr(JobScheduler, "_schedule_reevalutation", JobScheduler._schedule_reevalutation)
    scheduling.one_timer()
    made = SimpleNamespace(_open_jobs=threading.Semaphore(0))
    made.later = lambda delay: JobScheduler._schedule_reevalutation(made, delay)
    return made


def test_many_choices_wake_the_scheduler_once(scheduler):
    before = threading.active_count()
    for _ in range(50):
        scheduler.later(0.05)
    assert threading.active_count() == before + 1
    assert scheduler._open_jobs.acquire(timeout=60)
    assert not scheduler._open_jobs.acquire(timeout=0.2)


def test_after_it_woke_it_is_woken_again(scheduler):
    for _ in range(3):
        scheduler.later(0.01)
        assert scheduler._open_jobs.acquire(timeout=60)


def test_a_timer_that_is_left_keeps_no_program_from_its_end(scheduler):
    scheduler.later(0.5)
    left = [thread for thread in threading.enumerate() if isinstance(thread, threading.Timer)]
    assert left
    assert all(thread.daemon for thread in left)


def test_snakemake_looks_at_a_function_once_and_calls_it_with_what_it_asks_for(monkeypatch):
    looks = []

    def look(function):
        looks.append(function)
        return inspect.signature(function).parameters

    for module in (common, rules):
        monkeypatch.setattr(module, "get_function_params", look)
    scheduling.ask_once()
    scheduling.ask_once()  # changes nothing

    def amount(wildcards, input, attempt):
        return input

    found = [common.get_input_function_aux_params(amount, {"input": 1, "threads": 2}) for _ in range(3)]
    assert found == [{"input": 1}] * 3
    assert [rules.get_function_params(amount) for _ in range(2)] == [inspect.signature(amount).parameters] * 2
    assert looks == [amount, amount]  # once by each module
