"""The training loop, one for all methods.

A step depends on the weights, the settings, the seed and its own number, and on nothing else: its cells, views, masks
and dropped blocks come from a stream of that step. So a resumed run equals an unbroken one, a checkpoint needs no
state of random generators, and several processes, or several parts of a batch, see what one would see at once.
"""

import math
import time
from itertools import count

import numpy as np
import torch

from wellread.crops.reader import prefetched
from wellread.networks import device as devices
from wellread.runtime.errors import InputError
from wellread.runtime.progress import progress
from wellread.train import distributed
from wellread.train.checkpoint import stop_request
from wellread.train.monitor import Watch, health, tell
from wellread.train.optimise import clip_gradients, groups, set_rates
from wellread.train.schedules import cosine, frozen


def fit(
    method, seen, probe, checkpoint, *, seed, device,
    batch=256, accumulate=1, epochs=100, epoch_length=None, warmup_epochs=20, base_lr=5e-4, min_lr=1e-6,
    freeze_backbone_epochs=0, weight_decay=(0.04, 0.2), layer_decay=0.9, patch_lr=0.2, clip=3.0,
    precision="auto", compile=False, log_every=10, checkpoint_every=500,
):  # fmt: skip
    """Train `method` in place; return one row of numbers per logged step, and when each of them was reached.

    `seen`: what there is to see (`seen.Seen`); `probe` is called after every epoch and returns more numbers.
    """
    batch = whole_batch(batch, len(seen), accumulate * distributed.size())
    epoch = epoch_length or len(seen) // batch  # in steps
    steps = epochs * epoch

    lr = cosine(base_lr * math.sqrt(batch / 1024), min_lr, steps, warmup_epochs * epoch)
    schedules = {"lr": lr, "backbone_lr": frozen(lr, freeze_backbone_epochs * epoch)}
    schedules |= {"weight_decay": cosine(*weight_decay, steps)} | method.schedules(lr, steps, epoch)
    optimiser = torch.optim.AdamW(groups(method.student, layer_decay, patch_lr), fused=True)
    parts = method.parts | {"optimiser": optimiser}
    first, rows = checkpoint.restore(**parts)
    for part in method.parts.values() if compile else ():
        for block in part.backbone.blocks:
            block.compile()

    shares = prefetched(feed(method, seen, batch, accumulate, seed, first, device))
    speeds, told, clock, watch = [], set(), time.monotonic(), Watch()
    with stop_request() as stop:
        for step, share in zip(progress(range(first, steps), "train", unit="step"), shares, strict=False):
            torch.manual_seed(stream(seed, step, distributed.rank()))
            now = {name: float(values[step]) for name, values in schedules.items()}
            rates = {"backbone": now["backbone_lr"], "head": now["lr"], "last": now.get("last_lr", now["lr"])}
            set_rates(optimiser, rates, now["weight_decay"])
            optimiser.zero_grad()
            losses = {}
            for crops, targets, drawn in share:
                with devices.autocast(device, precision):
                    parts_of, tokens, facts = method.losses(crops.to(device, non_blocking=True), drawn, targets, now)
                (sum(parts_of.values()) / accumulate).backward()
                losses = {k: losses.get(k, 0) + v.detach() / accumulate for k, v in parts_of.items()}
            distributed.average_gradients(method.student)
            norm = clip_gradients(method.student, clip)
            optimiser.step()
            method.follow(now)

            watch.note(step, losses | {"gradient": norm})
            done = step + 1
            if step % log_every == 0 or done % epoch == 0:
                losses = {name: distributed.total(value).item() / distributed.size() for name, value in losses.items()}
                row = {"step": step, "epoch": step // epoch, "loss": sum(losses.values()), **losses, **now}
                facts = {"gradient": norm, **facts}
                rows.append(row | {name: value.item() for name, value in facts.items()} | health(tokens))
                speeds.append({"step": step, "seconds": time.monotonic() - clock, "images": (done - first) * batch})
            if done % epoch == 0:
                rows[-1] |= probe(method.encoder)
                tell(rows[-1], done > warmup_epochs * epoch + steps // 10, told)
            asked = distributed.any_of(stop.is_set())
            if asked or done % checkpoint_every == 0:
                watch.check()
                if distributed.rank() == 0:
                    checkpoint.save(done, rows, **parts)
                distributed.wait()
            if asked:
                raise SystemExit(f"asked to stop after step {step}; the next run goes on from there")
    watch.check()
    return rows, speeds


def whole_batch(batch, cells, shares):
    """The cells of a step: at most all, and a multiple of the shares they are split into."""
    fitting = min(batch, cells) // shares * shares
    if fitting < 2 * shares or (fitting != batch and batch <= cells):
        edit = "`batch`, `accumulate` or `processes` of the model, or more cells"
        found = f"batches of {batch}, of {cells} cells"
        raise InputError(f"batches of a multiple of {shares} cells, at least {2 * shares}", found, "fit", edit)
    return fitting


def feed(method, seen, batch, accumulate, seed, first, device):
    """For every step from `first` on, what this process sees: (crops, targets, draws) of each part of its share."""
    parts = np.array_split(np.arange(batch), accumulate * distributed.size())
    parts = parts[distributed.rank() * accumulate :][:accumulate]
    keep = torch.Tensor.pin_memory if device.type == "cuda" else lambda tensor: tensor
    for step, rows in enumerate(shuffled(len(seen), batch, seed, first), first):
        drawn = method.draw(stream(seed, step), batch, seen.frames(rows))
        yield [
            tuple(each(tree, keep) for tree in (*seen[rows[part]], each(drawn, lambda x, part=part: x[part])))
            for part in parts
        ]


def each(tree, function):
    """Apply a function to every tensor in lists and dicts of them."""
    if isinstance(tree, dict):
        return {name: each(branch, function) for name, branch in tree.items()}
    if isinstance(tree, list):
        return [each(branch, function) for branch in tree]
    return None if tree is None else function(tree)


def shuffled(cells, batch, seed, first):
    """Endless batches of row numbers from step `first` on: a new permutation per pass, incomplete batches dropped."""
    per_pass = cells // batch
    for turn in count(first // per_pass):
        order = np.random.default_rng([seed, turn]).permutation(cells)
        for start in range(first % per_pass * batch, per_pass * batch, batch):
            yield order[start : start + batch]
        first = 0


def stream(*numbers):
    """The seed of one step, and of one process in it."""
    return int(np.random.SeedSequence(numbers).generate_state(1, np.uint64)[0])
