"""How processes that train together are started, and what is made of their ends."""

from pathlib import Path

import pytest
from wellread.runtime.errors import InputError, Stopped
from wellread.train import launch


@pytest.fixture
def started(monkeypatch):
    """A function that says how the next command ends; returns a list that it will be in."""
    commands = []

    def end(status, stopped=False, done=False):
        def run(command):
            commands.append(command)
            if done:
                Path(command[-1]).unlink()
            return status, stopped

        monkeypatch.setattr(launch, "run", run)
        return commands

    return end


def train(folder, nodes=2, device="cpu"):
    launch.train_distributed(3, "crops", nodes=nodes, threads=7, device=device, weights=str(folder / "weights"))


def test_on_as_many_nodes_srun_starts_a_share_of_the_processes_on_each(started, monkeypatch, tmp_path):
    monkeypatch.setattr(launch.slurm, "nodes", lambda: 2)
    monkeypatch.setattr(launch, "check_gpus", lambda processes: pytest.fail("GPUs of other nodes are not seen here"))
    commands = started(0, done=True)
    train(tmp_path, device="auto")
    assert commands[0][0] == "srun"
    assert {"--nodes=2", "--ntasks=6", "--ntasks-per-node=3", "--cpus-per-task=2"} <= set(commands[0])


@pytest.mark.parametrize(("nodes", "processes"), [(1, 3), (2, 6)])
def test_elsewhere_torchrun_starts_all_of_them_here(started, monkeypatch, tmp_path, nodes, processes):
    monkeypatch.setattr(launch.slurm, "nodes", lambda: 3)
    commands = started(0, done=True)
    train(tmp_path, nodes)
    assert f"--nproc-per-node={processes}" in commands[0]
    assert "srun" not in commands[0]


def test_processes_that_were_asked_to_stop_are_no_failure(started, tmp_path):
    for how in ({"status": 0}, {"status": 1, "stopped": True}):
        started(**how)
        with pytest.raises(Stopped):
            train(tmp_path)
    started(1)
    with pytest.raises(SystemExit) as failure:
        train(tmp_path)
    assert not isinstance(failure.value, Stopped)


@pytest.mark.parametrize(("end", "left"), [(None, False), (Stopped("asked to stop"), True)])
def test_the_first_process_takes_its_rank_from_srun_and_tells_the_end(monkeypatch, tmp_path, end, left):
    seen, job = {}, tmp_path / "job.json"

    def train(*files, **options):
        seen.update({name: launch.os.environ[name] for name in launch.OF_SRUN} | options)
        if end:
            raise end

    for name, value in {"SLURM_PROCID": "0", "SLURM_LOCALID": "0", "SLURM_NTASKS": "6"}.items():
        monkeypatch.setenv(name, value)
    for name in launch.OF_SRUN:
        monkeypatch.setenv(name, "")
        monkeypatch.delenv(name)
    monkeypatch.setattr(launch, "train", train)
    job.write_text('[["crops"], {"seed": 3}]')
    launch.main(job)
    assert seen == {"RANK": "0", "LOCAL_RANK": "0", "WORLD_SIZE": "6", "seed": 3}
    assert job.exists() == left


def test_a_wrong_input_is_no_stop(monkeypatch, tmp_path):
    def train(*files, **options):
        raise InputError("cells", "none", "crops.npy", "more cells")

    monkeypatch.setattr(launch, "train", train)
    (tmp_path / "job.json").write_text("[[], {}]")
    with pytest.raises(SystemExit, match="more cells"):
        launch.main(tmp_path / "job.json")
