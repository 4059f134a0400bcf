"""What goes wrong on a cluster, on a real one: runs end finished or say why, and the next does what is left, once."""

import os
import random
import re
import signal
import subprocess
import sys
import time

import pytest
from flow import small
from on_slurm import begin, ended
from paths import ROOT

pytestmark = [pytest.mark.system, pytest.mark.slow]
SMALL = ["--default-resources", "mem_mb=600", "runtime=5"]
ONCE = "echo {rule} {wildcards} >> ended"  # the last thing that a job does
JOBS = f"""
rule all:
    input: expand("tiny{{i}}", i=range(4)), "hungry", "slow"
rule tiny:
    output: "tiny{{i}}"
    shell: "sleep 12; echo {{wildcards.i}} > {{output}}; {ONCE}"
rule hungry:
    output: "hungry"
    resources: mem_mb=lambda wildcards, attempt: 500 * attempt ** 2
    shell: "{sys.executable} -c 'x = b\\"x\\" * 700_000_000; import time; time.sleep(5)'; touch {{output}}; {ONCE}"
rule slow:
    output: "slow"
    resources: runtime=1
    shell: "test -e begun || {{{{ touch begun; sleep 600; }}}}; touch {{output}}; {ONCE}"
"""
FEW = f"""
rule all:
    input: expand("tiny{{i}}", i=range(12))
rule tiny:
    output: "tiny{{i}}"
    shell: "sleep 10; echo {{wildcards.i}} > {{output}}; {ONCE}"
"""
PATIENT = f"""
import sys
sys.path.insert(0, "{ROOT}/workflow")
from wellread.runtime.scheduling import outlast_the_controller
onstart:
    outlast_the_controller()
"""  # as the workflow does
FILES = f"""
rule all:
    input: "disk/deep/large", "read"
rule large:
    output: "disk/deep/large"
    shell: "head -c 8M /dev/zero > {{output}}; {ONCE}"
rule first:
    output: "first"
    shell: "rm given; touch {{output}}; {ONCE}"
rule read:
    input: "first", "given"
    output: "read"
    shell: "cat given > {{output}}; {ONCE}"
"""


def toy(folder, text):
    """A workflow of a few small rules, with the profile."""
    (folder / "Snakefile").write_text(text)
    (folder / "slurm").symlink_to(ROOT / "workflow/profiles/slurm")
    return folder


def counts(folder) -> list[str]:
    """The jobs that came to their ends, sorted."""
    return sorted(line.strip() for line in (folder / "ended").read_text().splitlines())


def test_jobs_that_are_killed_run_again_and_no_job_ends_twice(slurm, tmp_path):
    run = begin(toy(tmp_path, JOBS), *SMALL)
    subprocess.run(["scancel", slurm.wait_for("rule_tiny_wildcards_2 RUNNING")], check=True)
    slurm.save()
    slurm.kill("slurmctld")
    slurm.kill("n1")
    time.sleep(5)
    slurm.up()
    output = ended(run)
    assert {"exceeded memory limit", "TIMEOUT", "CANCELLED"} <= set(re.findall("exceeded memory limit|[A-Z_]+", output))
    assert [(tmp_path / f"tiny{i}").read_text() for i in range(4)] == [f"{i}\n" for i in range(4)]
    assert counts(tmp_path) == ["hungry", "slow", *(f"tiny i={i}" for i in range(4))]


def test_ten_jobs_that_are_cancelled_run_again_and_no_job_ends_twice(slurm, tmp_path):
    run, chance, cancelled = begin(toy(tmp_path, FEW), *SMALL), random.Random(0), {}
    while len(cancelled) < 10:
        running = [(number, name) for number, name, state in slurm.queue() if state == "RUNNING"]
        if left := [(number, name) for number, name in running if name not in cancelled]:
            number, name = chance.choice(left)
            subprocess.run(["scancel", number], check=True)
            cancelled[name] = number
        assert run.poll() is None
        time.sleep(0.2)
    ended(run)
    assert [(tmp_path / f"tiny{i}").read_text() for i in range(12)] == [f"{i}\n" for i in range(12)]
    assert counts(tmp_path) == sorted(f"tiny i={i}" for i in range(12))
    states = [job["JobState"] for job in slurm.records(tmp_path)]
    assert sorted(states) == ["CANCELLED"] * 10 + ["COMPLETED"] * 12


def test_a_run_outlasts_a_minute_without_the_controller(slurm, tmp_path):
    run = begin(toy(tmp_path, PATIENT + FEW), *SMALL)
    slurm.wait_for("rule_tiny_wildcards_11 RUNNING")
    slurm.save()
    slurm.kill("slurmctld")
    time.sleep(60)
    slurm.up()
    assert "controller does not answer" in ended(run)
    assert counts(tmp_path) == sorted(f"tiny i={i}" for i in range(12))


@pytest.fixture
def full_disk(tmp_path):
    """A disk of 4 MB, and a function that makes it larger."""
    (tmp_path / "disk").mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=4M", "tmpfs", tmp_path / "disk"]
    if subprocess.run(mount, capture_output=True).returncode:
        pytest.skip("no file system may be mounted here")
    yield lambda: subprocess.run(["mount", "-o", "remount,size=64M", tmp_path / "disk"], check=True)
    subprocess.run(["umount", tmp_path / "disk"], check=True)


def test_a_full_disk_and_a_missing_file_are_named_and_the_next_run_goes_on(slurm, tmp_path, full_disk):
    (tmp_path / "given").write_text("what is read")
    output = ended(begin(toy(tmp_path, FILES), *SMALL, "--retries", "0"), status=1)
    assert "No space left on device" in output
    assert "some output files are missing" in output
    assert counts(tmp_path) == ["first"]
    full_disk()
    (tmp_path / "given").write_text("what is read")
    ended(begin(tmp_path, *SMALL))
    assert (tmp_path / "disk/deep/large").stat().st_size == 8 * 2**20
    assert (tmp_path / "read").read_text() == "what is read"
    assert counts(tmp_path) == ["first", "large", "read"]


def test_jobs_of_a_run_that_was_killed_are_not_sent_off_again(slurm, tmp_path):
    folder, target = small(tmp_path), ["--configfile", "test.yaml"]
    later = ["--set-resources", "calibrate:slurm_extra=--begin=now+600"]
    goal = ["--", "results/small/P1/calibration.npz"]
    run = begin(folder, *target, *later, *goal)
    job = slurm.wait_for("rule_calibrate_wildcards_small_P1")
    assert "lock" in ended(begin(folder, *target, *goal), status=1)  # a second run beside it
    os.kill(run.pid, signal.SIGKILL)
    run.communicate()
    ended(begin(folder, *target, "--unlock"))
    output = ended(begin(folder, *target, *goal), status=1)
    assert f"scancel {job}" in output
    assert any(path.is_dir() for path in (folder / "results/logs/slurm").rglob("*"))  # where the job's log will be
    assert [line[0] for line in slurm.queue()] == [job]
    subprocess.run(["scancel", job], check=True)
    huge = ["--set-resources", "calibrate:mem_mb=999000", "--retries", "0"]
    assert "advice: no node of the partition" in ended(begin(folder, *target, *huge, *goal), status=1)
    ended(begin(folder, *target, *goal))
    assert (folder / goal[1]).exists()
    assert [job["JobState"] for job in slurm.records(folder)] == ["CANCELLED", "FAILED", "COMPLETED"]
