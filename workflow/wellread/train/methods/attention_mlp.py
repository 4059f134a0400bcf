"""What patch tokens of a frozen encoder know: attention pooling and a small network, of several folds (Cell-DINO)."""

import torch
from torch import nn
from torch.nn import functional as F

from wellread.encoder.heads import AttentionMLP as Head
from wellread.encoder.heads import matched
from wellread.encoder.views import centre_view
from wellread.runtime.registry import choice
from wellread.train.methods.learner import Learner, of_all


@choice("train", columns=("label",), teaches=True)
class Attention_MLP(Learner):
    """Networks on the frozen patch tokens of the encoder at `start`, each taught by all labelled wells but one fold.

    `label`, `labels`: as for `Supervised`; no value of the column `labels.held_out` is in two of the `folds`. `blocks`,
    `width`: see `encoder.heads.AttentionMLP`. The input is the centre of every crop, as in embedding. After training
    the thresholds of classes are matched to their frequency on every fold by the network that has not seen it, and
    averaged.
    """

    def __init__(
        self, backbone, augmentation, known, /, *, label="treatment", labels=None, blocks=4, width=512, folds=5
    ):
        self.image, self.several, self.classes = backbone.architecture["image"], known.multi_label, len(known.classes)
        self.student = nn.Module()
        self.student.backbone = backbone.requires_grad_(False)
        depth = len(backbone.blocks)
        size = {"blocks": min(blocks, depth), "width": width, "folds": folds}
        self.student.head = Head(len(backbone.norm.weight), self.classes, self.several, **size)

    @property
    def head(self):
        return self.student.head

    def draw(self, _seed, _cells, _side):
        return None

    def layers(self, crops):
        """The layers of the frozen backbone that the head looks at."""
        like = self.student.backbone.norm.weight
        with torch.no_grad():
            view = centre_view(crops, self.image).to(like)
            return self.student.backbone.eval().intermediate_layers(view, self.head.blocks)

    def losses(self, crops, _drawn, targets, _scheduled):  # targets (B, classes + folds) bool
        layers = self.layers(crops)
        logits = self.head(layers)  # (folds, B, classes)
        targets = targets.to(logits, non_blocking=True)
        truth, taught = targets[:, : self.classes], 1 - targets[:, self.classes :].T  # (B, classes), (folds, B)
        if self.several:
            loss = F.binary_cross_entropy_with_logits(logits, truth.expand_as(logits), reduction="none").mean(2)
        else:
            loss = -(logits.log_softmax(2) * truth).sum(2)
        losses = (loss * taught).sum(1) / taught.sum(1).clamp(min=1)
        return {"classify": losses.sum()}, layers[-1][0], {}

    def finish(self, dataset, device, _held):
        """Find the thresholds of the head, on the items of the fold that each network was not taught."""
        if not self.several:
            return
        found, targets = of_all(dataset, lambda crops: self.head.probabilities(self.layers(crops)), device, axis=1)
        truth, fold = targets[:, : self.classes], targets[:, self.classes :]
        own = [matched(one[held], truth[held]) for one, held in zip(found, fold.T, strict=True) if held.any()]
        self.head.thresholds.copy_(torch.stack(own).mean(0))
