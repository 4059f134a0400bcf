"""On a real Slurm, `snakemake --profile slurm` gives the bytes of a local run, and asks for a GPU where one is used."""

import pytest
from flow import hashes, replace, small, small_config, snakemake, write_config
from on_slurm import begin, ended

pytestmark = [pytest.mark.system, pytest.mark.slow]


def test_the_slurm_profile_gives_the_bytes_of_a_local_run(slurm, tmp_path):
    here, there = (small(tmp_path / name, plates=("P1",)) for name in ("here", "there"))
    # A device of `auto` asks for a GPU; this one's is a fake, so that training falls on the CPU and says so.
    for folder, device in ((here, "cpu"), (there, "auto")):
        config = small_config(device=device, figures={}, corrections={"none": []})
        config["models"]["tiny"]["plates"] = ["P1"]
        write_config(folder, config)
    for key in ("slurm_partition: cpu", "gpu_partition: gpu"):
        replace(there / "slurm/config.yaml", f"# {key}", key)
    run = begin(there, "--configfile", "test.yaml")
    snakemake(here)
    ended(run)
    jobs = [job | {"Rule": job["Comment"].split("_")[1]} for job in slurm.records(there)]
    assert {job["Rule"] for job in jobs if job.get("TresPerJob") == "gres:gpu:1"} == {"train", "embed"}
    assert {job["Rule"] for job in jobs if job["Partition"] == "gpu"} == {"train", "embed"}
    assert {job["JobState"] for job in jobs} == {"COMPLETED"}
    assert hashes(there) == hashes(here)


def test_the_clients_of_a_second_slurm_are_its_own(slurm, tmp_path):
    second = type(slurm)(tmp_path)  # while those of the first are in PATH
    second.up()
    second.stop()
    assert str(slurm.folder) not in (tmp_path / "bin/squeue").read_text()
