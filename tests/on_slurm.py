"""Runs of Snakemake on a Slurm: what the tests of the system share."""

import subprocess
import sys

QUICK = ["--slurm-init-seconds-before-status-checks", "2", "--latency-wait", "3"]


def begin(folder, *arguments):
    """A run of Snakemake on Slurm, begun."""
    words = [sys.executable, "-m", "snakemake", "--profile", "slurm", *QUICK, *arguments]
    return subprocess.Popen(words, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)


def ended(run, status=0) -> str:
    """What a run has printed, once it has ended with this status."""
    output = run.communicate(timeout=1200)[0]
    assert run.returncode == status, output
    return output
