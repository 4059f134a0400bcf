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
    """Contrastive learning without labels; what is kept is the backbone.

    `hidden`, `dimension`: widths of the projection head's hidden layer and output. `temperature`: of the logits.
    """

    compares_cells = True

    def __init__(self, backbone, augmentation, labels=None, *, hidden=2048, dimension=128, temperature=0.1):
        self.augmentation, self.image, self.temperature = augmentation, backbone.architecture["image"], temperature
        self.student = ProjectionNetwork(backbone, hidden, dimension)

    def draw(self, seed, cells, side):
        generator = torch.Generator().manual_seed(seed)
        return [draw_view(generator, self.augmentation, cells, side) for _ in range(2)]

    def losses(self, crops, drawn, _targets, _scheduled):
        like = self.student.backbone.norm.weight  # its dtype and device are those of views and losses
        views = torch.cat([render(crops, view, self.image, self.augmentation) for view in drawn]).to(like)
        tokens = self.student.backbone(views)[0]  # (2B, dim)
        first, second = F.normalize(self.student.head(tokens).to(like), dim=-1).chunk(2)
        return {"contrast": nt_xent(first, second, self.temperature)}, tokens, {}


class ProjectionNetwork(nn.Module):
    """Backbone and projection head."""

    def __init__(self, backbone, hidden, dimension):
        super().__init__()
        self.backbone = backbone
        layers = nn.Linear(len(backbone.norm.weight), hidden), nn.GELU(), nn.Linear(hidden, dimension)
        self.head = nn.Sequential(*layers).apply(vit.init_linear)


def nt_xent(first, second, temperature):  # (B, D), (B, D), unit length
    """NT-Xent, a scalar: cross-entropy of each view's partner among all views but itself, of R processes together."""
    views = torch.cat([distributed.gather_rows(first), distributed.gather_rows(second)])  # (2 * R * B, D)
    b, offset = len(first), distributed.rank() * len(first)
    itself = torch.arange(b, device=first.device) + offset
    itself = torch.cat([itself, itself + len(views) // 2])
    partner = (itself + len(views) // 2) % len(views)
    logits = torch.cat([first, second]) @ views.T / temperature  # (2B, 2 * R * B)
    return F.cross_entropy(logits.scatter(1, itself[:, None], -torch.inf), partner)
