"""What methods share that train one network by gradient; see `methods` for what each attribute is."""

import numpy as np
import torch

AT_A_TIME = 256  # items, after training


class Learner:
    """A method with one network, `student`, whose backbone is kept; no schedules of its own, nothing after a step."""

    student = None
    head = None
    compares_cells = False

    @property
    def networks(self):
        return {"student": self.student}

    @property
    def encoder(self):
        return self.student.backbone

    def schedules(self, _lr, _steps, _epoch):
        return {}

    def after_step(self, _scheduled):
        pass

    def finish(self, _dataset, _device, _held):
        pass


@torch.inference_mode()
def of_all(dataset, function, device, axis=0):
    """The `function` of the crops (B, C, S, S) of a `TrainingSet`, joined along `axis`, and the targets (n, K).

    Both on the CPU; the items are all of the set, in their order.
    """
    found, targets = [], []
    for start in range(0, len(dataset), AT_A_TIME):
        crops, known = dataset[np.arange(start, min(start + AT_A_TIME, len(dataset)))]
        found.append(function(crops.to(device)).float().cpu())
        targets.append(known)
    return torch.cat(found, axis), torch.cat(targets)
