"""The training loop, one for all methods.

A step depends on the weights, the settings, the seed and its own number, and on nothing else: its cells, views, masks
and dropped blocks come from a random stream of that step. So a resumed run equals an unbroken one, a checkpoint needs
no state of random generators, and several processes, or several micro-batches, together get what one would get at once.
Bit for bit on a CPU with the same number of threads, and on a GPU with `deterministic`; else but for rounding.
"""

import math
import time

import numpy as np
import torch

from wellread.crops.reader import prefetched
from wellread.networks.device import autocast, seed_generators
from wellread.runtime.errors import InputError, Stopped
from wellread.runtime.progress import progress
from wellread.train import distributed
from wellread.train.checkpoint import stop_request
from wellread.train.monitor import FiniteCheck, embedding_statistics, log_epoch
from wellread.train.optimise import clip_gradients, parameter_groups, set_learning_rates
from wellread.train.schedules import SHAPES, cosine, frozen

WARMUP = 0.2  # share of the steps, Cell-DINO's 20 of 100 epochs
DRAWN = 256  # items whose random choices come from one stream


def fit(
    method, dataset, probe, checkpoint, *, seed, device,
    batch=256, accumulate=1, epochs=100, epoch_length=None, warmup_epochs=None, base_lr=5e-4, min_lr=1e-6,
    freeze_backbone_epochs=0, weight_decay=(0.04, 0.2), layer_decay=0.9, patch_lr=0.2, clip=3.0,
    schedule="cosine", betas=(0.9, 0.999), precision="auto", compile=False, log_every=10,
):  # fmt: skip
    """Train `method` in place; return a row of numbers per logged step, and a row of times for each of these.

    `dataset`: a `TrainingSet`; `probe(encoder)` returns more numbers after every epoch. `batch`: cells per step, in
    `accumulate` micro-batches. `epoch_length`: in steps; None: one pass over the cells. `warmup_epochs`: in which the
    learning rate rises; None: the share WARMUP of all. `base_lr`: highest learning rate, at a batch of 1024 (it scales
    with the square root); `min_lr`: the last. `freeze_backbone_epochs`: epochs in which only the head learns.
    `weight_decay`: at the first and last step. `layer_decay`, `patch_lr`: factors of the learning rate, per block and
    of the patch embedding. `clip`: largest norm of the gradient. `schedule`: of the learning rate, in
    `schedules.SHAPES`. `betas`: of AdamW. `precision`: see `device.autocast`. `compile`: the blocks. `log_every`: in
    steps. A state in `checkpoint` is gone on from.

    An InputError if cells are too few for a batch, or if a loss or gradient is not finite; Stopped after SIGTERM.
    """
    batch = batch_size(batch, len(dataset), accumulate * distributed.world_size())
    epoch = epoch_length or len(dataset) // batch  # in steps
    steps = epochs * epoch
    warmup = round(steps * WARMUP) if warmup_epochs is None else warmup_epochs * epoch

    lr = SHAPES[schedule](base_lr * math.sqrt(batch / 1024), min_lr, steps, warmup)
    schedules = {"lr": lr, "backbone_lr": frozen(lr, freeze_backbone_epochs * epoch)}
    schedules |= {"weight_decay": cosine(*weight_decay, steps)} | method.schedules(lr, steps, epoch)
    optimiser = torch.optim.AdamW(parameter_groups(method.student, layer_decay, patch_lr), betas=betas, fused=True)
    stateful = method.networks | {"optimiser": optimiser}
    first, rows = checkpoint.restore(**stateful)
    gradients = distributed.MeanGradients(method.student, accumulate)
    for network in method.networks.values() if compile else ():
        for block in network.backbone.blocks:
            block.compile()

    batches = prefetched(load_batches(method, dataset, batch, accumulate, seed, first, device))
    times, warned, start, finite = [], set(), time.monotonic(), FiniteCheck()
    with stop_request() as stop:
        for step, micro_batches in zip(progress(range(first, steps), "train", unit="step"), batches, strict=False):
            seed_generators(device, step_seed(seed, step, distributed.rank()))
            scheduled = {name: float(values[step]) for name, values in schedules.items()}
            rates = {"backbone": scheduled["backbone_lr"], "head": scheduled["lr"]}
            rates["last"] = scheduled.get("last_lr", scheduled["lr"])
            set_learning_rates(optimiser, rates, scheduled["weight_decay"])
            optimiser.zero_grad()
            gradients.start()
            losses = {}  # of the step: means over micro-batches
            for crops, targets, drawn in micro_batches:
                crops = crops.to(device, non_blocking=True)
                with autocast(device, precision):
                    of_batch, tokens, metrics = method.losses(crops, drawn, targets, scheduled)
                (sum(of_batch.values()) / accumulate).backward()
                losses = {name: losses.get(name, 0) + loss.detach() / accumulate for name, loss in of_batch.items()}
            gradients.wait()
            norm = clip_gradients(method.student, clip)
            optimiser.step()
            method.after_step(scheduled)

            finite.record(step, losses | {"gradient": norm})
            done = step + 1
            if step % log_every == 0 or done % epoch == 0:
                finite.check()  # statistics of what is not finite have no meaning
                sums = {name: distributed.sum_over_processes(loss).item() for name, loss in losses.items()}
                losses = {name: value / distributed.world_size() for name, value in sums.items()}
                row = {"step": step, "epoch": step // epoch, "loss": sum(losses.values()), **losses, **scheduled}
                row |= {name: value.item() for name, value in ({"gradient": norm} | metrics).items()}
                rows.append(row | embedding_statistics(tokens, rank=done % epoch == 0))
                times.append({"step": step, "seconds": time.monotonic() - start, "images": (done - first) * batch})
            if done % epoch == 0:
                rows[-1] |= probe(method.encoder)
                log_epoch(rows[-1], done > warmup + steps // 10, warned)
            stopping, due = distributed.any_process(stop.is_set(), checkpoint.due(done, epoch))
            if stopping or due or done == steps:
                finite.check()
                checkpoint.save(done, epoch, rows, **stateful)
            if stopping:
                raise Stopped(f"asked to stop after step {step}; the next run goes on from there")
    return rows, times


def batch_size(wanted, cells, micro_batches):
    """The cells of a step: `wanted`, or all if there are fewer, and a multiple of the number of micro-batches.

    An InputError if that leaves fewer than 2 cells to a micro-batch, or if `wanted` is no such multiple.
    """
    size = min(wanted, cells) // micro_batches * micro_batches
    if size < 2 * micro_batches or (size != wanted and wanted <= cells):
        edit = "`batch`, `accumulate` or `processes` of the model, or more cells"
        expected = f"batches of a multiple of {micro_batches} cells, at least {2 * micro_batches}"
        raise InputError(expected, f"batches of {wanted}, of {cells} cells", "fit", edit)
    return size


def load_batches(method, dataset, batch, accumulate, seed, first, device):
    """Per step from `first` on, the list of this process's micro-batches: (crops, targets, drawn) of some of its cells.

    The random choices of a step do not depend on how its cells are divided between processes and micro-batches.
    """
    divided = np.array_split(np.arange(batch), accumulate * distributed.world_size())
    mine = divided[distributed.rank() * accumulate :][:accumulate]
    pin = torch.Tensor.pin_memory if device.type == "cuda" else lambda tensor: tensor
    for step, items in enumerate(dataset.batches(batch, seed, first), first):
        begin, drawn = draw(method, dataset, items, (mine[0][0], mine[-1][-1]), (seed, step))
        parts = [map_tensors(drawn, lambda x, places=rows - begin: x[places]) for rows in mine]
        yield [
            tuple(map_tensors(tree, pin) for tree in (*dataset[items[rows]], part))
            for rows, part in zip(mine, parts, strict=True)
        ]


def draw(method, dataset, items, wanted, numbers):
    """What a method draws for the items of a step, from at most the first of `wanted` to at least the last.

    In pieces of DRAWN items, each from a random stream of its own, so that of many processes none draws for all.
    Returns also the place of the first. `numbers`: the seed of the run, the step.
    """
    pieces = range(wanted[0] // DRAWN, wanted[1] // DRAWN + 1)
    drawn = []
    for piece in pieces:
        own = items[piece * DRAWN :][:DRAWN]
        drawn.append(method.draw(step_seed(*numbers, 0, piece), len(own), dataset.windows(own)))
    return pieces[0] * DRAWN, map_tensors(drawn[0], lambda *x: torch.cat(x), *drawn[1:])


def map_tensors(tree, function, *others):
    """Apply a function to every tensor in nested lists and dicts, and to those of `others` like it; None stays None."""
    if isinstance(tree, dict):
        return {name: map_tensors(tree[name], function, *(other[name] for other in others)) for name in tree}
    if isinstance(tree, list):
        return [map_tensors(*same[:1], function, *same[1:]) for same in zip(tree, *others, strict=True)]
    return None if tree is None else function(tree, *others)


def step_seed(*numbers):
    """The seed of a step, from the seed of the run, the step, and perhaps the process: a 64-bit integer."""
    return int(np.random.SeedSequence(numbers).generate_state(1, np.uint64)[0])
