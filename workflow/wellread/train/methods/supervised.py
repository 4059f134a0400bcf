"""Learning from labels: a ViT and a linear layer, from scratch or from earlier weights (fine-tuning).

With the label `treatment` it is weak supervision, as in Cell Painting CNN (Moshkov et al. 2024); with annotations of
single cells or fields, the supervised baseline of the Cell-DINO paper.
"""

import torch
from torch import nn
from torch.nn import functional as F

from wellread.encoder import heads, vit
from wellread.encoder.views import centre_view, draw_view, render
from wellread.runtime.registry import choice
from wellread.train.methods.learner import Learner, of_all


@choice("train", columns=("label",), teaches=True)
class Supervised(Learner):
    """One or several classes per cell, those of its well in the wells table; cells without a label are left out.

    `label`: column of the wells table; `labels`: of which wells it is read, see `shares.taught`. `smoothing`: share of
    each target that is spread over all classes. `dropout`: share of the embedding's values that are zero before the
    linear layer, drawn anew at every step. Of several classes the thresholds are matched, after training, to the
    frequencies in the validation set, where there is one.
    """

    def __init__(self, backbone, augmentation, known, /, *, label="treatment", labels=None, smoothing=0.0, dropout=0.0):
        self.augmentation, self.image = augmentation, backbone.architecture["image"]
        self.smoothing, self.multi_label = smoothing, known.multi_label
        self.student = Classifier(backbone, len(known.classes), dropout, known.multi_label)

    @property
    def head(self):
        return self.student.head

    def draw(self, seed, cells, side):
        return draw_view(torch.Generator().manual_seed(seed), self.augmentation, cells, side)

    def losses(self, crops, drawn, targets, _scheduled):  # targets (B, classes) bool
        like = self.student.backbone.norm.weight  # its dtype and device are those of views and losses
        tokens = self.student.backbone(render(crops, drawn, self.image, self.augmentation).to(like))[0]
        logits, targets = self.student.classify(tokens).to(like), targets.to(like, non_blocking=True)
        if self.multi_label:
            right = ((logits > 0) == (targets > 0.5)).all(1)
            loss = F.binary_cross_entropy_with_logits(logits, targets * (1 - self.smoothing) + self.smoothing / 2)
        else:
            right = logits.argmax(1) == targets.argmax(1)
            loss = F.cross_entropy(logits, targets, label_smoothing=self.smoothing)
        return {"classify": loss}, tokens, {"accuracy": right.to(like).mean()}

    def finish(self, _dataset, device, held):
        """Match the thresholds of the head to the validation set `held`; without one they stay at .5."""
        if not self.multi_label or held is None:
            return
        backbone = self.student.backbone.eval()
        found, targets = of_all(held, lambda crops: self.head.probabilities([backbone(self.centre(crops))]), device)
        self.head.thresholds.copy_(heads.matched(found, targets))

    def centre(self, crops):
        """The input of the backbone in embedding, of its dtype: the centre of every crop."""
        return centre_view(crops, self.image).to(self.student.backbone.norm.weight)


class Classifier(nn.Module):
    """Backbone, dropout (Srivastava et al. 2014) and a linear layer."""

    def __init__(self, backbone, classes, dropout=0.0, several=False):
        super().__init__()
        self.backbone, self.dropout = backbone, dropout
        self.head = heads.Linear(len(backbone.norm.weight), classes, several).apply(vit.init_linear)

    def classify(self, tokens):  # (B, dim) -> (B, classes)
        return self.head(F.dropout(tokens, self.dropout, self.training))
