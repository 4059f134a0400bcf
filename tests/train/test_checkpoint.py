"""A checkpoint gives back all that was saved, or nothing."""

import pytest
import torch
from wellread.train.checkpoint import Checkpoint


def parts(seed):
    """A layer and its optimiser after a step."""
    torch.manual_seed(seed)
    layer = torch.nn.Linear(3, 2)
    optimiser = torch.optim.AdamW(layer.parameters(), lr=0.1 + seed)
    layer(torch.randn(4, 3)).square().sum().backward()
    optimiser.step()
    return {"layer": layer, "optimiser": optimiser}


def equal(one, other):
    """Whether two trees of tensors and numbers are the same."""
    if isinstance(one, dict):
        return one.keys() == other.keys() and all(equal(one[key], other[key]) for key in one)
    if isinstance(one, list | tuple):
        return len(one) == len(other) and all(map(equal, one, other))
    return torch.equal(one, other) if isinstance(one, torch.Tensor) else one == other


@pytest.mark.dag
def test_all_that_was_saved_comes_back(tmp_path):
    saved, fresh, rows = parts(0), parts(1), [{"step": 0, "loss": 2.0}, {"step": 6, "loss": 1.0}]
    Checkpoint(tmp_path / "checkpoint.pt", {"lr": 1}).save(7, 2, rows, **saved)
    assert not equal(saved["optimiser"].state_dict(), fresh["optimiser"].state_dict())
    assert Checkpoint(tmp_path / "checkpoint.pt", {"lr": 1}).restore(**fresh) == (7, rows)
    for name in saved:
        assert equal(saved[name].state_dict(), fresh[name].state_dict()), name


def test_that_of_another_run_is_not_taken(tmp_path):
    saved, fresh, untouched = parts(0), parts(1), parts(1)
    Checkpoint(tmp_path / "checkpoint.pt", {"lr": 1}).save(7, 2, [], **saved)
    assert Checkpoint(tmp_path / "checkpoint.pt", {"lr": 2}).restore(**fresh) == (0, [])
    assert equal(fresh["layer"].state_dict(), untouched["layer"].state_dict())
