"""SimCLR: two views of a cell must find each other among the views of all others (Chen et al. 2020)."""

import torch
from torch import nn
from torch.nn import functional as F

from wellread.encoder import vit
from wellread.encoder.views import draw_view, render
from wellread.runtime.registry import choice
from wellread.train import distributed
from wellread.train.methods.learner import Learner


@choice("train")
class SimCLR(Learner):
    """Contrastive learning without labels; what is kept is the backbone."""

    def __init__(self, backbone, augmentation, truth=None, *, hidden=2048, dimension=128, temperature=0.1):
        self.augmentation, self.image, self.temperature = augmentation, backbone.architecture["image"], temperature
        self.student = Contrast(backbone, hidden, dimension)

    def draw(self, seed, cells, side):
        generator = torch.Generator().manual_seed(seed)
        return [draw_view(generator, self.augmentation, cells, side) for _ in range(2)]

    def losses(self, crops, drawn, _targets, _now):
        see = self.student.backbone.norm.weight
        views = torch.cat([render(crops, d, self.image, self.augmentation) for d in drawn]).to(see)
        tokens = self.student.backbone(views)[0]  # (2B, dim)
        one, other = F.normalize(self.student.head(tokens).to(see), dim=-1).chunk(2)
        return {"contrast": contrast(one, other, self.temperature)}, tokens, {}


class Contrast(nn.Module):
    """Backbone and projection head."""

    def __init__(self, backbone, hidden, dimension):
        super().__init__()
        self.backbone = backbone
        layers = nn.Linear(len(backbone.norm.weight), hidden), nn.GELU(), nn.Linear(hidden, dimension)
        self.head = nn.Sequential(*layers).apply(vit.init_linear)


def contrast(one, other, temperature):  # (B, D), (B, D), unit length
    """NT-Xent: cross-entropy of each view's partner among all views but itself, those of all processes included."""
    everyone = torch.cat([distributed.gather(one), distributed.gather(other)])  # (2 * R * B, D)
    b, first = len(one), distributed.rank() * len(one)
    itself = torch.arange(b, device=one.device) + first
    itself = torch.cat([itself, itself + len(everyone) // 2])
    partner = (itself + len(everyone) // 2) % len(everyone)
    logits = torch.cat([one, other]) @ everyone.T / temperature  # (2B, 2 * R * B)
    return F.cross_entropy(logits.scatter(1, itself[:, None], -torch.inf), partner)
