"""Training an encoder on crops, without labels: `dino` is Cell-DINO (Moutakanni et al. 2025), top to bottom.

A step depends on the weights, the settings, the seed and its own number, and on nothing else: its cells, views, masks
and dropped blocks come from a stream of that step. So a resumed run equals an unbroken one, and a checkpoint needs no
state of random generators.
"""

import logging
import math
import random
from itertools import count
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
from wellread.views import random_views
from wellread.vit import SIZES, ViT

log = logging.getLogger("wellread")


def train(crops, cells, *, channels, method, seed=0, device="auto", threads=1, weights, model, training, code=""):
    """Train on crops.npy files; write an encoder (`weights`, `model`) and a table with one row per logged step.

    `cells`: the tables beside the crops, whose lengths must agree. `method`: `{"dino": {options}}`. `code`: a hash
    of the code, so that a checkpoint made by other code is not continued.
    """
    data = Crops(crops)
    check(data, cells, channels)
    settings = {"method": method, "seed": seed, "channels": list(channels), "code": code}
    checkpoint = Checkpoint(Path(weights).with_name("checkpoint.pt"), identity(settings, crops))
    encoder, rows = pick(method, METHODS)(data, channels, seed, devices.choose(device, threads), checkpoint)
    encoders.save(encoder, weights, model, channels=channels, method=method, seed=seed)
    with whole(training) as part:
        pd.DataFrame(rows).to_parquet(part, index=False)
    checkpoint.remove()


def dino(
    crops, channels, seed, device, checkpoint, *,
    arch="small", dim=None, depth=None, heads=None, patch=8, image=128, layer_scale=1e-5, drop_path=0.1,
    local_views=0, local_image=64, global_scale=(0.32, 1.0), local_scale=(0.05, 0.32),
    drop_channel=0.2, kept_channels=(), rescale_channel=0.2, rescaled_channels=(), brightness=0.2, contrast=0.2,
    prototypes=65536, hidden=2048, bottleneck=256,
    centring="softmax", temperature=(0.04, 0.07), temperature_epochs=20, momentum=0.996,
    ibot=1.0, mask_probability=0.5, mask_ratio=(0.1, 0.5), koleo=0.1,
    batch=256, epochs=100, epoch_length=None, warmup_epochs=20, base_lr=5e-4, min_lr=1e-6, freeze_epochs=1,
    weight_decay=(0.04, 0.2), layer_decay=0.9, patch_lr=0.2, clip=3.0,
    precision="auto", log_every=10, checkpoint_every=500,
):  # fmt: skip
    """Cell-DINO; returns the teacher's backbone and one row of numbers per logged step."""
    check_options(channels, [*kept_channels, *rescaled_channels], patch, [image, local_image])
    batch = min(batch, len(crops))
    epoch = epoch_length or len(crops) // batch  # in steps
    steps = epochs * epoch

    # What moves: one value per step.
    cold, warm = temperature
    lr = cosine(base_lr * math.sqrt(batch / 1024), min_lr, steps, warmup_epochs * epoch)
    schedules = {
        "lr": lr,
        "last_lr": frozen(lr, freeze_epochs * epoch),
        "weight_decay": cosine(*weight_decay, steps),
        "momentum": cosine(momentum, 1.0, steps),
        "temperature": cosine(warm, warm, steps, temperature_epochs * epoch, cold),
    }

    # What learns: a student by gradient, a teacher by following.
    torch.manual_seed(seed)
    size = encoder_size(arch, dim=dim, depth=depth, heads=heads)
    vit = ViT(channels=len(channels), image=image, patch=patch, layer_scale=layer_scale, drop_path=drop_path, **size)
    student, teacher = pair(vit, prototypes=prototypes, hidden=hidden, bottleneck=bottleneck)
    student, teacher = student.to(device), teacher.to(device)
    optimiser = torch.optim.AdamW(groups(student, layer_decay, patch_lr), fused=True)
    parts = {"student": student, "teacher": teacher, "optimiser": optimiser}
    first, rows = checkpoint.restore(**parts)

    # What is seen: batches of cells, of every cell several views.
    jitter = {
        "droppable": [i for i, name in enumerate(channels) if name not in kept_channels],
        "drop": drop_channel,
        "rescaled": [channels.index(name) for name in rescaled_channels],
        "rescale": rescale_channel,
        "brightness": brightness,
        "contrast": contrast,
    }
    batches = ahead(crops[cells] for cells in shuffled(len(crops), batch, seed, first))

    with stop_request() as stop:
        for step, cells in zip(progress(range(first, steps), "train", unit="step"), batches, strict=False):
            torch.manual_seed(stream(seed, step))
            images = torch.from_numpy(cells).to(device) / 255  # (B, C, S, S)
            wide = random_views(images, 2, image, global_scale, jitter)  # (2B, C, image, image)
            narrow = random_views(images, local_views, local_image, local_scale, jitter)  # (L * B, C, ., .)
            draw = random.Random(stream(seed, step))
            masks = patch_masks(draw, len(wide), image, patch, mask_probability, mask_ratio).to(device)  # (2B, N)

            now = {name: float(values[step]) for name, values in schedules.items()}
            set_rates(optimiser, now["lr"], now["last_lr"], now["weight_decay"])
            with devices.autocast(device, precision):
                targets = teach(teacher, wide, masks, now["temperature"], centring)
                losses, tokens = learn(student, wide, narrow, masks, targets, ibot=ibot, koleo=koleo)
            loss = sum(losses.values())
            refuse_nan(loss, losses, step)
            optimiser.zero_grad()
            loss.backward()
            clip_gradients(student, clip)
            optimiser.step()
            follow(teacher, student, now["momentum"])

            done = step + 1
            if step % log_every == 0 or done == steps:
                losses = {name: value.item() for name, value in {"loss": loss, **losses}.items()}
                rows.append({"step": step, "epoch": step // epoch, **losses, **now, **health(tokens, targets[0])})
            if done % epoch == 0:
                tell(rows[-1], trained=done > warmup_epochs * epoch)
            if stop.is_set() or done % checkpoint_every == 0:
                checkpoint.save(done, rows, **parts)
            if stop.is_set():
                raise SystemExit(f"asked to stop after step {step}; the next run goes on from there")
    return teacher.backbone, rows


METHODS = {"dino": dino}


def shuffled(cells, batch, seed, first):
    """Endless batches of row numbers from step `first` on: a new permutation per pass, incomplete batches dropped."""
    per_pass = cells // batch
    for turn in count(first // per_pass):
        order = np.random.default_rng([seed, turn]).permutation(cells)
        for start in range(first % per_pass * batch, per_pass * batch, batch):
            yield order[start : start + batch]
        first = 0


def stream(seed, step):
    """The seed of one step."""
    return int(np.random.SeedSequence([seed, step]).generate_state(1, np.uint64)[0])


def encoder_size(arch, **given):
    """Dimension, depth and heads of a named size, but for those given."""
    named = dict(zip(("dim", "depth", "heads"), SIZES[arch], strict=True))
    return named | {name: value for name, value in given.items() if value is not None}


def tell(row, trained):
    """Log how training goes; warn if, after the warm-up, all cells look alike or all prototypes are equally likely."""
    log.info("%s", " ".join(f"{name} {value:.4g}" for name, value in row.items()))
    if trained and (row["feature_sd"] < 0.05 or row["effective_rank"] < 2):
        log.warning("step %d: the features have collapsed (see feature_sd, effective_rank)", row["step"])


def refuse_nan(loss, losses, step):
    if not torch.isfinite(loss):
        found = ", ".join(f"{name} {value.item():.4g}" for name, value in losses.items())
        edit = "lower `base_lr`, or `precision: fp32`; the last good checkpoint is kept"
        raise InputError("finite losses", found, f"training step {step}", edit)


def check(crops, cells, channels):
    rows = sum(pq.read_metadata(path).num_rows for path in cells)
    if rows != len(crops):
        edit = "delete both, so that they are made again together"
        raise InputError(f"{rows} crops, as in the tables of cells", f"{len(crops)}", "crops.npy", edit)
    if crops.shape[1] != len(channels):
        edit = "`channels` of the datasets that the model is trained on"
        raise InputError(f"{len(channels)} channels {list(channels)}", f"{crops.shape[1]}", str(crops.paths[0]), edit)
    if rows < 2:
        edit = "`train_on`, or segmentation and crop settings that find more cells"
        raise InputError("at least 2 cells to train on", f"{rows}", "crops.npy", edit)


def check_options(channels, named, patch, sides):
    if unknown := [name for name in named if name not in channels]:
        edit = "`kept_channels` or `rescaled_channels` of the model"
        raise InputError(f"names among {list(channels)}", f"{unknown}", "train: dino", edit)
    if odd := [side for side in sides if side % patch]:
        edit = "`image`, `local_image` or `patch` of the model"
        raise InputError(f"views of whole patches of {patch} px", f"{odd} px", "train: dino", edit)
