"""The device that is chosen, on machines whose graphics cards are made up."""

import os
from types import SimpleNamespace

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
    card = SimpleNamespace(name="Card X", total_memory=80 * 2**30, major=9, minor=0)
    monkeypatch.setattr(torch.cuda, "get_device_properties", lambda _device: card)
    monkeypatch.delenv("CUBLAS_WORKSPACE_CONFIG", raising=False)
    device._log_choice.cache_clear()
    threads = torch.get_num_threads()
    yield current
    torch.set_num_threads(threads)
    torch.use_deterministic_algorithms(False)
    torch.utils.deterministic.fill_uninitialized_memory = True


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


def test_a_card_is_deterministic_if_asked_and_else_costs_nothing(cards):
    device.choose_device("auto", 1)
    assert not torch.are_deterministic_algorithms_enabled()
    assert "CUBLAS_WORKSPACE_CONFIG" not in os.environ
    device.choose_device("auto", 1, deterministic=True)
    assert torch.are_deterministic_algorithms_enabled()
    assert not torch.is_deterministic_algorithms_warn_only_enabled()  # with it flash attention is not deterministic
    assert not torch.utils.deterministic.fill_uninitialized_memory
    assert os.environ.pop("CUBLAS_WORKSPACE_CONFIG") == ":4096:8"


def test_what_is_computed_on_is_logged_once(cards, caplog):
    with caplog.at_level("INFO", logger="wellread"):
        for _ in range(2):
            device.choose_device("auto", 1)
        device.choose_device("cpu", 3)
    first, second = caplog.messages
    assert all(word in first for word in ("cuda:0", "Card X", "80 GiB", "9.0"))
    assert "CPU, 3 threads" in second


def test_an_automatic_choice_of_the_cpu_says_why(monkeypatch, caplog):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    device._log_choice.cache_clear()
    with caplog.at_level("INFO", logger="wellread"):
        device.choose_device("auto", torch.get_num_threads())
    assert "finds no GPU" in caplog.text


@pytest.mark.parametrize(
    ("kind", "capability", "precision", "expected"),
    [
        ("cuda", (7, 0), "auto", False),
        ("cuda", (7, 5), "auto", False),
        ("cuda", (8, 0), "auto", True),
        ("cuda", (12, 0), "auto", True),
        ("cuda", (7, 0), "bf16", True),
        ("cuda", (9, 0), "fp32", False),
        ("cpu", None, "bf16", True),
        ("cpu", None, "fp32", False),
    ],
)
def test_bf16_is_automatic_where_a_card_has_it(monkeypatch, kind, capability, precision, expected):
    monkeypatch.setattr(torch.cuda, "get_device_capability", lambda _device: capability)
    assert device.uses_bf16(torch.device(kind), precision) == expected


CPU = torch.device("cpu")


@pytest.mark.parametrize("flags", ["fpu amx_bf16 amx_tile avx2", "fpu avx512_bf16 amx_tile", "fpu"])
def test_tiles_for_bf16_are_read_from_the_flags_of_the_cpu(tmp_path, flags):
    (tmp_path / "cpuinfo").write_text(f"vendor: x\nflags\t\t: {flags}\nbugs: amx_bf16 amx_tile\n")
    expected = "amx_bf16" in flags and torch.backends.mkldnn.is_available()
    assert device.cpu_has_bf16_tiles(tmp_path / "cpuinfo") == expected
    assert not device.cpu_has_bf16_tiles(tmp_path / "none")


@pytest.mark.parametrize(
    ("tiles", "asked", "dim", "taken"),
    [
        (True, "auto", 384, "bf16"),
        (True, "auto", 192, "fp32"),
        (False, "auto", 384, "fp32"),
        (False, "bf16", 64, "bf16"),
        (True, "fp32", 384, "fp32"),
    ],
)
def test_auto_trains_wide_networks_in_bf16_on_cpus_with_tiles(monkeypatch, tiles, asked, dim, taken):
    monkeypatch.setattr(device, "cpu_has_bf16_tiles", lambda: tiles)
    assert device.training_precision(CPU, asked, dim) == taken
    assert device.uses_bf16(CPU, asked) == (asked == "bf16")  # what embedding asks


def test_auto_trains_on_a_card_as_it_embeds(monkeypatch):
    for major, taken in ((7, "fp32"), (8, "bf16")):
        monkeypatch.setattr(torch.cuda, "get_device_capability", lambda _device, major=major: (major, 0))
        assert device.training_precision(torch.device("cuda"), "auto", 64) == taken
