"""Student and teacher of Cell-DINO: a backbone and its projection heads, and the running mean that the teacher is."""

from copy import deepcopy

import torch
from torch import nn
from torch.nn import functional as F

from wellread.encoder import vit


class BackboneAndHead(nn.Module):
    """Backbone and projection head, of student and teacher; `separate`: one of images and one of patches (iBOT)."""

    def __init__(self, backbone, *, prototypes, hidden, bottleneck, separate=False):
        super().__init__()
        self.backbone, size = backbone, (len(backbone.norm.weight), prototypes, hidden, bottleneck)
        self.dino_head = Head(*size)
        self.ibot_head = Head(*size) if separate else None

    @property
    def patch_head(self):
        """The head of masked patches."""
        return self.dino_head if self.ibot_head is None else self.ibot_head

    def points(self, patches, *images):
        """What the last layers take of patches (M, dim), and of the CLS tokens of several `images` (n, dim).

        A head in one pass.
        """
        if self.ibot_head is None:
            return self.dino_head.points(torch.cat([patches, *images])).split([len(x) for x in (patches, *images)])
        sizes = [len(x) for x in images]
        return self.ibot_head.points(patches), *self.dino_head.points(torch.cat(images)).split(sizes)


class Head(nn.Module):
    """Tokens (n, dim) to logits (n, K): an MLP onto the unit sphere, then similarity to the prototypes."""

    def __init__(self, dim, prototypes, hidden, bottleneck):
        super().__init__()
        widths = [(dim, hidden), (hidden, hidden), (hidden, bottleneck)]
        first, second, third = (nn.Linear(*width) for width in widths)
        self.mlp = nn.Sequential(first, nn.GELU(), second, nn.GELU(), third).apply(vit.init_linear)
        self.last_layer = Prototypes(bottleneck, prototypes)

    def forward(self, x):
        return self.last_layer(self.points(x))

    def points(self, x):
        """Points (n, bottleneck) on the unit sphere, which the last layer compares with the prototypes."""
        return F.normalize(self.mlp(x), dim=-1)


class Prototypes(nn.Module):
    """A weight-normalised linear layer: rows of direction `weight_v` and of trainable length `weight_g`."""

    def __init__(self, dim, prototypes):
        super().__init__()
        self.weight_g = nn.Parameter(torch.ones(prototypes, 1))
        self.weight_v = nn.Parameter(nn.Linear(dim, prototypes, bias=False).weight.detach())

    def forward(self, x):
        logits = F.linear(x, self.weight_g * F.normalize(self.weight_v, dim=1))
        return logits.to(self.weight_v.dtype)  # also under autocast: softmax and losses need the precision


def student_and_teacher(backbone, **head):
    """Student and teacher, equal at the start; the teacher gets no gradient and drops no blocks.

    The teacher also has `centres` (2, K): running means of its logits of images and of masked patches.
    """
    student = BackboneAndHead(backbone, **head)
    teacher = deepcopy(student).requires_grad_(False).eval()
    teacher.register_buffer("centres", backbone.norm.weight.new_zeros(2, head["prototypes"]))
    return student, teacher


@torch.no_grad()
def update_teacher(teacher, student, momentum):
    """The teacher's weights are a running mean of the student's: of them `momentum` is kept."""
    torch._foreach_lerp_(list(teacher.parameters()), list(student.parameters()), 1 - momentum)
