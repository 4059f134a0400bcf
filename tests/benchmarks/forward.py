"""Images per second through the encoder, one thread, beside the same network of timm.

timm is no dependency of this project. Install it beside it, not into it, then run with that folder on the path:

    pip install --target DIR --no-deps timm && pip install --target DIR huggingface_hub
    PYTHONPATH=DIR python tests/benchmarks/forward.py

A torchvision that was built for CUDA cannot be imported beside a CPU torch, for want of two operators that are not
used here; they are declared first. Both networks run with the same weights and must give the same tokens.
"""

import statistics
import sys
import time
from contextlib import nullcontext
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2] / "workflow"))

import torch
from wellread.encoder.sizes import SIZES
from wellread.encoder.vit import ViT

SHAPES = {"S/16, 5 x 128 x 128": (16, 128, 16), "S/8, 5 x 128 x 128": (8, 128, 4), "S/16, 5 x 224 x 224": (16, 224, 4)}
REPEATS = 11


def main():
    torch.set_num_threads(1)
    timm = import_timm()
    print(f"timm {timm.__version__}, torch {torch.__version__}, one thread, inference\n")
    print("| network | precision | timm, images/s | wellread, images/s | ratio |\n|---|---|---|---|---|")
    for name, (patch, image, batch) in SHAPES.items():
        ours, theirs = pair(timm, patch, image)
        x = torch.randn(batch, 5, image, image)
        for precision in ("fp32", "bf16"):
            seconds = compare(ours, theirs, x, precision)
            ratio = statistics.median(theirs / ours for ours, theirs in zip(*seconds, strict=True))
            speeds = " | ".join(f"{batch / statistics.median(times):.1f}" for times in reversed(seconds))
            print(f"| {name} | {precision} | {speeds} | {ratio:.3f} |", flush=True)


def import_timm():
    declared = torch.library.Library("torchvision", "FRAGMENT")
    for operator in ("nms", "qnms"):
        declared.define(f"{operator}(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")
    import timm

    timm.keep = declared
    return timm


def pair(timm, patch, image):
    """Our ViT-S and timm's, with the same weights."""
    dim, depth, heads = SIZES["small"]
    ours = ViT(channels=5, image=image, patch=patch, dim=dim, depth=depth, heads=heads, layer_scale=1.0).eval()
    theirs = timm.models.VisionTransformer(
        img_size=image, patch_size=patch, in_chans=5, embed_dim=dim, depth=depth, num_heads=heads,
        num_classes=0, init_values=1.0, global_pool="",
    ).eval()  # fmt: skip
    state = ours.state_dict()
    del state["mask_token"]
    theirs.load_state_dict(state)
    return ours, theirs


@torch.inference_mode()
def compare(ours, theirs, x, precision):
    """Seconds of every repeat of both, in turns, so that a busy machine slows both down."""
    seconds = [], []
    with torch.autocast("cpu", torch.bfloat16) if precision == "bf16" else nullcontext():
        tokens = torch.cat([part.flatten(1) for part in ours(x)], dim=1)
        torch.testing.assert_close(
            tokens, theirs(x).float().flatten(1), rtol=0, atol=1e-4 if precision == "fp32" else 0.2
        )
        for _ in range(REPEATS):
            for network, times in zip((ours, theirs), seconds, strict=True):
                start = time.process_time()
                network(x)
                times.append(time.process_time() - start)
    return seconds


if __name__ == "__main__":
    main()
