"""The measurements of a GPU start, and end well, where there is none."""

import os
import subprocess
import sys

import pytest
from paths import ROOT

PARTS = (
    "a step in float32",
    "a step in bf16",
    "a run stopped twice",
    "training, S/8",
    "embedding, L/16",
    "views",
    "hpa",
)


@pytest.mark.slow
def test_without_a_gpu_what_can_run_runs_and_the_rest_is_named():
    env = os.environ | {"CUDA_VISIBLE_DEVICES": "", "PYTHON": sys.executable, "OMP_NUM_THREADS": "1"}
    done = subprocess.run(["sh", ROOT / "tests/gpu/run.sh"], env=env, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    assert all(part in done.stdout for part in PARTS)
    assert "memory | not shown" in done.stdout
    assert "all pass |  |" in done.stdout


@pytest.mark.slow
def test_a_part_that_fails_or_has_no_time_is_told_apart():
    code = """
import sys; sys.path.insert(0, "tests/gpu")
import measure
def broken(_device): yield "a", "1", "2", False; raise ValueError("b")
print([row[3] for row in measure.rows_of(broken, None, float("inf"))])
print(list(measure.rows_of(broken, None, 0)))
"""
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True)
    verdicts, late = done.stdout.splitlines()
    assert verdicts == "['FAILED', 'FAILED']"
    assert "not shown: no time was left" in late
    assert "FAILED" not in late
