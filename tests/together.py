"""Small training runs in double precision, in one or several processes: what test_distributed.py compares.

python together.py OUT CASES, with CASES {name: [method, options]}: writes the losses and weights of the first process.
"""

import json
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "workflow"))

import torch
from wellread.encoder.architecture import vit
from wellread.encoder.views import augmentation
from wellread.runtime.registry import functions
from wellread.train import distributed, loop

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

    def windows(self, _rows):
        return self.shape[-1]


class Nowhere:
    """No checkpoint."""

    def restore(self, **_parts):
        return 0, []

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


def trained(method, options):
    torch.manual_seed(0)
    size = {"dim": 32, "depth": 2, "heads": 2, "patch": 4, "image": 16, "layer_scale": 0.1, "drop_path": 0.0}
    learner = functions("train")[method](vit(CHANNELS, **size), augmentation(CHANNELS), **options)
    for network in learner.networks.values():
        network.double()
    how = {"seed": 0, "device": torch.device("cpu"), "batch": 12, "epochs": 2, "warmup_epochs": 1, "log_every": 1}
    rows, _ = loop.fit(learner, Cells(), lambda _encoder: {}, Nowhere(), **how)
    return {"rows": rows, "networks": {k: v.state_dict() for k, v in learner.networks.items()}}


if __name__ == "__main__":
    main(*sys.argv[1:])
