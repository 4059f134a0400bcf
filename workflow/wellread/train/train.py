"""Training an encoder on crops: by Cell-DINO (Moutakanni et al. 2025), or by one of its rivals."""

import json
import logging
import os
import signal
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pyarrow.parquet as pq
import torch

from wellread.crops.reader import Crops
from wellread.encoder.architecture import vit
from wellread.encoder.views import augmentation
from wellread.encoder.weights import save_encoder
from wellread.networks import device as devices
from wellread.runtime.errors import InputError
from wellread.runtime.files import whole
from wellread.runtime.registry import pick
from wellread.train import distributed, labels, loop, probes
from wellread.train.checkpoint import Checkpoint, identity
from wellread.train.dataset import Seen, sides

log = logging.getLogger("wellread")
PIPES = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT}


def train(
    crops, cells, *, channels, encoder, method, views, fit, probe="", wells=(), seed=0, device="auto", threads=1,
    weights, model, training, speed, code="",
):  # fmt: skip
    """Train on crops.npy files; write an encoder (`weights`, `model`) and a table with one row per logged step.

    `cells`: the tables beside the crops, whose lengths must agree; `wells[i]`: the wells table of `cells[i]`, read if
    labels are asked for. `encoder`, `views`, `fit`: the options of `architecture.vit`, `views.augmentation` and
    `loop.fit`. `method`: {name: options}, a class in METHODS. `probe`: a label that nearest neighbours are tested for
    after each epoch; "": none. `speed`: a table of times. `code`: a hash of the code, so that a checkpoint of other
    code is not continued. An InputError where crops, tables and settings do not fit together.
    """
    asked = {"encoder": encoder, "method": method, "views": views, "fit": fit, "channels": list(channels), "seed": seed}
    with distributed.joined():
        where, data = devices.choose_device(device, threads), Crops(crops)
        check(data, cells, channels)
        label = next(iter(method.values())).get("label", "")
        truth = labels.truth(cells, wells, label) if label else None
        known = {"code": code, "labels": truth.hash if truth else ""}
        start = [encoder["start"]] if encoder.get("start") else []
        checkpoint = Checkpoint(Path(weights).with_name("checkpoint.pt"), identity(asked | known, [*crops, *start]))
        look = probes.knn(data, cells, wells, probe, seed=seed, device=where) if probe else probes.none
        torch.manual_seed(seed)
        seen = Seen(data, truth, encoder.get("each_channel", False), sides(cells, data.shape[-1]))
        named = ["channel"] if seen.each_channel else list(channels)
        learner = pick("train", method)(vit(channels, **encoder), augmentation(named, **views), truth)
        for network in learner.parts.values():
            network.to(where)
        rows, times = loop.fit(learner, seen, look, checkpoint, seed=seed, device=where, **fit)
        if distributed.rank() == 0:
            about = {"each_channel": seen.each_channel, "classes": truth.classes if truth else None}
            about |= {"vit": asked.pop("encoder"), **asked}
            save_encoder(learner.encoder, weights, model, **about)
            with whole(training) as part:
                pd.DataFrame(rows).to_parquet(part, index=False)
            with whole(speed) as part:
                pd.DataFrame(times).to_csv(part, sep="\t", index=False)
            checkpoint.remove()


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


def together(processes: int, *files, **options):
    """`train` in several processes on this machine, one per GPU, or sharing its cores.

    Over several machines, start this module with torchrun and the job.json that is left beside the weights.
    """
    job = Path(options["weights"]).with_name("job.json")
    options["threads"] = max(1, options["threads"] // processes)
    job.write_text(json.dumps([files, options], default=list))
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone", f"--nproc-per-node={processes}"]
    here = {"PYTHONPATH": str(Path(__file__).parents[2])}
    command += ["-m", "wellread.train.train", str(job)]
    with subprocess.Popen(command, env=os.environ | here, text=True, **PIPES) as run:
        signal.signal(signal.SIGTERM, lambda *_: run.terminate())
        for line in run.stdout:
            log.info("%s", line.rstrip())
    if run.returncode:
        raise SystemExit(f"training ended with status {run.returncode}; its log says why")
    job.unlink()


if __name__ == "__main__":
    level = logging.INFO if int(os.environ.get("RANK", 0)) == 0 else logging.ERROR
    logging.basicConfig(level=level, format="%(message)s", stream=sys.stdout)
    files, options = json.loads(Path(sys.argv[1]).read_text())
    try:
        train(*files, **options)
    except InputError as error:
        sys.exit(f"stopped:\n{error}")
