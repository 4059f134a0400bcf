"""Trains the network of the segmenter `unet` on half of the fluorescence fields of BBBC038 and on painted fields.

    python tests/benchmarks/train_unet.py OUT.safetensors [START]

START is 0 for the even fields by name, or 1 for the odd ones, to see what a half is worth on the other (nuclei.md). The
weights in workflow/wellread/segment are of the even fields, by these steps and settings before they were written down
here: another run draws other views. Painted fields of every hard kind are other siblings than those
that tests and benchmarks look at. Needs ../shared/data beside the repository; one core for one and a half hours.
"""

import copy
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2] / "workflow"))
sys.path.insert(0, str(Path(__file__).parents[1]))

import numpy as np
import torch
from fluorescence import calibrated, fields
from hard_fields import KINDS, hard_field
from safetensors.torch import save_file
from scipy import ndimage
from torch.nn import functional as F
from wellread.segment.size import typical_diameter
from wellread.segment.unet_net import DIAMETER, UNet, inputs

CYCLES = [(5000, 3e-3, 0.3), (6000, 2e-3, 0.1)]  # steps, highest rate, and the share of them before it
BATCH, SIDE = 8, 128  # views at a time, and their side (px)
PAINTED, SIBLINGS = 0.15, range(1000, 1012)  # share of views that are painted
ZOOM = 0.35  # most by which a view's nuclei are larger or smaller than DIAMETER, as a logarithm
INNER = 0.4  # of the depth of a nucleus, from which on a pixel is of its inner part
TOUCHING = 3  # weight of pixels between nuclei that touch
AVERAGED = 0.998  # of the averaged weights, that a step keeps


def main(out: str, start: str = "0") -> None:
    torch.set_num_threads(1)
    torch.manual_seed(0)
    real, painted = pictures(int(start))
    network = UNet().to(memory_format=torch.channels_last)
    for cycle, (steps, rate, rising) in enumerate(CYCLES):
        rng = np.random.default_rng(int(start) + 10 * cycle)
        network = trained(network, lambda rng=rng: batch(rng, real, painted), steps, rate, rising)
        save_file({name: halved(values) for name, values in network.state_dict().items()}, out)


def pictures(start: int) -> tuple[list, list]:
    """(plane, labels, diameter of nuclei) of every other field, and of painted ones."""
    real = [(calibrated(counts), labels.astype(np.int32)) for counts, labels in fields(2, start)]
    hard = [hard_field(kind, seed) for kind in KINDS for seed in SIBLINGS]
    found = [(plane, labels, typical_diameter([plane])) for plane, labels in real]
    found += [(field.dna, field.nuclei, typical_diameter([field.dna])) for field in hard]
    ready = [(smoothed(plane, DIAMETER / diameter), labels, diameter) for plane, labels, diameter in found]
    return ready[: len(real)], ready[len(real) :]


def smoothed(plane: np.ndarray, zoom: float) -> np.ndarray:
    """The plane as a smaller picture of it can show it."""
    return ndimage.gaussian_filter(plane, 0.5 * np.sqrt(max(1 / zoom**2 - 1, 0)))


def batch(rng, real: list, painted: list) -> tuple[torch.Tensor, torch.Tensor]:
    """What the network sees (BATCH, 2, SIDE, SIDE), and nuclei, inner parts and weights (BATCH, 3, SIDE, SIDE)."""
    crowds = np.sqrt([1 + len(np.unique(labels)) for _, labels, _ in real])
    views = []
    for _ in range(BATCH):
        some, p = (painted, None) if rng.random() < PAINTED else (real, crowds / crowds.sum())
        plane, labels = view(rng, *some[rng.choice(len(some), p=p)])
        views.append((inputs(disturbed(rng, plane)), targets(labels)))
    return tuple(torch.from_numpy(np.stack(part)) for part in zip(*views, strict=True))


def view(rng, plane: np.ndarray, labels: np.ndarray, diameter: float) -> tuple[np.ndarray, np.ndarray]:
    """A square of a field at a random place, turn and side, whose nuclei are about DIAMETER px; rarely without any."""
    for _ in range(4):
        zoom = DIAMETER / diameter * np.exp(rng.uniform(-ZOOM, ZOOM))
        angle = rng.uniform(0, 2 * np.pi) if rng.random() < 0.5 else 0
        turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]]) / zoom
        turn = turn[:, ::-1] if rng.random() < 0.5 else turn
        inset = [min(40 / zoom, side / 2) for side in plane.shape]
        centre = [rng.uniform(least, side - least) for least, side in zip(inset, plane.shape, strict=True)]
        at = {"matrix": turn, "offset": centre - turn @ [SIDE / 2, SIDE / 2], "output_shape": (SIDE, SIDE)}
        shown = ndimage.affine_transform(plane, order=1, mode="mirror", **at)
        true = ndimage.affine_transform(labels, order=0, mode="mirror", **at)
        if true.any() or rng.random() < 0.1:
            break
    return shown, true


def disturbed(rng, plane: np.ndarray) -> np.ndarray:
    """The view a little blurred, unevenly lit, noisy, or of another contrast."""
    if rng.random() < 0.3:
        plane = ndimage.gaussian_filter(plane, rng.uniform(0.3, 1.2))
    if rng.random() < 0.5:
        shade = ndimage.zoom(rng.normal(size=(4, 4)), SIDE / 4, order=3)
        plane = plane * np.exp(rng.uniform(0, 0.6) * shade / np.abs(shade).max())
    if rng.random() < 0.3:
        plane = plane + rng.normal(size=plane.shape) * rng.uniform(0, 0.18) * plane.std()
    if rng.random() < 0.3:
        most = plane.max() + 1e-6
        plane = (plane / most).clip(0) ** rng.uniform(0.6, 1.6) * most
    return plane.astype(np.float32)


def targets(labels: np.ndarray) -> np.ndarray:
    """Nuclei, their inner parts, and the weight of every pixel (3, H, W)."""
    inner = np.zeros(labels.shape, np.float32)
    for number, box in enumerate(ndimage.find_objects(labels), 1):
        if box:
            box = tuple(slice(max(side.start - 1, 0), side.stop + 1) for side in box)
            own = labels[box] == number
            depth = ndimage.distance_transform_edt(np.pad(own, 1, "edge"))[1:-1, 1:-1]  # views may cut nuclei
            inner[box][own & (depth > INNER * depth.max())] = 1
    lowest = ndimage.grey_erosion(np.where(labels, labels, np.iinfo(np.int32).max), 3)
    touching = (labels > 0) & (ndimage.grey_dilation(labels, 3) != lowest)
    weights = np.where(ndimage.binary_dilation(touching), TOUCHING, 1)
    return np.stack([labels > 0, inner, weights]).astype(np.float32)


def trained(network: UNet, batches, steps: int, rate: float, rising: float) -> UNet:
    """The network after a cycle of the learning rate, its weights averaged over the last steps."""
    optimizer = torch.optim.AdamW(network.parameters(), rate, weight_decay=1e-4)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, rate, steps, pct_start=rising)
    average = copy.deepcopy(network)
    for step in range(steps):
        shown, wanted = batches()
        loss = loss_of(network(shown.to(memory_format=torch.channels_last)), wanted[:, :2], wanted[:, 2:])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        schedule.step()
        kept = min(AVERAGED, step / (step + 20))
        for own, new in zip(average.state_dict().values(), network.state_dict().values(), strict=True):
            own.lerp_(new, 1 - kept) if own.is_floating_point() else own.copy_(new)
        if step % 500 == 0:
            print(f"step {step}: loss {loss.item():.3f}", flush=True)
    return average


def loss_of(odds, wanted, weights):
    """Weighted cross-entropy, and half of one minus the Dice coefficient of every view."""
    entropy = (F.binary_cross_entropy_with_logits(odds, wanted, reduction="none") * weights).mean()
    found = torch.sigmoid(odds)
    dice = (2 * (found * wanted).sum((2, 3)) + 1) / ((found + wanted).sum((2, 3)) + 1)
    return entropy + 0.5 * (1 - dice.mean())


def halved(values: torch.Tensor) -> torch.Tensor:
    """Kernels in half precision, to keep the file small; all else as it is."""
    return (values.half() if values.is_floating_point() and values.ndim > 1 else values).contiguous()


if __name__ == "__main__":
    main(*sys.argv[1:])
