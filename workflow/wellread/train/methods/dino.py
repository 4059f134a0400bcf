"""Cell-DINO: the student learns to say of its views what a slowly following teacher says (Moutakanni et al. 2025).

Shapes: B cells, L local views, N patches and M masked patches of the 2B global views, K prototypes.
"""

import math
import random
from copy import deepcopy

import torch
from torch import nn
from torch.nn import functional as F

from wellread.encoder import vit
from wellread.encoder.views import draw_view, render
from wellread.runtime.errors import InputError
from wellread.runtime.registry import choice
from wellread.train import distributed, losses
from wellread.train.monitor import entropy
from wellread.train.patch_masks import patch_masks
from wellread.train.schedules import cosine, frozen

CENTRE_MOMENTUM = 0.9


@choice("train")
class Dino:
    """Self-distillation without labels; the teacher's backbone is what is kept."""

    def __init__(
        self, backbone, augmentation, truth=None, *,
        local_views=0, local_image=64, local_scale=(0.05, 0.32), prototypes=65536, hidden=2048, bottleneck=256,
        centring="softmax", temperature=(0.04, 0.07), temperature_epochs=20, momentum=0.996, freeze_epochs=1,
        ibot=1.0, mask_probability=0.5, mask_ratio=(0.1, 0.5), koleo=0.1,
    ):  # fmt: skip
        self.augmentation, self.image, self.patch = augmentation, backbone.architecture["image"], backbone.patch
        self.locals, self.local_image, self.local_scale = local_views, local_image, local_scale
        self.centring, self.ibot, self.koleo = centring, ibot, koleo
        self.masking = {"probability": mask_probability, "ratio": mask_ratio}
        self.temperature, self.temperature_epochs = temperature, temperature_epochs
        self.momentum, self.freeze_epochs = momentum, freeze_epochs
        self.student, self.teacher = pair(backbone, prototypes=prototypes, hidden=hidden, bottleneck=bottleneck)
        self.parts = {"student": self.student, "teacher": self.teacher}
        self.said = []
        if local_views and local_image % self.patch:
            edit = "`local_image` of the method or `patch` of the encoder"
            raise InputError(f"views of whole patches of {self.patch} px", f"{local_image} px", "train: dino", edit)

    @property
    def encoder(self):
        return self.teacher.backbone

    def schedules(self, lr, steps, epoch):
        cold, warm = self.temperature
        return {
            "last_lr": frozen(lr, self.freeze_epochs * epoch),
            "momentum": cosine(self.momentum, 1.0, steps),
            "temperature": cosine(warm, warm, steps, self.temperature_epochs * epoch, cold),
        }

    def draw(self, seed, cells, side):
        generator = torch.Generator().manual_seed(seed)
        wide = [draw_view(generator, self.augmentation, cells, side) for _ in range(2)]
        narrow = [draw_view(generator, self.augmentation, cells, side, self.local_scale) for _ in range(self.locals)]
        masks = patch_masks(random.Random(seed), 2 * cells, self.image, self.patch, **self.masking)  # (2B, N)
        return {"wide": wide, "narrow": narrow, "masks": masks.unflatten(0, (2, -1)).transpose(0, 1)}

    def losses(self, crops, drawn, _targets, now):
        see = self.student.backbone.norm.weight  # views in its precision, on its device
        wide = torch.cat([render(crops, d, self.image, self.augmentation) for d in drawn["wide"]]).to(see)
        narrow = [render(crops, d, self.local_image, self.augmentation) for d in drawn["narrow"]]
        narrow = torch.cat(narrow).to(see) if narrow else None  # (L * B, C, s, s), view by view
        masks = Masks(drawn["masks"].transpose(0, 1).flatten(0, 1), see)  # (2B, N)
        targets, said = teach(self.teacher, wide, masks, now["temperature"], self.centring)
        self.said.append(said)
        parts, tokens = learn(self.student, wide, narrow, masks, targets, ibot=self.ibot, koleo=self.koleo)
        return parts, tokens, {"entropy": entropy(targets[0]).mean() / math.log(targets[0].shape[-1])}

    def follow(self, now):
        absorb(self.teacher.centres, self.said)
        self.said = []
        follow(self.teacher, self.student, now["momentum"])


class Network(nn.Module):
    """Backbone and projection head. Only the teacher's backbone is kept after training."""

    def __init__(self, backbone, *, prototypes, hidden, bottleneck):
        super().__init__()
        self.backbone = backbone
        self.dino_head = Head(len(backbone.norm.weight), prototypes, hidden, bottleneck)


class Head(nn.Module):
    """Tokens (n, dim) to logits (n, K): an MLP onto the unit sphere, then similarity to the prototypes."""

    def __init__(self, dim, prototypes, hidden, bottleneck):
        super().__init__()
        widths = [(dim, hidden), (hidden, hidden), (hidden, bottleneck)]
        first, second, third = (nn.Linear(*width) for width in widths)
        self.mlp = nn.Sequential(first, nn.GELU(), second, nn.GELU(), third).apply(vit.init_linear)
        self.last_layer = Prototypes(bottleneck, prototypes)

    def forward(self, x):
        return self.last_layer(F.normalize(self.mlp(x), dim=-1))


class Prototypes(nn.Module):
    """A weight-normalised linear layer: rows of direction `weight_v` and of trainable length `weight_g`."""

    def __init__(self, dim, prototypes):
        super().__init__()
        self.weight_g = nn.Parameter(torch.ones(prototypes, 1))
        self.weight_v = nn.Parameter(nn.Linear(dim, prototypes, bias=False).weight.detach())

    def forward(self, x):
        logits = F.linear(x, self.weight_g * F.normalize(self.weight_v, dim=1))
        return logits.to(self.weight_v.dtype)  # also under autocast: softmax and losses need the precision


class Masks:
    """Masked patches of the global views: `map` (2B, N) bool, positions `at` (M,) in it, their `weights` (M,).

    A weight is 1 / masked patches of its image. Found where the masks were drawn: a GPU would have to be waited for.
    """

    def __init__(self, masks, like):
        weights = (1 / masks.sum(1, keepdim=True).clamp(min=1)).expand_as(masks)
        send = {"device": like.device, "non_blocking": True}
        self.map, self.at = masks.to(**send), masks.flatten().nonzero().squeeze(1).to(**send)
        self.weights = weights[masks].to(**send)

    def of(self, patches):  # (2B, N, D) -> (M, D)
        return patches.flatten(0, 1).index_select(0, self.at)


def pair(backbone, **head):
    """Student and teacher, equal at the start; the teacher gets no gradient and drops no blocks.

    The teacher also keeps two running means of what it said: of images and of masked patches, `centres` (2, K).
    """
    student = Network(backbone, **head)
    teacher = deepcopy(student).requires_grad_(False).eval()
    teacher.register_buffer("centres", backbone.norm.weight.new_zeros(2, head["prototypes"]))
    return student, teacher


@torch.no_grad()
def teach(teacher, wide, masks, temperature, centring):
    """What the student shall say: probabilities (2, B, K) of global views and (M, K) of their masked patches.

    Also what the teacher's centres shall absorb after the step, so that they never hold part of a batch: sums (2, K)
    of its logits and their numbers (2, 1).
    """
    cls, patches = teacher.backbone(wide)
    said = [teacher.dino_head(cls), teacher.dino_head(masks.of(patches))]
    centred = losses.CENTRINGS[centring]
    targets = [centred(x, c, temperature) for x, c in zip(said, teacher.centres, strict=True)]
    numbers = torch.stack([cls.new_full((1,), len(x)) for x in said])
    return (targets[0].unflatten(0, (2, -1)), targets[1]), (torch.stack([x.sum(0) for x in said]), numbers)


@torch.no_grad()
def absorb(centres, said):
    """Move the centres (2, K), in place, towards the means of a step's logits; of no logits there is no mean."""
    sums, numbers = (distributed.total(sum(parts)) for parts in zip(*said, strict=True))
    centres.lerp_(torch.where(numbers > 0, sums / numbers.clamp(min=1), centres), 1 - CENTRE_MOMENTUM)


def learn(student, wide, narrow, masks, targets, *, ibot, koleo):
    """Weighted losses by name, and the student's CLS tokens (2B, dim) of the global views `wide`.

    `narrow`: local views (L * B, C, s, s), view by view, or None. `ibot`, `koleo`: weights.
    """
    image_targets, patch_targets = targets  # (2, B, K), (M, K)
    cls, patches = student.backbone(wide, masks.map)
    views = 0 if narrow is None else len(narrow) * 2 // len(wide)
    pairs = 2 + 2 * views  # of teacher and student views
    said = student.dino_head(cls).unflatten(0, (2, -1))  # (2, B, K)
    parts = {"global": losses.dino_global(image_targets, said) * 2 / pairs}
    if views:
        said = student.dino_head(student.backbone(narrow)[0]).unflatten(0, (views, -1))  # (L, B, K)
        parts["local"] = losses.dino_local(image_targets, said) / pairs
    parts["koleo"] = koleo * sum(losses.koleo(x) for x in cls.chunk(2))
    said = student.dino_head(masks.of(patches))  # (M, K)
    parts["ibot"] = ibot * losses.ibot(patch_targets, said, masks.weights, len(wide))
    return parts, cls


@torch.no_grad()
def follow(teacher, student, momentum):
    """The teacher's weights are a running mean of the student's."""
    torch._foreach_lerp_(list(teacher.parameters()), list(student.parameters()), 1 - momentum)
