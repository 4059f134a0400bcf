"""How much of what this machine can multiply a training step of Cell-DINO uses, and the share of views and reading.

python tests/benchmarks/step.py [--threads 1] [--batch 16] [--compile] [--whole]

ViT-S/16, views 2 x 128 and 8 x 64, 4096 prototypes, fp32 and bf16, against large matrix products of the same
precision, by turns, in one run. With --whole, what the step saves: its CPU time over that of a step with the last block
for all tokens, a pass of the head for each kind of token and PyTorch's own attention, by turns; the median of pairs.
"""

import argparse
import statistics
import sys
import tempfile
import time
from contextlib import ExitStack, contextmanager
from pathlib import Path
from unittest.mock import patch

sys.path.insert(0, str(Path(__file__).parents[2] / "workflow"))

import numpy as np
import torch
from wellread.crops.reader import Crops
from wellread.encoder import attention
from wellread.encoder.architecture import vit
from wellread.encoder.views import augmentation
from wellread.networks.device import autocast, choose_device
from wellread.train import loop
from wellread.train.dataset import TrainingSet
from wellread.train.methods import dino, dino_networks
from wellread.train.methods.dino import Dino
from wellread.train.optimise import clip_gradients, parameter_groups

CHANNELS = ["DNA", "RNA", "ER", "AGP", "Mito"]
HEAD = {"prototypes": 4096, "hidden": 2048, "bottleneck": 256}
VIEWS = {"local_views": 8, "local_image": 64}
SCHEDULED = {"lr": 1e-4, "temperature": 0.05, "momentum": 0.996}
N = 3072  # side of the matrices


def main():
    args = arguments()
    torch.set_num_threads(args.threads)
    device = choose_device("auto", args.threads)
    print(f"{device}, torch {torch.__version__}, {args}\n")
    if args.whole:
        return compare_with_whole(device, args)
    print("| precision | images/s | TFLOP per step | TFLOP/s | TFLOP/s of a product | share | views and reading |")
    print("|---|---|---|---|---|---|---|")
    for precision in ("fp32", "bf16"):
        print(row(precision, device, args))


def row(precision, device, args):
    dtype = torch.bfloat16 if precision == "bf16" else torch.float32
    learner, batches = prepared(device, args)
    step = stepper(learner, precision, device)
    flop = counted(lambda: step(next(batches)))
    times, products, loading = [], [], []
    for _ in range(args.repeats):
        products.append(2 * N**3 / timed(multiply(dtype, device), device) / 1e12)
        loading.append(timed(lambda: render_views(learner, next(batches), device), device))
        batch = next(batches)
        times.append(timed(lambda batch=batch: step(batch), device))
    seconds, product = statistics.median(times), statistics.median(products)
    rate, share = flop / seconds / 1e12, statistics.median(loading) / seconds
    return (
        f"| {precision} | {args.batch / seconds:.2f} | {flop / 1e12:.3f} | {rate:.3f} | {product:.3f} "
        f"| {rate / product:.2f} | {share:.1%} |"
    )


def arguments():
    parser = argparse.ArgumentParser()
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--batch", type=int, default=16)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--compile", action="store_true")
    parser.add_argument("--whole", action="store_true")
    return parser.parse_args()


def compare_with_whole(device, args):
    print("| precision | CPU-seconds of a step | of the whole one | ratio |\n|---|---|---|---|")
    for precision in ("fp32", "bf16"):
        learner, batches = prepared(device, args)
        step, pairs = stepper(learner, precision, device), []
        step(next(batches))
        for _ in range(args.repeats):
            batch = next(batches)
            with whole():
                theirs = cpu_seconds(step, batch)
            pairs.append((cpu_seconds(step, batch), theirs))
        ours, theirs = (statistics.median(seconds) for seconds in zip(*pairs, strict=True))
        ratio = statistics.median(new / old for new, old in pairs)
        print(f"| {precision} | {ours:.2f} | {theirs:.2f} | {ratio:.3f} |", flush=True)


@contextmanager
def whole():
    """Context in which every block computes all tokens, heads take each kind by itself, and attention is PyTorch's."""

    def cls_and_masked(backbone, views, masks, masked=None):
        cls, patches = backbone(views, masked)
        return cls, patches.flatten(0, 1).index_select(0, masks.indices)

    with ExitStack() as stack:
        for owner, name, function in (
            (dino, "cls_and_masked", cls_and_masked),
            (dino, "local_tokens", lambda backbone, views: backbone(views)[0]),
            (dino_networks.BackboneAndHead, "points", lambda self, *tokens: [self.dino_head.points(x) for x in tokens]),
            (attention, "plain_is_faster", lambda _q: False),
        ):
            stack.enter_context(patch.object(owner, name, function))
        yield


def cpu_seconds(step, batch):
    start = time.process_time()
    step(batch)
    return time.process_time() - start


def prepared(device, args):
    """A learner on the device, and endless batches of a file of crops."""
    torch.manual_seed(0)
    size = {"arch": "small", "patch": 16, "image": 128, "drop_path": 0.0}  # without drop path, to count all products
    learner = Dino(vit(CHANNELS, **size), augmentation(CHANNELS), **HEAD, **VIEWS)
    for network in learner.networks.values():
        network.to(device)
        for block in network.backbone.blocks if args.compile else ():
            block.compile()
    path = Path(tempfile.mkdtemp()) / "crops.npy"
    np.save(path, np.random.default_rng(0).integers(0, 256, (512, 5, 160, 160), dtype=np.uint8))
    dataset = TrainingSet(Crops([path]))
    return learner, loop.load_batches(learner, dataset, args.batch, 1, 0, 0, device)


def stepper(learner, precision, device):
    optimiser = torch.optim.AdamW(parameter_groups(learner.student, 0.9, 0.2), fused=True)

    def step(micro_batches):
        ((crops, targets, drawn),) = micro_batches
        optimiser.zero_grad()
        with autocast(device, precision):
            losses, _, _ = learner.losses(crops.to(device), drawn, targets, SCHEDULED)
        sum(losses.values()).backward()
        clip_gradients(learner.student, 3.0)
        optimiser.step()
        learner.after_step(SCHEDULED)

    return step


def render_views(learner, micro_batches, device):
    """Only what the step does before the networks."""
    from wellread.encoder.views import render

    ((crops, _, drawn),) = micro_batches
    crops = crops.to(device)
    for view in drawn["global_views"]:
        render(crops, view, 128, learner.augmentation)
    for view in drawn["local_views"]:
        render(crops, view, 64, learner.augmentation)


def counted(run):
    """Floating point operations of the matrix products and attentions of a call."""
    from torch.utils.flop_counter import FlopCounterMode

    with FlopCounterMode(display=False) as counter:
        run()
    return counter.get_total_flops()


def multiply(dtype, device, n=N):
    a, b = (torch.randn(n, n, device=device).to(dtype) for _ in range(2))
    return lambda: a @ b


def timed(run, device):
    if device.type == "cuda":
        torch.cuda.synchronize()
    start = time.perf_counter()
    run()
    if device.type == "cuda":
        torch.cuda.synchronize()
    return time.perf_counter() - start


if __name__ == "__main__":
    main()
