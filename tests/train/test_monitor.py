"""Numbers of a step are checked once they have arrived, also from a graphics card that is not the current one."""

import pytest
import torch
from wellread.runtime.errors import InputError
from wellread.train import monitor

ARRIVALS = {}  # of numbers: {device: host memory}


class OnCard:
    """Numbers on the second graphics card."""

    is_cuda, device = True, torch.device("cuda", 1)


class InFlight:
    """Host memory that the numbers reach when the work of their own card has been waited for, and not before."""

    def copy_(self, source, non_blocking):
        assert non_blocking
        memory = torch.full((2,), torch.nan)  # as unwritten memory may be
        ARRIVALS[source.device] = memory
        return memory


class Event:
    """A mark in the stream of a card: waiting for it is waiting for what was asked of that card before."""

    def record(self, stream="stream of cuda:0"):
        self.stream = stream

    def synchronize(self):
        for device, memory in ARRIVALS.items():
            if self.stream == f"stream of {device}":
                memory.copy_(self.numbers)


@pytest.fixture
def second_card(monkeypatch):
    monkeypatch.setattr(torch, "stack", lambda _values: OnCard())
    monkeypatch.setattr(torch, "empty_like", lambda *_, **__: InFlight())
    monkeypatch.setattr(torch.cuda, "Event", Event)
    monkeypatch.setattr(torch.cuda, "current_stream", lambda device=None: f"stream of {device or 'cuda:0'}")


@pytest.mark.parametrize(("numbers", "fine"), [([1.0, 2.0], True), ([1.0, torch.inf], False)])
def test_numbers_of_another_card_are_waited_for(second_card, monkeypatch, numbers, fine):
    monkeypatch.setattr(Event, "numbers", torch.tensor(numbers), raising=False)
    finite = monitor.FiniteCheck()
    finite.record(7, {"loss": None, "gradient": None})
    if fine:
        return finite.check()
    with pytest.raises(InputError, match=r"gradient inf\n.*training step 7"):
        finite.check()
