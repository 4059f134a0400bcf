"""Small training runs in double precision, in one or several processes, and what their optimiser was told.

python together.py OUT CASES, with CASES {name: [method, options, fit]}: writes what the first process found.
"""

import json
import sys
from contextlib import contextmanager
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "workflow"))

import torch
from torch.optim.optimizer import register_optimizer_step_pre_hook
from wellread.encoder.architecture import vit
from wellread.encoder.views import augmentation
from wellread.runtime.registry import functions
from wellread.train import distributed, loop
from wellread.train.dataset import shuffled_batches

CHANNELS = ["DNA", "RNA", "ER", "AGP"]


class Cells:
    """40 crops of noise."""

    shape = (40, 4, 20, 20)

    def __init__(self):
        self.crops = torch.randint(0, 256, self.shape, generator=torch.Generator().manual_seed(1), dtype=torch.uint8)

    def __len__(self):
        return len(self.crops)

    def __getitem__(self, rows):
        return self.crops[rows], None

    def batches(self, *how):
        return shuffled_batches(len(self), *how)

    def windows(self, _rows):
        return self.shape[-1]


class Nowhere:
    """No checkpoint: training begins with step `first`."""

    def __init__(self, first=0):
        self.first = first

    def restore(self, **_parts):
        return self.first, []

    def due(self, *_when):
        return False

    def save(self, *_state, **_parts):
        pass


def main(out, cases):
    torch.set_num_threads(1)
    with distributed.process_group(torch.device("cpu")):
        found = {name: trained(*case) for name, case in json.loads(cases).items()}
        if distributed.rank() == 0:
            torch.save(found, out)


def trained(method, options, fit=(), cells=None, labels=None, first=0):
    """Train a small ViT: `rows` logged, `networks`, and per step (`steps`) what the optimiser was told; see `noted`."""
    torch.manual_seed(0)
    cells = cells or Cells()
    channels = CHANNELS[: cells.shape[1]]
    learner = functions("train")[method](tiny(channels), augmentation(channels), labels, **options)
    for network in learner.networks.values():
        network.double()
    how = {"seed": 0, "device": torch.device("cpu"), "batch": 12, "epochs": 2, "warmup_epochs": 1, "log_every": 1}
    with noted(learner.student) as steps:
        rows, _ = loop.fit(learner, cells, lambda _encoder: {}, Nowhere(first), **how | dict(fit))
    return {"rows": rows, "networks": {k: v.state_dict() for k, v in learner.networks.items()}, "steps": steps}


def tiny(channels=CHANNELS):
    """A small ViT."""
    size = {"dim": 32, "depth": 2, "heads": 2, "patch": 4, "image": 16, "layer_scale": 0.1, "drop_path": 0.0}
    return vit(channels, **size)


@contextmanager
def noted(student):
    """A list that grows by {name of a parameter: lr, decay, gradient, value} before every step of an optimiser."""
    steps, names = [], {id(parameter): name for name, parameter in student.named_parameters()}

    def note(optimiser, _args, _kwargs):
        numbers = {}
        for group in optimiser.param_groups:
            for p in (p for p in group["params"] if p.grad is not None):
                told = {"lr": group["lr"], "decay": group["weight_decay"], "gradient": p.grad.clone()}
                numbers[names[id(p)]] = told | {"value": p.detach().clone()}
        steps.append(numbers)

    handle = register_optimizer_step_pre_hook(note)
    try:
        yield steps
    finally:
        handle.remove()


if __name__ == "__main__":
    main(*sys.argv[1:])
