"""On a real Slurm, `snakemake --profile slurm` gives the bytes of a local run, and asks for a GPU where one is used."""

import re
import shutil
import subprocess
import sys

import pytest
from flow import hashes, small, small_config, snakemake, write_config

pytestmark = [pytest.mark.system, pytest.mark.slow]


@pytest.fixture(autouse=True)
def slurm():
    """Skips where no Slurm answers, which takes `sinfo` some seconds to find out."""
    if not shutil.which("sinfo") or subprocess.run(["sinfo", "--noheader"], capture_output=True, timeout=60).returncode:
        pytest.skip("no Slurm answers here")


def test_the_slurm_profile_gives_the_bytes_of_a_local_run(tmp_path):
    here, there = small(tmp_path / "here"), small(tmp_path / "there")
    # A device of `auto` asks for a GPU; this one's is a fake, so that training falls on the CPU and says so.
    write_config(there, small_config(device="auto"))
    words = [sys.executable, "-m", "snakemake", "--profile", "slurm", "--configfile", "test.yaml"]
    patience = ["--slurm-init-seconds-before-status-checks", "3", "--verbose"]
    with subprocess.Popen(
        words + patience, cwd=there, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    ) as run:
        snakemake(here)
        output = run.communicate(timeout=1500)[0]
    assert run.returncode == 0, output
    calls = re.findall(r"sbatch call: .*?rule_(\w+?)/(.*?)--wrap", output)
    assert {rule for rule, options in calls if "--gpus=1" in options} == {"train", "embed"}
    assert hashes(there) == hashes(here)
