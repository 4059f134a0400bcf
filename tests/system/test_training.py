"""Training on a real Slurm: over two nodes as on one machine, and put back into the queue five times as if unbroken."""

import subprocess
import time

import pytest
from flow import small, small_config, snakemake, write_config
from on_slurm import begin, ended

pytestmark = [pytest.mark.system, pytest.mark.slow]
TIMES = 5


@pytest.fixture(scope="module")
def crops(tmp_path_factory):
    """A clone in which models are trained, `one` (two processes) and `unbroken`; `two` and `again` are like them."""
    folder = small(tmp_path_factory.mktemp("training"), plates=("P1",))
    config = small_config(tasks={}, figures={})
    model = config["models"]["tiny"] | {"plates": ["P1"]}
    model["encoder"] = {"vit": model["encoder"]["vit"] | {"drop_path": 0.0}}
    short = model | {"nodes": 2}
    long = model | {"fit": model["fit"] | {"epochs": 60, "log_every": 1000}}
    models = {"one": short, "two": short, "unbroken": long, "again": long}
    write_config(folder, config | {"models": models})
    snakemake(folder, "--", *weights("one", "unbroken"))
    return folder


def weights(*models):
    """The files of weights of some models."""
    return [f"results/models/{model}/weights.safetensors" for model in models]


def test_two_nodes_train_to_the_bytes_of_one_machine(slurm, crops):
    ended(begin(crops, "--configfile", "test.yaml", "--", *weights("two")))
    (job,) = slurm.records(crops)
    assert job["NodeList"] == "n[1-2]"
    assert "this is no Slurm job" not in (crops / "results/logs/train/two.log").read_text()
    one, two = ((crops / path).read_bytes() for path in weights("one", "two"))
    assert one == two


def test_a_training_put_back_into_the_queue_ends_as_if_unbroken(slurm, crops):
    run = begin(crops, "--configfile", "test.yaml", "--", *weights("again"))
    job = slurm.wait_for("rule_train_wildcards_again")
    for restarts in range(TIMES):
        wait_for_steps(crops / "results/models/again/checkpoint.pt", job)
        subprocess.run(["scancel", "--signal=TERM", job], check=True)  # as sbatch --signal does before the end of time
        wait_until(lambda done=restarts + 1: record(slurm, crops, job)["Restarts"] == str(done))
    ended(run)
    assert record(slurm, crops, job)["JobState"] == "COMPLETED"
    again, unbroken = ((crops / path).read_bytes() for path in weights("again", "unbroken"))
    assert again == unbroken


def record(slurm, folder, number):
    """What the scheduler says of a job."""
    return next(job for job in slurm.records(folder) if job["JobId"] == number)


def wait_for_steps(checkpoint, job):
    """Wait until a training that begins now has saved a state."""
    before = checkpoint.stat().st_mtime_ns if checkpoint.exists() else 0
    wait_until(lambda: checkpoint.exists() and checkpoint.stat().st_mtime_ns > before)


def wait_until(condition, seconds=180):
    """Wait for a condition."""
    for _ in range(seconds * 20):
        if condition():
            return
        time.sleep(0.05)
    raise TimeoutError
