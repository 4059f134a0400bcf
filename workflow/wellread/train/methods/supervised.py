"""Learning from labels: a ViT and a linear layer, from scratch or from earlier weights (fine-tuning).

With the label `treatment` it is weak supervision, as in Cell Painting CNN (Moshkov et al. 2024); with annotations of
single cells or fields, the supervised baseline of the Cell-DINO paper.
"""

import torch
from torch import nn
from torch.nn import functional as F

from wellread.encoder import vit
from wellread.encoder.views import draw_view, render
from wellread.runtime.registry import choice
from wellread.train.methods.learner import Learner


@choice("train", columns=("label",))
class Supervised(Learner):
    """One or several classes per cell, those of its well in the wells table; cells without a label take no part."""

    def __init__(self, backbone, augmentation, truth=None, *, label="treatment", smoothing=0.0):
        self.augmentation, self.image = augmentation, backbone.architecture["image"]
        self.smoothing, self.several = smoothing, truth.several
        self.student = Classifier(backbone, len(truth.classes))

    def draw(self, seed, cells, side):
        return draw_view(torch.Generator().manual_seed(seed), self.augmentation, cells, side)

    def losses(self, crops, drawn, targets, _now):  # targets (B, classes), 0 or 1
        see = self.student.backbone.norm.weight
        tokens = self.student.backbone(render(crops, drawn, self.image, self.augmentation).to(see))[0]
        logits, targets = self.student.head(tokens).to(see), targets.to(see, non_blocking=True)
        if self.several:
            right = ((logits > 0) == (targets > 0.5)).all(1)
            loss = F.binary_cross_entropy_with_logits(logits, targets * (1 - self.smoothing) + self.smoothing / 2)
        else:
            right = logits.argmax(1) == targets.argmax(1)
            loss = F.cross_entropy(logits, targets, label_smoothing=self.smoothing)
        return {"classify": loss}, tokens, {"accuracy": right.to(see).mean()}


class Classifier(nn.Module):
    """Backbone and a linear layer."""

    def __init__(self, backbone, classes):
        super().__init__()
        self.backbone = backbone
        self.head = nn.Linear(len(backbone.norm.weight), classes).apply(vit.init_linear)
