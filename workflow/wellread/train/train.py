"""Training an encoder on crops: by Cell-DINO (Moutakanni et al. 2025), or by another method."""

import logging
import math
import os
from contextlib import nullcontext
from pathlib import Path

import pandas as pd
import torch

from wellread.crops.reader import Crops
from wellread.encoder.architecture import vit
from wellread.encoder.sizes import image_side
from wellread.encoder.views import augmentation
from wellread.encoder.weights import save_encoder
from wellread.networks.device import choose_device, training_precision
from wellread.runtime import table_files
from wellread.runtime.errors import InputError
from wellread.runtime.files import whole
from wellread.runtime.registry import chosen, pick
from wellread.train import distributed, loop, probes
from wellread.train.checkpoint import SAVING, Checkpoint, stamps
from wellread.train.dataset import TrainingSet, read_window_sides
from wellread.train.footprint import step_footprint
from wellread.train.labels import digest, read_groups
from wellread.train.lock import locked
from wellread.train.shares import read_taught, read_validating
from wellread.train.validation import validated

log = logging.getLogger("wellread")
USABLE = 0.9  # share of the memory of a GPU; CUDA and the allocator have the rest


def train(
    crops, cells, *, channels, encoder, method, views, fit, probe="", agreement=False, wells=(), seed=0, device="auto",
    threads=1, deterministic=False, weights, model, training, speed, code="",
):  # fmt: skip
    """Train on crops.npy files; write an encoder (`weights`, `model`) and a table with one row per logged step.

    `cells`: the tables beside the crops, whose lengths must agree; `wells[i]`: the wells table of `cells[i]`, read if
    labels or groups are asked for. `encoder`, `views`, `fit`: the options of `architecture.vit`, `views.augmentation`,
    and of `loop.fit` and `Checkpoint`, and in `fit` `balance`: columns of the wells tables, whose every combination of
    values is drawn equally often. `method`: {name: options}, one of `methods`. `probe`: a label that nearest neighbours
    are tested for after each epoch; "": none. `agreement`: whether `probes.agreement` is measured, too. `speed`: a
    table of times. `code`: a hash of the code that weights depend on, so that a checkpoint of other code is not
    continued. An InputError where crops, tables and settings do not fit together, or another process trains this model.
    """
    device, folder = choose_device(device, threads, deterministic), Path(weights).parent
    with one_run(folder), distributed.process_group(device):
        data = Crops(crops)
        check_inputs(data, cells, channels)
        encoder = encoder | {"image": image_side(encoder["image"], data.shape[-1], encoder["patch"])}
        saving, fit = apart(fit, SAVING)
        balance, how = apart(fit, ("balance",))
        settings = {"encoder": encoder, "method": method, "views": views, "fit": fit}
        settings |= {"channels": list(channels), "seed": seed}
        labels = read_taught(cells, wells, seed, next(iter(method.values())))
        judging = read_validating(cells, wells, next(iter(method.values())))
        groups = read_groups(cells, wells, balance["balance"])[1] if any(balance.values()) else None
        run_probes = probes.asked(data, cells, wells, probe, agreement, seed=seed, device=device)
        torch.manual_seed(seed)
        each_channel = encoder.get("each_channel", False)
        sides, pinned = read_window_sides(cells, data.shape[-1]), device.type == "cuda"
        dataset = TrainingSet(data, labels, each_channel, sides, groups, pinned)
        held = None if judging is None else TrainingSet(data, judging, each_channel, sides, None, pinned)
        names = ["channel"] if each_channel else list(channels)
        learner = pick("train", method)(vit(channels, **encoder), augmentation(names, **views), labels)
        key = settings | {"fit": decisive(fit, learner), "code": code, "labels": labels.hash if labels else ""}
        key["groups"] = "" if groups is None else digest(groups)
        key["files"] = stamps([*crops, *filter(None, [encoder.get("start")])])
        checkpoint = Checkpoint(folder / "checkpoint.pt", key, **saving)
        for network in learner.networks.values():
            network.to(device)
        how["precision"] = taken_precision(device, how.get("precision", "auto"), learner.encoder)
        log_memory(device, names, encoder, method, how, data.shape[-1])
        rows, times = loop.fit(learner, dataset, run_probes, checkpoint, seed=seed, device=device, **how)
        learner.finish(dataset, device, held)
        rows[-1] |= {} if held is None else validated(learner, held, device)
        if distributed.rank() == 0:
            metadata = {"each_channel": each_channel, "classes": labels.classes if labels else None}
            metadata |= {"vit": settings.pop("encoder"), **settings}
            metadata |= {"extended": checkpoint.extended, "precision": how["precision"]}
            save_encoder(learner.encoder, weights, model, head=learner.head, **metadata)
            table_files.write(pd.DataFrame(rows), training, "training")
            with whole(speed) as file:
                pd.DataFrame(times).to_csv(file, sep="\t", index=False)
            checkpoint.close()


def apart(options: dict, names) -> tuple[dict, dict]:
    """Options of these names, and all others."""
    own = {name: options[name] for name in names if name in options}
    return own, {name: value for name, value in options.items() if name not in own}


def taken_precision(device, asked: str, encoder) -> str:
    """What the setting `precision` comes to on this device, which is logged."""
    taken = training_precision(device, asked, encoder.architecture["dim"])
    log.info("precision %s is %s here", asked, taken)
    return taken


def log_memory(device, channels, encoder: dict, method: dict, fit: dict, side: int):
    """Log the memory that a step is expected to need; warn if a GPU has less."""
    method = {name: chosen("train", method).load().__init__.__kwdefaults__ | own for name, own in method.items()}
    how = vit.__kwdefaults__ | encoder, method, loop.fit.__kwdefaults__ | fit
    step = step_footprint(len(channels), *how, distributed.world_size(), side)
    memory = step.memory(bf16=fit["precision"] == "bf16") / 2**30
    log.info("a step needs about %.1f GiB", memory)
    if device.type != "cuda":
        return
    most = USABLE * torch.cuda.get_device_properties(device).total_memory / 2**30
    if memory > most:
        parts = fit.get("accumulate", 1) * math.ceil(memory / most)
        log.warning("that is more than the %.0f GiB that can be used of %s: try `accumulate: %d`", most, device, parts)


def one_run(folder):
    """Context in which no other run trains the model of a folder; of several processes the first sees to that."""
    return nullcontext() if int(os.environ.get("RANK", 0)) else locked(folder / "checkpoint.lock")


def decisive(fit: dict, learner) -> dict:
    """The options of `fit` that the weights depend on, but for rounding: those that a checkpoint belongs to.

    How a batch is divided matters where cells are compared with each other, or where some of them skip blocks.
    """
    whole_batch = learner.compares_cells or any(block.drop_path for block in learner.student.backbone.blocks)
    indifferent = {"log_every", "compile"} | (set() if whole_batch else {"accumulate"})
    return {name: value for name, value in fit.items() if name not in indifferent}


def check_inputs(crops, cells, channels):
    """Raise an InputError unless crops, tables of cells and channels agree, and there are two cells."""
    rows = sum(table_files.check(path, "cells").num_rows for path in cells)
    if rows != len(crops):
        edit = "delete both, so that they are made again together"
        raise InputError(f"{rows} crops, as in the tables of cells", f"{len(crops)}", "crops.npy", edit)
    if crops.shape[1] != len(channels):
        edit = "`channels` of the datasets that the model is trained on"
        raise InputError(f"{len(channels)} channels {list(channels)}", f"{crops.shape[1]}", str(crops.paths[0]), edit)
    if rows < 2:
        edit = "`train_on`, or segmentation and crop settings that find more cells"
        raise InputError("at least 2 cells to train on", f"{rows}", "crops.npy", edit)
