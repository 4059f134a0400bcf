"""Processes that share a batch, in one or two parts each, train what one process with all of it does."""

import json
import os
import subprocess
import sys

import pytest
import together
import torch
from paths import ROOT

SCRIPT = ROOT / "tests" / "together.py"
TORCHRUN = ["-m", "torch.distributed.run", "--standalone"]
DINO = {"local_views": 2, "local_image": 8, "prototypes": 24, "hidden": 32, "bottleneck": 8, "temperature_epochs": 1}
IN_PARTS = {"accumulate": 2}
CASES = {
    "softmax": ("dino", DINO, {}),
    "sinkhorn_knopp": ("dino", DINO | {"centring": "sinkhorn_knopp"}, {}),
    "simclr": ("simclr", {"hidden": 32, "dimension": 8}, {}),
    "mae": ("mae", {"decoder_dim": 16, "decoder_depth": 1, "decoder_heads": 2}, {}),
    "softmax in parts": ("dino", DINO | {"koleo": 0.0}, IN_PARTS),  # KoLeo compares the cells of a part
    "mae in parts": ("mae", {"decoder_dim": 16, "decoder_depth": 1, "decoder_heads": 2}, IN_PARTS),
}


@pytest.fixture(scope="module")
def whole():
    """What one process makes of every case, with the whole batch at once."""
    return {name: together.trained(method, options) for name, (method, options, _) in CASES.items()}


@pytest.fixture(scope="module", params=[1, 2, 3])
def divided(request, tmp_path_factory):
    """What one, two and three processes make of every case."""
    if request.param == 1:
        return {name: together.trained(*case) for name, case in CASES.items()}
    out = tmp_path_factory.mktemp("together") / "out.pt"
    command = [sys.executable, *TORCHRUN, f"--nproc-per-node={request.param}", SCRIPT, out, json.dumps(CASES)]
    done = subprocess.run(command, env=os.environ | {"OMP_NUM_THREADS": "1"}, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return torch.load(out, weights_only=True)


@pytest.mark.dag
@pytest.mark.parametrize("case", CASES)
def test_shares_of_a_batch_add_up_to_the_whole(whole, divided, case):
    one, several = whole[case], divided[case]
    for ours, theirs in zip(several["rows"], one["rows"], strict=True):
        for loss in {"loss", "global", "local", "ibot", "koleo", "contrast", "paint", "gradient"} & theirs.keys():
            assert ours[loss] == pytest.approx(theirs[loss], rel=1e-6), (loss, ours["step"])
    for ours, theirs in zip(several["steps"], one["steps"], strict=True):
        for name, told in theirs.items():
            torch.testing.assert_close(ours[name]["gradient"], told["gradient"], rtol=1e-5, atol=1e-9, msg=name)
    for name, state in one["networks"].items():
        for key, weights in state.items():
            torch.testing.assert_close(several["networks"][name][key], weights, rtol=1e-6, atol=1e-8, msg=key)
