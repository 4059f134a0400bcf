"""What jobs ask a scheduler for, from the size of their work: threads, memory, time."""

import os

from wellread.train.footprint import step_footprint

TINY, SMALL = 2e10, 1e11  # operations per step: a process has one thread, or two, as more gain nothing
NARROW = 192  # dimensions of a network below which a process that embeds has one thread
THREADS = 6  # of other processes: they read and send crops, or compute
BASE = 3000  # MB of a process that has imported torch, and of CUDA
LEAST = 8000, 1440  # MB, minutes
MOST = 10080  # minutes: a week
OF_SIGNAL = 300  # seconds before the end of its time at which a training job is warned, and saves
MINUTES = 60  # of any job, at least
PER_FIELD = 0.25  # minutes in which four threads segment a field of 2,160 px, with much to spare
PER_GB = 20  # minutes in which two threads embed a gigabyte of crops by a ViT-S/8 at 128 px without a card
SPEED = 2e13  # operations per second and process, of a slow card


def of_training(model: dict, channels: int, side: int, device: str) -> dict:
    """`threads`, `mem_mb` and `runtime` (minutes) of a training, on each of its machines with all processes there.

    `side`: of crops in pixels, 0 if unknown. With the device `cpu` memory is that of a step, else that of crops on
    their way to a card, and of weights. Time is known where `epoch_length` is; a run out of it goes on when repeated.
    """
    fit, processes = model["fit"], model["processes"]
    step = step_footprint(
        channels, model["encoder"]["vit"], model["train"], fit, processes * model.get("nodes", 1), side
    )
    on_cpu = step.memory(bf16=fit["precision"] == "bf16") if device == "cpu" else 0
    bytes_each = max(on_cpu, 8 * step.pixels + 8 * (step.weights + step.frozen))
    work = step.flop * fit["accumulate"]
    minutes = 2 * fit["epochs"] * (fit.get("epoch_length") or 0) * work / SPEED / 60
    return {
        "threads": processes * (1 if work < TINY else 2 if work < SMALL else THREADS),
        "mem_mb": max(LEAST[0], processes * (BASE + int(1.2 * bytes_each / 2**20))),
        "runtime": int(min(MOST, max(LEAST[1], minutes))),
    }


def growing(base: float, per_mb: float = 0.0):
    """A resource of `base` and `per_mb` for every MB of its job's input, which doubles with every attempt: an integer.

    To be called with `input` (its size is asked for only where it matters) and `attempt`, as Snakemake does.
    """

    def amount(wildcards, input, attempt):
        return int((base + (per_mb * megabytes(input) if per_mb else 0)) * 2 ** (attempt - 1))

    return amount


def megabytes(input) -> float:
    """The size of the input of a job. Snakemake's own `size_mb` takes a millisecond of an event loop."""
    if any(getattr(file, "is_storage", False) for file in input):
        return input.size_mb
    return sum(map(os.path.getsize, input)) / 2**20


def minutes_of_fields(fields: int) -> float:
    """The time (minutes) of a job that looks at so many fields."""
    return MINUTES + PER_FIELD * fields
