"""The device that is chosen, on machines whose graphics cards are made up."""

import pytest
import torch
from wellread.networks import device
from wellread.runtime.errors import InputError


@pytest.fixture
def cards(monkeypatch):
    """Two graphics cards; a list of the devices that were made the current one."""
    current = []
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    monkeypatch.setattr(torch.cuda, "set_device", current.append)
    threads = torch.get_num_threads()
    yield current
    torch.set_num_threads(threads)
    torch.use_deterministic_algorithms(False)


def test_every_process_makes_a_card_of_its_own_the_current_one(cards, monkeypatch):
    for rank in (1, 0):
        monkeypatch.setenv("LOCAL_RANK", str(rank))
        assert device.choose_device("auto", 1) == torch.device("cuda", rank)
    assert cards == [1, 0]


def test_more_processes_than_cards_are_refused(cards, monkeypatch):
    device.check_gpus(2)
    with pytest.raises(InputError, match=r"each of 3 processes\n.*2"):
        device.check_gpus(3)
    monkeypatch.setenv("LOCAL_RANK", "2")
    with pytest.raises(InputError, match="processes: 2"):
        device.choose_device("cuda", 1)
    assert device.choose_device("cpu", 1).type == "cpu"
    assert cards == []
