"""What a run and its jobs ask Slurm, of programs that stand in for its clients, and what they make of the answers."""

import pytest
from wellread.runtime import slurm
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
