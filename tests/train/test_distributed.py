"""Processes that share a batch, in one or two parts each, train what one process with all of it does."""

import json
import os
import subprocess
import sys

import pytest
import together
import torch
from paths import ROOT
from wellread.train import distributed

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


@pytest.fixture(scope="module", params=[1, *(pytest.param(n, marks=pytest.mark.slow) for n in (2, 3))])
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


class Message:
    """What an all_reduce between two equal processes does."""

    def __init__(self, buffer):
        self.buffer = buffer

    def wait(self):
        self.buffer *= 2


@pytest.fixture
def sent(monkeypatch):
    """As one of two equal processes: the buffers that were sent, in order."""
    buffers = []

    def all_reduce(buffer, async_op):
        assert async_op
        buffers.append(buffer)
        return Message(buffer)

    monkeypatch.setattr(distributed, "world_size", lambda: 2)
    monkeypatch.setattr(distributed.dist, "all_reduce", all_reduce)
    return buffers


def layers():
    """Three linear layers, and one that is not used."""
    torch.manual_seed(0)
    network = torch.nn.Sequential(*(torch.nn.Linear(4, 4) for _ in range(3)))
    network.unused = torch.nn.Linear(4, 4)
    network.forward = lambda x: network[2](network[1](network[0](x)))
    return network


@pytest.mark.parametrize("bucket", [1, 100, 10**6])
def test_gradients_are_means_over_processes_and_micro_batches(sent, monkeypatch, bucket):
    monkeypatch.setattr(distributed, "BUCKET", bucket)
    plain, shared, x = layers(), layers(), torch.randn(2, 5, 4)
    gradients = distributed.MeanGradients(shared, backwards=2)
    for _ in range(2):  # the second step finds nothing of the first
        plain.zero_grad()
        shared.zero_grad()
        gradients.start()
        for part in x:
            plain(part).square().sum().backward()
            shared(part).square().sum().backward()
        gradients.wait()
        for ours, theirs in zip(shared.parameters(), plain.parameters(), strict=True):
            assert ours.grad is theirs.grad is None or torch.equal(ours.grad, theirs.grad)
    assert sum(map(len, sent)) == 2 * sum(p.numel() for p in shared.parameters())


def test_gradients_leave_while_the_backward_pass_goes_on(sent, monkeypatch):
    monkeypatch.setattr(distributed, "BUCKET", 1)
    network, when = layers(), []
    del network.unused
    gradients = distributed.MeanGradients(network, backwards=2)
    network[0].weight.register_hook(lambda _gradient: when.append(len(sent)))  # the last to get a gradient
    gradients.start()
    network(torch.randn(5, 4)).sum().backward()
    assert when == [0]  # more is added to all of them
    network(torch.randn(5, 4)).sum().backward()
    assert when[1] >= 4  # both tensors of the later layers have left
    gradients.wait()
    assert len(sent) == 6


def test_messages_of_a_card_leave_from_it(monkeypatch):
    asked = []
    monkeypatch.setenv("WORLD_SIZE", "2")
    monkeypatch.setattr(distributed.dist, "init_process_group", lambda *how, **more: asked.append((*how, more)))
    monkeypatch.setattr(distributed.dist, "destroy_process_group", lambda: None)
    for device in (torch.device("cuda", 1), torch.device("cpu")):
        with distributed.process_group(device):
            pass
    assert asked == [("cpu:gloo,cuda:nccl", {"device_id": torch.device("cuda", 1)}), ("gloo", {})]
