"""What only a GPU can show: equality with the CPU, resuming, memory, speed and idle time, as one table.

sh tests/gpu/run.sh [--minutes 8.5]. Ends with 1 if a check failed, and with 0 on a CPU, where it runs what it can in
tiny sizes and names the rest. Speeds are medians; shares are of the product of two large matrices of the precision.
"""

import argparse
import logging
import signal
import statistics
import subprocess
import sys
import tempfile
import time
import traceback
from contextlib import suppress
from functools import partial
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2] / "workflow"))
sys.path.insert(0, str(Path(__file__).parents[1] / "benchmarks"))

import numpy as np
import torch
import yaml
from step import counted, multiply, stepper, timed
from wellread.crops.reader import Crops
from wellread.encoder.architecture import vit
from wellread.encoder.views import augmentation, render
from wellread.networks.device import autocast, choose_device
from wellread.train import loop
from wellread.train.checkpoint import Checkpoint
from wellread.train.dataset import TrainingSet
from wellread.train.methods.dino import Dino

ROOT = Path(__file__).parents[2]
GPU = torch.cuda.is_available()
CHANNELS = ["DNA", "RNA", "ER", "AGP", "Mito"]
TINY = {"dim": 16, "depth": 2, "heads": 2}
STEP = {"lr": 1e-4, "temperature": 0.05, "momentum": 0.996}
HEAD = {"prototypes": 65536} if GPU else {"prototypes": 64, "hidden": 32, "bottleneck": 16}
LOCALS = {"local_views": 8, "local_image": 96}
TRAINED = {  # encoder, method, cells of a step, share that is aimed at
    "S/16, 2 x 128": ({"arch": "small", "patch": 16, "image": 128}, {}, 256, ""),
    "S/8, 2 x 128": ({"arch": "small", "patch": 8, "image": 128}, {}, 64, "aim .4"),
    "L/16, 2 x 224 + 8 x 96": (
        {"arch": "large", "patch": 16, "image": 224},
        LOCALS,
        32,
        "aim .5, 159 images/s on an H100",
    ),
}
EMBEDDED = {"S/8, 128": ("small", 8, 128, 256), "L/16, 384": ("large", 16, 384, 32)}  # arch, patch, side, cells
SIDE = 6144 if GPU else 256  # of the matrices that are multiplied
PRESETS = ("cell_painting", "hpa_fov", "hpa_single_cell", "hpa_highres", "small")
TESTS = ["tests/networks", "tests/encoder", "tests/train"] if GPU else ["tests/networks"]


class NotShown(Exception):
    """What this machine cannot show, and why."""


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--minutes", type=float, default=8.5)
    end = time.monotonic() + 60 * parser.parse_args().minutes
    logging.getLogger("wellread").setLevel(logging.ERROR)  # so few steps look like collapse
    device = choose_device("auto", 8 if GPU else 1)
    name = torch.cuda.get_device_name() if GPU else "CPU only: tiny sizes, no figures of a GPU"
    print(f"{name}; torch {torch.__version__}\n\n| what | figure | wanted | |\n|---|---|---|---|")
    failed = 0
    for part in (same_step, bf16_losses, resumed, memory, training, embedding, views, hpa, cellpose, tests):
        for row in rows_of(part, device, end):
            failed += row[3] == "FAILED"
            print(f"| {' | '.join(row)} |", flush=True)
    sys.exit(failed > 0)


def rows_of(part, device, end):
    """The rows of a part (what, figure, wanted, verdict); an exception is a failure, what cannot be shown is none."""
    try:
        if time.monotonic() > end:
            raise NotShown("no time was left")
        for what, figure, *check in part(end if part is tests else device):
            wanted, good = check or ("", True)
            yield what, figure, wanted, "" if good else "FAILED"
    except NotShown as why:
        yield part.__name__, f"not shown: {why}", "", ""
    except Exception as error:
        traceback.print_exc()
        yield part.__name__, f"{type(error).__name__}: {str(error).splitlines()[0] if str(error) else ''}", "", "FAILED"
    finally:
        if GPU:
            torch.cuda.empty_cache()


def learner(device, encoder=None, method=None, drop_path=0.0):
    """A method of the same weights every time; tiny on a CPU."""
    torch.manual_seed(0)
    encoder = (encoder if GPU else None) or TINY | {"patch": 4, "image": 16}
    method = HEAD | ((method if GPU else None) or {})
    made = Dino(
        vit(CHANNELS, **{"layer_scale": 0.1, "drop_path": drop_path} | encoder), augmentation(CHANNELS), **method
    )
    for network in made.networks.values():
        network.to(device)
    return made


def crops(n, side):
    return np.random.default_rng(0).integers(0, 256, (n, len(CHANNELS), side, side), dtype=np.uint8)


def batch(made, n):
    """Crops (n, C, S, S) and what was drawn for them."""
    side = made.image * 5 // 4
    return torch.from_numpy(crops(n, side)), made.draw(0, n, side)


def small_step(where, precision="fp32"):
    """Losses and gradients (P,) of a step, in float64 on the CPU."""
    small = {"arch": "tiny", "patch": 16, "image": 64}
    made = learner(where, small, {"prototypes": 512, "local_views": 2, "local_image": 32})
    images, drawn = batch(made, 8)
    with autocast(where, precision):
        losses, _, _ = made.losses(images.to(where), drawn, None, STEP)
    sum(losses.values()).backward()
    gradients = torch.cat([p.grad.flatten() for p in made.student.parameters() if p.grad is not None])
    return torch.stack([*losses.values()]).detach().double().cpu(), gradients.double().cpu()


def same_step(device):
    torch.backends.cudnn.allow_tf32 = False
    (losses, gradients), (theirs, reference) = small_step(device), small_step(torch.device("cpu"))
    torch.backends.cudnn.allow_tf32 = True
    far = ((losses - theirs).abs() / theirs.abs()).max().item()
    yield "a step in float32: losses against the CPU's", f"{far:.1e}", "< 1e-4", far < 1e-4
    far = ((gradients - reference).norm() / reference.norm()).item()
    yield "... gradients against the CPU's", f"{far:.1e}", "< 1e-3", far < 1e-3


def bf16_losses(device):
    losses, theirs = small_step(device, "bf16")[0], small_step(device)[0]
    far = ((losses - theirs).abs() / theirs.abs()).max().item()
    yield "a step in bf16: losses against float32", f"{far:.1e}", "< .05", far < 0.05


def resumed(device):
    """A run that is stopped after two of its three epochs, and one that is not."""
    folder, small = Path(tempfile.mkdtemp()), {"arch": "tiny", "patch": 16, "image": 64}
    np.save(folder / "crops.npy", crops(64, 80 if GPU else 20))
    data = TrainingSet(Crops([folder / "crops.npy"]))

    def run(name, probe):
        made = learner(device, small, {"prototypes": 256}, drop_path=0.2)
        before, fit = weights_of(made), {"batch": 16, "epochs": 3, "base_lr": 1e-2}
        _, times = loop.fit(made, data, probe, Checkpoint(folder / name, {}), seed=0, device=device, **fit)
        return weights_of(made), before, times

    whole, before, _ = run("whole.pt", lambda _encoder: {})
    for _ in range(2):
        with suppress(SystemExit):
            run("broken.pt", lambda _encoder: signal.raise_signal(signal.SIGTERM) or {})
    broken, _, times = run("broken.pt", lambda _encoder: {})
    far = ((whole - broken).norm() / (whole - before).norm()).item()
    good = far < 0.05 and times[0]["step"] >= 8  # 4 steps to an epoch
    yield "a run stopped twice and resumed: distance from an unbroken one's path", f"{far:.1e}", "< .05 of it", good


def weights_of(made):
    return torch.cat([p.detach().flatten().clone() for p in made.student.parameters()]).cpu()


def memory(device):
    """Peak memory of a step of every preset, of the cells that one process has at a time."""
    if not GPU:
        raise NotShown("memory of a GPU, per preset")
    for name in PRESETS:
        model = next(iter(yaml.safe_load((ROOT / f"config/presets/{name}.yaml").read_text())["models"].values()))
        fit, encoder = model["fit"], model["encoder"]["vit"]
        n = fit.get("batch", 256) // fit.get("accumulate", 1) // model.get("processes", 1)
        image = encoder["image"] if isinstance(encoder.get("image", 128), int) else 128
        made = learner(device, encoder | {"image": image}, model["train"]["dino"])
        images, drawn = batch(made, n)
        torch.cuda.reset_peak_memory_stats()
        try:
            stepper(made, "bf16", device)([(images, None, drawn)])
            yield f"memory, {name}, {n} cells", f"{torch.cuda.max_memory_allocated() / 2**30:.1f} GiB"
        except torch.cuda.OutOfMemoryError:
            yield f"memory, {name}, {n} cells", "more than there is"


def training(device):
    """Images per second of a step, share of the measured product, idle time, and what `compile` changes."""
    product = 2 * SIDE**3 / median(multiply(torch.bfloat16, device, SIDE), device)
    for name, (encoder, method, cells, aim) in TRAINED.items():
        made, n = learner(device, encoder, method), cells if GPU else 4
        images, drawn = batch(made, n)
        run = partial(stepper(made, "bf16", device), [(images.to(device), None, drawn)])
        seconds = median(run, device)
        yield f"training, {name}", f"{n / seconds:.1f} images/s"
        if GPU:
            yield "... share of the product", f"{counted(run) / seconds / product:.2f}", aim, True
            yield "... idle time of the device, from a file", f"{idle(made, n, device):.1%}", "aim < 5 %", True
            for block in made.student.backbone.blocks:
                block.compile()
            yield "... with compile (student)", f"{n / median(run, device):.1f} images/s"
    if not GPU:
        raise NotShown("share of the product, idle time, compile")


def median(run, device, repeats=7):
    """Median seconds of a call, after one that is not counted."""
    run()
    return statistics.median(timed(run, device) for _ in range(repeats if GPU else 1))


def idle(made, n, device):
    """Share of the time of a training run, read from a file, in which no kernel runs."""
    path = Path(tempfile.mkdtemp()) / "crops.npy"
    np.save(path, crops(2 * n, made.image * 5 // 4))
    batches = loop.prefetched(loop.load_batches(made, TrainingSet(Crops([path])), n, 1, 0, 0, device))
    step = stepper(made, "bf16", device)
    for _ in range(2):
        step(next(batches))
    torch.cuda.synchronize()
    with torch.profiler.profile(activities=[torch.profiler.ProfilerActivity.CUDA]) as seen:
        seconds = timed(lambda: [step(next(batches)) for _ in range(6)], device)
    busy = sum(event.self_device_time_total for event in seen.key_averages()) / 1e6
    return max(0.0, 1 - busy / seconds)


def embedding(device):
    for name, (arch, patch, image, n) in EMBEDDED.items():
        size = {"arch": arch, "patch": patch, "image": image} if GPU else TINY | {"patch": 4, "image": 16}
        network, n = vit(CHANNELS, **size).to(device).eval(), n if GPU else 4
        x = torch.randn(n, len(CHANNELS), size["image"], size["image"], device=device)
        with torch.inference_mode(), autocast(device, "bf16"):
            seconds = median(lambda network=network, x=x: network(x), device)
        yield (
            f"embedding, {name}",
            f"{n / seconds:.1f} images/s",
            "17 per V100 in the paper" if "384" in name else "",
            True,
        )


def views(device):
    made, n = learner(device, {"arch": "tiny", "patch": 16, "image": 128}), 256 if GPU else 4
    images, drawn = batch(made, n)
    images, view = images.to(device), drawn["global_views"][0]
    seconds = median(lambda: render(images, view, made.image, made.augmentation), device)
    yield f"views of {made.image} px", f"{n / seconds:.0f} per second"


def hpa(device):
    from wellread.segment.hpa_net import DPN92, DPNUnet

    yield from against_cpu("hpa", DPNUnet(stages=DPN92 if GPU else ((1, 8, 16, 4, 2),) * 4), 512 if GPU else 64, device)


def cellpose(device):
    try:
        from wellread.networks.torchvision_shim import mend_torchvision

        mend_torchvision()
        from cellpose.vit import CPSAM
        from wellread.segment.cpnet import CPnet
    except ImportError as error:
        raise NotShown(error) from None
    yield from against_cpu("cellpose 3", CPnet((2, 32, 64, 128, 256) if GPU else (2, 4, 8)), 256 if GPU else 32, device)
    if not GPU:
        raise NotShown("Cellpose 4, whose network is large")
    yield from against_cpu("cellpose 4", CPSAM(dtype=torch.float32), 256, device)


@torch.inference_mode()
def against_cpu(name, network, side, device):
    """Shape of the output, peak memory, and distance from the CPU's output with the same random weights."""
    torch.manual_seed(0)
    channels = 2 if name == "cellpose 3" else 3
    x, first = torch.randn(1, channels, side, side), lambda y: y[0] if isinstance(y, tuple | list) else y
    here = first(network.eval()(x)).float()
    if GPU:
        torch.cuda.reset_peak_memory_stats()
    there = first(network.to(device)(x.to(device))).float()
    used = f", {torch.cuda.max_memory_allocated() / 2**30:.2f} GiB" if GPU else ""
    far = ((there.cpu() - here).norm() / here.norm()).item()
    yield (
        f"{name}, random weights, {side} px",
        f"{tuple(there.shape)}{used}; {far:.1e} from the CPU",
        "< 1e-2",
        far < 1e-2,
    )


def tests(end):
    """The tests of what runs on a device, until `end`."""
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-m", "not slow and not dag", *TESTS]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=max(end - time.monotonic(), 60))
    yield " ".join(TESTS), (done.stdout.strip().splitlines() or ["nothing"])[-1], "all pass", done.returncode == 0


if __name__ == "__main__":
    main()
