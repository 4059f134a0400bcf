"""The device that torch computes on, and the precision of forward passes."""

import os
from contextlib import nullcontext

import torch

from wellread.runtime.errors import InputError


def choose_device(device: str, threads: int) -> torch.device:
    """The torch device for `auto`, `cpu` or `cuda`; also sets the number of CPU `threads`, for the whole process.

    `cuda` on a machine without a usable GPU is an InputError: never a silent CPU run of days.
    """
    torch.set_num_threads(threads)
    if device == "cuda" and not torch.cuda.is_available():
        raise InputError(
            "a CUDA device, as `device: cuda` says",
            f"none that torch {torch.__version__} can use",
            "device",
            "`device: auto` or `cpu`, or run on a machine (a Slurm partition) with a graphics card",
        )
    if device == "cpu" or not torch.cuda.is_available():
        return torch.device("cpu")
    os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")  # else cuBLAS is not reproducible
    torch.use_deterministic_algorithms(True, warn_only=True)
    index = int(os.environ.get("LOCAL_RANK", 0))
    check_gpus(index + 1)
    torch.cuda.set_device(index)  # what names no device, such as events and streams, means this one
    return torch.device("cuda", index)


def check_gpus(processes: int):
    """Raise an InputError if a process of this machine would have no GPU of its own, where torch can use GPUs."""
    if torch.cuda.is_available() and processes > (found := torch.cuda.device_count()):
        edit = f"`processes: {found}` of the model, or ask the scheduler for as many GPUs as processes"
        raise InputError(f"a GPU for each of {processes} processes", f"{found}", "processes", edit)


def autocast(device: torch.device, precision: str):
    """Context manager of a forward pass: `fp32`, `bf16`, or `auto`, which is bf16 on CUDA devices only."""
    if precision == "bf16" or (precision == "auto" and device.type == "cuda"):
        return torch.autocast(device.type, torch.bfloat16)
    return nullcontext()
