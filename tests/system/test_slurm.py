"""On a real Slurm, `snakemake --profile slurm` gives the bytes of a local run, and asks for a GPU where one is used."""

import subprocess
import sys

import pytest
from flow import hashes, replace, small, small_config, snakemake, write_config

pytestmark = [pytest.mark.system, pytest.mark.slow]


def test_the_slurm_profile_gives_the_bytes_of_a_local_run(slurm, tmp_path):
    here, there = small(tmp_path / "here"), small(tmp_path / "there")
    # A device of `auto` asks for a GPU; this one's is a fake, so that training falls on the CPU and says so.
    write_config(there, small_config(device="auto"))
    for key in ("slurm_partition: cpu", "gpu_partition: gpu"):
        replace(there / "slurm/config.yaml", f"# {key}", key)
    words = [sys.executable, "-m", "snakemake", "--profile", "slurm", "--configfile", "test.yaml"]
    patience = ["--slurm-init-seconds-before-status-checks", "3"]
    with subprocess.Popen(
        words + patience, cwd=there, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    ) as run:
        snakemake(here)
        output = run.communicate(timeout=1500)[0]
    assert run.returncode == 0, output
    jobs = [job | {"Rule": job["Comment"].split("_")[1]} for job in slurm.records(there)]
    assert {job["Rule"] for job in jobs if job.get("TresPerJob") == "gres:gpu:1"} == {"train", "embed"}
    assert {job["Rule"] for job in jobs if job["Partition"] == "gpu"} == {"train", "embed"}
    assert {job["JobState"] for job in jobs} == {"COMPLETED"}
    assert hashes(there) == hashes(here)
