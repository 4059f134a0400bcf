"""Jobs of which some are killed at random: a run repeats these alone, and ends as if nothing had happened."""

import random
import subprocess
import sys
from collections import Counter

import pytest

pytestmark = [pytest.mark.dag, pytest.mark.slow]

JOBS = 500
KILLED = sorted(random.Random(0).sample(range(JOBS), JOBS // 20))
SNAKEFILE = f"""
rule all:
    input: expand("tiny/{{i}}", i=range({JOBS}))
rule tiny:
    output: "tiny/{{i}}"
    shell:
        "echo {{wildcards.i}} >> begun; echo {{wildcards.i}} > {{output}}; "
        "rm fatal/{{wildcards.i}} 2> /dev/null && kill -9 $$; echo {{wildcards.i}} >> ended"
"""


@pytest.mark.parametrize("retries", [1, 0])
def test_jobs_that_are_killed_run_again_and_no_other_does(tmp_path, retries):
    (tmp_path / "Snakefile").write_text(SNAKEFILE)
    (tmp_path / "fatal").mkdir()
    for number in KILLED:
        (tmp_path / "fatal" / str(number)).touch()
    command = [sys.executable, "-m", "snakemake", "--cores", "8", "--retries", str(retries), "--keep-going"]
    command += ["--scheduler", "greedy", "--quiet", "all", "--rerun-incomplete"]
    codes = [subprocess.run(command, cwd=tmp_path, capture_output=True).returncode for _ in range(2 - retries)]
    assert codes == ([0] if retries else [1, 0])
    assert {path.name: path.read_text() for path in (tmp_path / "tiny").iterdir()} == {
        str(number): f"{number}\n" for number in range(JOBS)
    }
    counts = {name: Counter(map(int, (tmp_path / name).read_text().split())) for name in ("begun", "ended")}
    assert counts["ended"] == Counter(range(JOBS))
    assert counts["begun"] == Counter(range(JOBS)) + Counter(KILLED)
