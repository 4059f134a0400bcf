"""Cell-DINO: a student learns to predict the outputs of its teacher, a running mean of itself (Moutakanni et al. 2025).

Shapes: B cells, L local views, N patches and M masked patches of the 2B global views, K prototypes.
"""

import math
import random

import torch

from wellread.encoder.views import draw_view, render
from wellread.runtime.errors import InputError
from wellread.runtime.registry import choice
from wellread.train import distributed, losses
from wellread.train.methods.dino_networks import student_and_teacher, update_teacher
from wellread.train.methods.learner import Learner
from wellread.train.monitor import entropy
from wellread.train.patch_masks import patch_masks
from wellread.train.schedules import cosine, first_steps, frozen

CENTRE_MOMENTUM = 0.9
WARMUP = 0.2  # share of the steps in which the teacher's temperature rises, Cell-DINO's 20 of 100 epochs


@choice("train")
class Dino(Learner):
    """Self-distillation without labels; the teacher's backbone is what is kept.

    `local_views`, `local_image`, `local_scale`: number, side in pixels and share of the area of the local views.
    `prototypes`, `hidden`, `bottleneck`: outputs of the head, width of its hidden layers, dimension before the last.
    `centring`: of the teacher, in `losses.CENTRINGS`. `temperature`: of the teacher, first and after
    `temperature_epochs`; None: the share WARMUP of all. `momentum`: of the teacher's weights at first, rising to 1.
    `freeze_epochs`: in which the last layer of the head stays. `ibot`, `koleo`: weights of these losses.
    `mask_probability`, `mask_ratio`: share of global views with masked patches, lowest and highest share of these.
    `separate_head`: whether patches have a head of their own. `koleo_over`: see `losses.koleo`.
    `low_resolution`: share of the steps, the first ones, in which views have half their side (FastDINOv2). An
    InputError if `local_image` is no multiple of the patch.
    """

    networks = None  # student and teacher

    def __init__(
        self, backbone, augmentation, labels=None, *,
        local_views=0, local_image=64, local_scale=(0.05, 0.32), prototypes=65536, hidden=2048, bottleneck=256,
        centring="softmax", temperature=(0.04, 0.07), temperature_epochs=None, momentum=0.996, freeze_epochs=1,
        ibot=1.0, mask_probability=0.5, mask_ratio=(0.1, 0.5), koleo=0.1,
        separate_head=False, koleo_over="batch", low_resolution=0.0,
    ):  # fmt: skip
        self.augmentation, self.image, self.patch = augmentation, backbone.architecture["image"], backbone.patch
        self.local_views, self.local_image, self.local_scale = local_views, local_image, local_scale
        self.centring, self.ibot, self.koleo, self.koleo_over = centring, ibot, koleo, koleo_over
        self.masking = {"probability": mask_probability, "ratio": mask_ratio}
        self.temperature, self.temperature_epochs = temperature, temperature_epochs
        self.momentum, self.freeze_epochs, self.low_resolution = momentum, freeze_epochs, low_resolution
        head = {"prototypes": prototypes, "hidden": hidden, "bottleneck": bottleneck, "separate": separate_head}
        self.student, self.teacher = student_and_teacher(backbone, **head)
        self.networks = {"student": self.student, "teacher": self.teacher}
        self.logit_sums = []  # of the micro-batches of this step
        if local_views and local_image % self.patch:
            edit = "`local_image` of the method or `patch` of the encoder"
            raise InputError(f"views of whole patches of {self.patch} px", f"{local_image} px", "train: dino", edit)

    @property
    def encoder(self):
        return self.teacher.backbone

    @property
    def compares_cells(self):
        return self.koleo > 0 or self.centring == "sinkhorn_knopp"

    def schedules(self, lr, steps, epoch):
        first, last = self.temperature
        rising = round(steps * WARMUP) if self.temperature_epochs is None else self.temperature_epochs * epoch
        low = {"low_resolution": first_steps(self.low_resolution, steps)} if self.low_resolution else {}
        return low | {
            "last_lr": frozen(lr, self.freeze_epochs * epoch),
            "momentum": cosine(self.momentum, 1.0, steps),
            "temperature": cosine(last, last, steps, rising, first),
        }

    def draw(self, seed, cells, side):
        generator = torch.Generator().manual_seed(seed)
        drawn = {"global_views": [draw_view(generator, self.augmentation, cells, side) for _ in range(2)]}
        drawn["local_views"] = [
            draw_view(generator, self.augmentation, cells, side, self.local_scale) for _ in range(self.local_views)
        ]
        drawn["masks"] = self.draw_masks(seed, cells, self.image)
        return drawn | (
            {"low_masks": self.draw_masks(seed, cells, self.half(self.image))} if self.low_resolution else {}
        )

    def draw_masks(self, seed, cells, image):
        """Masked patches (B, 2, N) of the global views, of this side in pixels."""
        masks = patch_masks(random.Random(seed), 2 * cells, image, self.patch, **self.masking)  # (2B, N)
        return masks.unflatten(0, (2, -1)).transpose(0, 1)

    def half(self, side):
        """Half of the side of a view, in whole patches."""
        return max(round(side / 2 / self.patch), 1) * self.patch

    def losses(self, crops, drawn, _targets, scheduled):
        like = self.student.backbone.norm.weight  # its dtype and device are those of views
        low = scheduled.get("low_resolution", 0) > 0
        image, local_image = (self.half(side) if low else side for side in (self.image, self.local_image))
        global_views = self.render(crops, drawn["global_views"], image, like)  # (2B, C, S, S)
        local_views = self.render(crops, drawn["local_views"], local_image, like)  # (L * B, C, s, s)
        masks = Masks(drawn["low_masks" if low else "masks"].transpose(0, 1).flatten(0, 1), like)  # (2B, N)
        temperature = scheduled["temperature"]
        targets, logit_sums = teacher_targets(self.teacher, global_views, masks, temperature, self.centring)
        self.logit_sums.append(logit_sums)
        weights = {"ibot": self.ibot, "koleo": self.koleo, "koleo_over": self.koleo_over}
        by_name, tokens = student_losses(self.student, global_views, local_views, masks, targets, **weights)
        return by_name, tokens, {"entropy": entropy(targets[0]).mean() / math.log(targets[0].shape[-1])}

    def render(self, crops, views, size, like):
        """All views of the crops, one view after the other; None if there are none."""
        rendered = [render(crops, view, size, self.augmentation) for view in views]
        return torch.cat(rendered).to(like) if rendered else None

    def after_step(self, scheduled):
        update_centres(self.teacher.centres, self.logit_sums)
        self.logit_sums = []
        update_teacher(self.teacher, self.student, scheduled["momentum"])


class Masks:
    """Masked patches of the global views: `masks` (2B, N) bool, their `indices` (M,) among all, their `weights` (M,).

    A weight is 1 / masked patches of its image. Indices are found on the CPU, where masks were drawn: a GPU would have
    to be waited for. All are sent to the device of `like`.
    """

    def __init__(self, masks, like):
        weights = (1 / masks.sum(1, keepdim=True).clamp(min=1)).expand_as(masks)
        send = {"device": like.device, "non_blocking": True}
        self.masks, self.indices = masks.to(**send), masks.flatten().nonzero().squeeze(1).to(**send)
        self.weights = weights[masks].to(**send)

    def tokens(self, backbone):
        """Indices (2B + M,) of CLS tokens and masked patches among all tokens of the global views in a row."""
        images, patches = self.masks.shape
        special = 1 + backbone.registers
        length = special + patches
        rows = self.indices // patches
        return torch.cat([cls_tokens(images, length, self.indices), self.indices + special * (rows + 1)])


def cls_tokens(images, length, like):
    """Indices (images,) of the CLS tokens among all tokens in a row, `length` to an image; on the device of `like`."""
    return torch.arange(images, device=like.device) * length


def cls_and_masked(backbone, views, masks, masked=None):
    """CLS tokens (2B, dim) of the global views, and their tokens (M, dim) where `masks` are, `masked` or not."""
    tokens = backbone.tokens_at(views, masks.tokens(backbone), masked)
    return tokens.split([len(views), len(masks.indices)])


def local_tokens(backbone, views):
    """CLS tokens (L * B, dim) of local views."""
    length = 1 + backbone.registers + (views.shape[2] // backbone.patch) * (views.shape[3] // backbone.patch)
    return backbone.tokens_at(views, cls_tokens(len(views), length, views))


@torch.no_grad()
def teacher_targets(teacher, global_views, masks, temperature, centring):
    """What the student is to predict: probabilities (2, B, K) of global views and (M, K) of their masked patches.

    Also, for the update of the teacher's centres after the step, so that they never hold part of a batch: the sums
    (2, K) of the logits of images and of patches, and their numbers (2, 1).
    """
    cls, patches = cls_and_masked(teacher.backbone, global_views, masks)
    points, of_images = teacher.points(patches, cls)  # (M, bottleneck), (2B, bottleneck)
    logits = teacher.dino_head.last_layer(of_images)  # (2B, K)
    images = losses.CENTRINGS[centring](logits, teacher.centres[0], temperature)
    masked, logit_sum = patch_targets(teacher, points, temperature, centring)
    numbers = torch.stack([cls.new_full((1,), len(x)) for x in (logits, points)])
    return (images.unflatten(0, (2, -1)), masked), (torch.stack([logits.sum(0), logit_sum]), numbers)


def patch_targets(teacher, points, temperature, centring):
    """Probabilities (M, K) of masked patches, and the sum (K,) of their logits; many are left to be computed in parts.

    Not with Sinkhorn-Knopp, which looks at all rows at once.
    """
    head, centre = teacher.patch_head.last_layer, teacher.centres[1]
    if centring == "softmax" and len(points) > losses.rows_held(head):
        with torch.autocast(points.device.type, enabled=False):  # the sum of products is the product of the sum
            return losses.Targets(head, points, centre, temperature), head(points.to(centre).sum(0, keepdim=True))[0]
    logits = head(points)
    return losses.CENTRINGS[centring](logits, centre, temperature), logits.sum(0)


@torch.no_grad()
def update_centres(centres, logit_sums):
    """Move the centres (2, K), in place, towards the means of a step's logits; of no logits there is no mean.

    `logit_sums`: sums and numbers of each micro-batch, as `teacher_targets` returns them.
    """
    sums, numbers = (distributed.sum_over_processes(sum(tensors)) for tensors in zip(*logit_sums, strict=True))
    centres.lerp_(torch.where(numbers > 0, sums / numbers.clamp(min=1), centres), 1 - CENTRE_MOMENTUM)


def student_losses(student, global_views, local_views, masks, targets, *, ibot, koleo, koleo_over="batch"):
    """Weighted losses by name, and the student's CLS tokens (2B, dim) of the global views.

    `local_views`: (L * B, C, s, s), view by view, or None. `targets`: see `teacher_targets`. `ibot`, `koleo`: weights.
    `koleo_over`: see `losses.koleo`.
    """
    image_targets, patch_targets = targets  # (2, B, K), (M, K)
    cls, patches = cls_and_masked(student.backbone, global_views, masks, masks.masks)
    views = 0 if local_views is None else len(local_views) * 2 // len(global_views)
    images = [cls, local_tokens(student.backbone, local_views)] if views else [cls]
    points, *images = student.points(patches, *images)  # (M, bottleneck), (2B, bottleneck), (L * B, bottleneck)
    pairs = 2 + 2 * views  # of teacher and student views
    of_images, *of_locals = student.dino_head.last_layer(torch.cat(images)).split([len(x) for x in images])
    by_name = {"global": losses.dino_global(image_targets, of_images.unflatten(0, (2, -1))) * 2 / pairs}
    for logits in of_locals:  # (L * B, K)
        by_name["local"] = losses.dino_local(image_targets, logits.unflatten(0, (views, -1))) / pairs
    by_name["koleo"] = koleo * sum(losses.koleo(x, koleo_over) for x in cls.chunk(2))
    head = student.patch_head.last_layer
    by_name["ibot"] = ibot * losses.ibot_in_parts(patch_targets, head, points, masks.weights, len(global_views))
    return by_name, cls
