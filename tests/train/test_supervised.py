"""The losses of learning from labels, against sums written out."""

import math
from types import SimpleNamespace

import pytest
import torch
from torch import nn
from wellread.encoder import views
from wellread.train.methods.supervised import Supervised

LOGITS = torch.tensor([[2.0, -1.0, 0.5], [0.3, 0.2, -3.0]])


class Given(nn.Module):
    """A backbone of one token, whatever the image."""

    def __init__(self):
        super().__init__()
        self.norm, self.architecture = nn.LayerNorm(3), {"image": 4}

    def forward(self, _x):
        return LOGITS, None


def loss_and_accuracy(targets, smoothing, multi_label):
    labels = SimpleNamespace(classes=["a", "b", "c"], multi_label=multi_label)
    learner = Supervised(Given(), views.augmentation(["DNA"]), labels, smoothing=smoothing)
    learner.student.head = nn.Identity()
    crops = torch.zeros(2, 1, 6, 6, dtype=torch.uint8)
    losses, tokens, metrics = learner.losses(crops, learner.draw(0, 2, 6), torch.tensor(targets) > 0, {})
    assert torch.equal(tokens, LOGITS)
    return losses["classify"].item(), metrics["accuracy"].item()


@pytest.mark.parametrize("smoothing", [0.0, 0.3])
def test_one_class_each(smoothing):
    targets, total = [[1, 0, 0], [0, 1, 0]], 0
    for row, logits in zip(targets, LOGITS.tolist(), strict=True):
        whole = math.log(sum(math.exp(value) for value in logits))
        for is_class, value in zip(row, logits, strict=True):
            total -= (is_class * (1 - smoothing) + smoothing / 3) * (value - whole) / 2
    loss, accuracy = loss_and_accuracy(targets, smoothing, multi_label=False)
    assert loss == pytest.approx(total, rel=1e-5)
    assert accuracy == 0.5


@pytest.mark.parametrize("smoothing", [0.0, 0.3])
def test_several_classes_each(smoothing):
    targets, total = [[1, 0, 1], [0, 1, 0]], 0
    for row, logits in zip(targets, LOGITS.tolist(), strict=True):
        for is_class, value in zip(row, logits, strict=True):
            wanted, probability = is_class * (1 - smoothing) + smoothing / 2, 1 / (1 + math.exp(-value))
            total -= (wanted * math.log(probability) + (1 - wanted) * math.log(1 - probability)) / 6
    loss, accuracy = loss_and_accuracy(targets, smoothing, multi_label=True)
    assert loss == pytest.approx(total, rel=1e-5)
    assert accuracy == 0.5  # the first cell; the second also claims the first class
