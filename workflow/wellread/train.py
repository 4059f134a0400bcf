"""Training an encoder on crops, without labels: `dino` is Cell-DINO (Moutakanni et al. 2025), top to bottom.

A step depends on the weights, the settings, the seed and its number, on nothing else: views, masks and dropped
blocks are drawn from a stream of that step. So a checkpoint needs no state of random generators.
"""

import itertools
import logging
import math
import random
import time
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import torch

from wellread import device as devices
from wellread import weights as encoders
from wellread.checkpoint import Checkpoint, identity, stop_request
from wellread.dino import clip_gradients, follow, groups, health, learn, pair, set_rates, teach
from wellread.errors import InputError
from wellread.files import whole
from wellread.patchmasks import patch_masks
from wellread.progress import progress
from wellread.reader import Crops, ahead
from wellread.registry import pick
from wellread.schedules import cosine, frozen
from wellread.views import random_view
from wellread.vit import SIZES, ViT

log = logging.getLogger("wellread")


def train(
    crops, cells, *, channels, method, seed=0, device="auto", threads=1, weights, model, training, code=""
):  # fmt: skip
    """Train on crops.npy files, write an encoder (`weights`, `model`) and a table with one row per logged step.

    `cells`: the tables beside the crops, whose lengths must agree. `method`: `{"dino": {options}}`. `code`: hash of
    the code, so that a checkpoint of other code is not continued.
    """
    data = Crops(crops)
    check(data, cells, channels)
    settings = {"method": method, "seed": seed, "channels": list(channels), "code": code}
    checkpoint = Checkpoint(Path(weights).with_name("checkpoint.pt"), identity(settings, crops))
    where = devices.choose(device, threads)
    encoder, rows = pick(method, METHODS)(data, channels, seed, where, checkpoint)
    encoders.save(encoder, weights, model, channels=channels, method=method, seed=seed)
    with whole(training) as part:
        pd.DataFrame(rows).to_parquet(part, index=False)
    checkpoint.remove()


def dino(
    crops, channels, seed, device, checkpoint, *,
    arch="small", dim=None, depth=None, heads=None, patch=8, image=128, layer_scale=1e-5, drop_path=0.1,
    local_views=0, local_image=64, global_scale=(0.32, 1.0), local_scale=(0.05, 0.32),
    drop_channel=0.2, keep_channels=(), rescale_channel=0.2, rescaled_channels=(), brightness=0.2, contrast=0.2,
    prototypes=65536, hidden=2048, bottleneck=256,
    centring="softmax", temperature=(0.04, 0.07), temperature_epochs=20, momentum=0.996,
    ibot=1.0, mask_probability=0.5, mask_ratio=(0.1, 0.5), koleo=0.1,
    batch=256, epochs=100, epoch_length=None, warmup_epochs=20, base_lr=5e-4, min_lr=1e-6, freeze_epochs=1,
    weight_decay=(0.04, 0.2), layer_decay=0.9, patch_lr=0.2, clip=3.0,
    precision="auto", log_every=10, checkpoint_every=500,
):  # fmt: skip
    """Cell-DINO: the teacher's backbone, and one row of numbers per logged step."""
    check_options(channels, patch, [image, local_image], [*keep_channels, *rescaled_channels])
    size = min(batch, len(crops))
    epoch = epoch_length or len(crops) // size  # in steps
    steps = epochs * epoch

    # Everything that moves, as one value per step.
    lr = cosine(base_lr * math.sqrt(size / 1024), min_lr, steps, warmup_epochs * epoch)
    last_lr = frozen(lr, freeze_epochs * epoch)
    decay = cosine(*weight_decay, steps)
    following = cosine(momentum, 1.0, steps)
    sharpness = cosine(temperature[1], temperature[1], steps, temperature_epochs * epoch, temperature[0])

    # Everything that learns.
    torch.manual_seed(seed)
    shape = encoder_shape(arch, dim=dim, depth=depth, heads=heads)
    vit = ViT(channels=len(channels), image=image, patch=patch, layer_scale=layer_scale, drop_path=drop_path, **shape)
    student, teacher = pair(vit.to(device), prototypes=prototypes, hidden=hidden, bottleneck=bottleneck)
    optimiser = torch.optim.AdamW(groups(student, layer_decay, patch_lr), fused=True)
    parts = {"student": student, "teacher": teacher, "optimiser": optimiser}
    first, rows = checkpoint.restore(**parts)

    jitter = {
        "droppable": [i for i, name in enumerate(channels) if name not in keep_channels],
        "drop": drop_channel,
        "rescaled": [channels.index(name) for name in rescaled_channels],
        "rescale": rescale_channel,
        "brightness": brightness,
        "contrast": contrast,
    }
    batches = ahead(crops[cells] for cells in shuffled(len(crops), size, seed, first))
    with stop_request() as stop:
        for step, batch in zip(progress(range(first, steps), "train", unit="step"), batches, strict=False):
            torch.manual_seed(stream(seed, step))
            images = torch.from_numpy(batch).to(device) / 255  # (B, C, S, S)
            wide = random_views(images, 2, image, global_scale, jitter)  # (2B, C, image, image)
            narrow = random_views(images, local_views, local_image, local_scale, jitter)  # (L * B, C, ...)
            masks = patch_masks(random.Random(stream(seed, step)), len(wide), image, patch, mask_probability, mask_ratio)
            masks = torch.from_numpy(masks).to(device)  # (2B, N)

            set_rates(optimiser, lr[step], last_lr[step], decay[step])
            with devices.autocast(device, precision):
                targets = teach(teacher, wide, masks, sharpness[step], centring)
                losses, tokens = learn(student, wide, narrow, masks, targets, ibot=ibot, koleo=koleo)
            loss = sum(losses.values())
            refuse_nan(loss, losses, step)
            optimiser.zero_grad()
            loss.backward()
            clip_gradients(student, clip)
            optimiser.step()
            follow(teacher, student, following[step])

            ...
