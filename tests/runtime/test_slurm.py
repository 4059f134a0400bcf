"""What a run and its jobs ask Slurm, of programs that stand in for its clients, and what they make of the answers."""

import asyncio
from types import SimpleNamespace

import pytest
from wellread.runtime import scheduling, slurm
from wellread.runtime.errors import InputError, Stopped


@pytest.fixture
def clients(tmp_path, monkeypatch):
    """A function that makes a client print some lines; what clients were asked is in the file `asked`."""

    def make(name, answer="", status=0):
        path = tmp_path / name
        path.write_text(f"#!/bin/sh\necho {name} \"$@\" >> {tmp_path}/asked\nprintf '{answer}'\nexit {status}\n")
        path.chmod(0o755)

    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
    monkeypatch.setenv("SLURM_JOB_ID", "7")
    make("scontrol")
    return make


def stopped_work():
    with pytest.raises(Stopped), slurm.queued_again():
        raise Stopped("asked to stop")


def test_a_job_that_is_warned_goes_back_into_the_queue(clients, tmp_path):
    clients("squeue", "RUNNING\\n")
    stopped_work()
    assert "scontrol requeue 7" in (tmp_path / "asked").read_text()


@pytest.mark.parametrize("state", ["COMPLETING", ""])  # cancelled, out of time; or no answer
def test_a_job_that_is_ended_does_not(clients, tmp_path, state):
    clients("squeue", state)
    stopped_work()
    assert "scontrol" not in (tmp_path / "asked").read_text()


def test_work_outside_of_slurm_and_work_that_is_done_ask_nothing(clients, tmp_path, monkeypatch):
    clients("squeue", "RUNNING\\n")
    with slurm.queued_again():
        pass
    monkeypatch.delenv("SLURM_JOB_ID")
    stopped_work()
    assert not (tmp_path / "asked").exists()


def test_a_job_that_cannot_be_queued_again_says_so(clients, caplog):
    clients("squeue", "RUNNING\\n")
    clients("scontrol", status=1)
    stopped_work()
    assert "job 7 cannot be queued again" in caplog.text


def test_jobs_of_this_folder_are_told_apart(clients, tmp_path):
    folder = str(tmp_path)
    lines = [f"1|{folder}|rule_train_wildcards_m", f"2|{folder}/other|rule_a"]
    lines += [f"3|{folder}|(null)", f"4|{folder}|rule_b"]
    clients("squeue", "\\n".join(lines))
    assert slurm.jobs_of(folder) == {"1": "rule_train_wildcards_m", "4": "rule_b"}
    with pytest.raises(InputError, match=r"1 \(rule_train_wildcards_m\), 4 \(rule_b\)\n(.|\n)*scancel 1 4"):
        slurm.check_alone(folder)


@pytest.mark.parametrize("status", [0, 1])
def test_an_empty_queue_or_none_is_no_reason_to_refuse(clients, tmp_path, status):
    clients("squeue", status=status)
    slurm.check_alone(str(tmp_path))


def test_the_nodes_of_a_job_are_counted(clients, monkeypatch):
    clients("squeue", "2\\n")
    assert slurm.nodes() == 2
    monkeypatch.delenv("SLURM_JOB_ID")
    assert slurm.nodes() == 1


@pytest.fixture
def asked_after(clients, monkeypatch):
    """A function from what an executor's `wait` says to the jobs that run, asked while Slurm does not answer twice."""
    monkeypatch.setattr(scheduling, "PAUSE", 0)
    answers, said = [None, None, ""], []
    monkeypatch.setattr(scheduling, "squeue", lambda *options: answers.pop(0))

    async def check(executor, jobs):
        for job in jobs if not answers else ():  # the plugin forgets its jobs where nothing answers
            yield job

    def running(jobs, wait=True):
        executor = SimpleNamespace(wait=wait, logger=SimpleNamespace(warning=said.append))

        async def listed():
            return [job async for job in scheduling.when_it_answers(check)(executor, jobs)]

        return asyncio.run(listed()), len(said), len(answers)

    return running


def test_jobs_are_asked_after_only_when_slurm_answers(asked_after):
    assert asked_after([1, 2]) == ([1, 2], 1, 0)


@pytest.mark.parametrize(("jobs", "wait"), [([], True), ([1], False)])  # nothing to ask after; the run is stopped
def test_a_run_that_waits_for_nothing_does_not_wait_for_slurm(asked_after, jobs, wait):
    assert asked_after(jobs, wait) == ([], 0, 3)


def test_the_executor_of_slurm_is_made_patient_once(clients):
    from snakemake_executor_plugin_slurm import Executor

    clients("squeue")
    scheduling.outlast_the_controller()
    once = Executor.check_active_jobs
    scheduling.outlast_the_controller()
    assert Executor.check_active_jobs is once
    assert once.__wrapped__.__module__ == "snakemake_executor_plugin_slurm"
