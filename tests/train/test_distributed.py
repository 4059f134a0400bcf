"""Several processes, each with its share of the batch, train what one process with the whole batch trains."""

import json
import os
import subprocess
import sys

import pytest
import torch
from paths import ROOT

SCRIPT = ROOT / "tests" / "together.py"
TORCHRUN = ["-m", "torch.distributed.run", "--standalone", "--nproc-per-node=2"]
DINO = {"local_views": 2, "local_image": 8, "prototypes": 24, "hidden": 32, "bottleneck": 8, "temperature_epochs": 1}
CASES = {
    "softmax": ("dino", DINO),
    "sinkhorn_knopp": ("dino", DINO | {"centring": "sinkhorn_knopp"}),
    "simclr": ("simclr", {"hidden": 32, "dimension": 8}),
}


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """What one process makes of every case, and what two make."""
    folder = tmp_path_factory.mktemp("together")
    return run(folder / "one.pt"), run(folder / "two.pt", TORCHRUN)


def run(out, launcher=()):
    command = [sys.executable, *launcher, SCRIPT, out, json.dumps(CASES)]
    done = subprocess.run(command, env=os.environ | {"OMP_NUM_THREADS": "1"}, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return torch.load(out, weights_only=True)


@pytest.mark.dag
@pytest.mark.parametrize("case", CASES)
def test_two_processes_equal_one(trained, case):
    one, two = (cases[case] for cases in trained)
    for ours, theirs in zip(two["rows"], one["rows"], strict=True):
        for loss in {"loss", "global", "local", "ibot", "koleo", "contrast", "gradient"} & theirs.keys():
            assert ours[loss] == pytest.approx(theirs[loss], rel=1e-6), (loss, ours["step"])
    for name, state in one["networks"].items():
        for key, weights in state.items():
            torch.testing.assert_close(two["networks"][name][key], weights, rtol=1e-6, atol=1e-8, msg=key)
