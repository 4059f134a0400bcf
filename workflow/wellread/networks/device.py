"""The device that torch computes on, and the precision of forward passes."""

import logging
import os
from contextlib import nullcontext
from functools import cache
from pathlib import Path

import torch

from wellread.runtime.errors import InputError

log = logging.getLogger("wellread")
TILED_DIM = 384  # of the narrowest ViT that auto trains in bf16 on a CPU


def choose_device(device: str, threads: int, deterministic=False) -> torch.device:
    """The torch device for `auto`, `cpu` or `cuda`, which is logged; also sets the number of CPU `threads`.

    `deterministic`: a GPU computes the same bits again, and what it cannot compute so is an error of torch; a CPU does
    so in any case, with the same number of threads. All hold for the whole process. `cuda` on a machine without a
    usable GPU is an InputError: never a silent CPU run of days.
    """
    torch.set_num_threads(threads)
    if device == "cuda" and not has_gpu():
        raise InputError(
            "a CUDA device, as `device: cuda` says",
            f"none that torch {torch.__version__} can use",
            "device",
            "`device: auto` or `cpu`, or run on a machine (a Slurm partition) with a graphics card",
        )
    on_gpu = device != "cpu" and torch.cuda.is_available()
    chosen = _gpu(int(os.environ.get("LOCAL_RANK", 0)), deterministic) if on_gpu else torch.device("cpu")
    _log_choice(chosen, device, threads)
    return chosen


def has_gpu() -> bool:
    """Whether there is a GPU that torch can use."""
    return torch.cuda.is_available()


def _gpu(index: int, deterministic: bool) -> torch.device:
    """A GPU, the current one from now on; an InputError if there is none of this number."""
    check_gpus(index + 1)
    torch.cuda.set_device(index)  # what names no device, such as events and streams, means this one
    if deterministic:
        os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")  # else cuBLAS is not reproducible
        torch.use_deterministic_algorithms(True)  # with warn_only, attention would not be
        torch.utils.deterministic.fill_uninitialized_memory = False  # what is not written is not read here
    return torch.device("cuda", index)


def seed_generators(device: torch.device, seed: int):
    """Seed torch's random numbers on the CPU and on `device`.

    `torch.manual_seed` also leaves a note, with a traceback, for every kind of device that was never used.
    """
    torch.default_generator.manual_seed(seed)
    if device.type == "cuda":
        torch.cuda.manual_seed(seed)


@cache
def _log_choice(chosen: torch.device, asked: str, threads: int):
    """Log, once, what is computed on."""
    if chosen.type == "cuda":
        card = torch.cuda.get_device_properties(chosen)
        memory, version = card.total_memory / 2**30, f"{card.major}.{card.minor}"
        log.info("device %s: %s, %s of %.0f GiB, compute capability %s", asked, chosen, card.name, memory, version)
    else:
        why = f", as torch {torch.__version__} finds no GPU that it can use" if asked != "cpu" else ""
        log.info("device %s: the CPU, %d threads%s", asked, threads, why)


def check_gpus(processes: int):
    """Raise an InputError if a process of this machine would have no GPU of its own, where torch can use GPUs."""
    if torch.cuda.is_available() and processes > (found := torch.cuda.device_count()):
        edit = f"`processes: {found}` of the model, or ask the scheduler for as many GPUs as processes"
        raise InputError(f"a GPU for each of {processes} processes", f"{found}", "processes", edit)


def uses_bf16(device: torch.device, precision: str) -> bool:
    """Whether forward passes are in bfloat16: `bf16`, or `auto` on a CUDA device that has it in hardware.

    Compute capability 8.0 (Ampere) or later has; older cards emulate it, slower than float32.
    """
    if precision != "auto" or device.type != "cuda":
        return precision == "bf16"
    return torch.cuda.get_device_capability(device) >= (8, 0)


def training_precision(device: torch.device, precision: str, dim: int) -> str:
    """The precision, `fp32` or `bf16`, that training a ViT of dimension `dim` takes for `auto`; others stay.

    On a CPU bf16 if it has tiles for it (AMX) and the network is a ViT-S (`dim` 384) or wider, whose step was measured
    to be faster so: in narrower ones products are too small. Embedding stays in float32 on every CPU, so that plates
    that different machines embed are alike.
    """
    if precision == "auto" and device.type == "cpu":
        return "bf16" if dim >= TILED_DIM and cpu_has_bf16_tiles() else "fp32"
    return "bf16" if uses_bf16(device, precision) else "fp32"


def cpu_has_bf16_tiles(cpuinfo="/proc/cpuinfo") -> bool:
    """Whether this CPU multiplies bf16 in tiles (AMX, as Linux reports it) and this torch knows how to."""
    if not torch.backends.mkldnn.is_available() or not Path(cpuinfo).is_file():
        return False
    flags = next((line for line in Path(cpuinfo).read_text().splitlines() if line.startswith("flags")), "")
    return {"amx_tile", "amx_bf16"} <= set(flags.split())


def autocast(device: torch.device, precision: str):
    """Context manager of a forward pass in `fp32`, `bf16` or `auto`: see `uses_bf16`."""
    return torch.autocast(device.type, torch.bfloat16) if uses_bf16(device, precision) else nullcontext()
