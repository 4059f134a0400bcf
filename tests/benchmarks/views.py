"""Random views per second, one thread: a batch at a time against one image at a time, as torchvision would.

`python tests/benchmarks/views.py` compares `wellread.encoder.views` with the augmentation of Cell-DINO written the
usual way: image by image, view by view, a function per step, brightness and contrast channel by channel. Both draw
their numbers.
"""

import math
import statistics
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2] / "workflow"))

import torch
from torch.nn import functional as F
from wellread.encoder import views

BATCH, CHANNELS, SIDE = 32, 5, 160
VIEWS = {128: (2, (0.32, 1.0)), 64: (8, (0.05, 0.32))}  # size: how many, of which share of the area
REPEATS = 7


def main():
    torch.set_num_threads(1)
    generator = torch.Generator().manual_seed(0)
    crops = (256 * torch.rand(BATCH, CHANNELS, SIDE, SIDE, generator=generator).pow(3)).to(torch.uint8)
    augmentation = views.augmentation([f"channel {i}" for i in range(CHANNELS)])
    ways = {
        "image by image": lambda: one_by_one(crops),
        "wellread.encoder.views": lambda: batched(crops, generator, augmentation),
    }
    seconds = {name: [] for name in ways}
    for repeat in range(REPEATS + 1):  # in turns, so that a busy machine slows both down
        for name, way in ways.items():
            start = time.process_time()
            way()
            if repeat:  # not the first time
                seconds[name].append(time.process_time() - start)
    report(seconds)


def report(seconds):
    count = BATCH * sum(n for n, _ in VIEWS.values())
    first = next(iter(seconds))
    print(f"{BATCH} crops {CHANNELS} x {SIDE} x {SIDE} uint8, views {VIEWS}, torch {torch.__version__}, one thread\n")
    print("| way | images per CPU-second | views per CPU-second | ratio |\n|---|---|---|---|")
    for name, times in seconds.items():
        ratio = statistics.median(slow / own for slow, own in zip(seconds[first], times, strict=True))
        speed = count / statistics.median(times)
        print(f"| {name} | {speed * BATCH / count:.0f} | {speed:.0f} | {ratio:.1f} |")


def batched(crops, generator, augmentation):
    return [
        views.render(crops, views.draw_view(generator, augmentation, BATCH, SIDE, scale), size, augmentation)
        for size, (number, scale) in VIEWS.items()
        for _ in range(number)
    ]


def one_by_one(crops):
    made = {size: [[] for _ in range(number)] for size, (number, _) in VIEWS.items()}
    for crop in crops.float():
        for size, (_, scale) in VIEWS.items():
            for views_of in made[size]:
                views_of.append(one_view(crop, size, scale))
    return [torch.stack(views_of) for size in made for views_of in made[size]]


def one_view(image, size, scale):  # (C, S, S) in 0..255
    image = lose_channel(image / 255)
    top, left, height, width = box(image.shape[-1], scale)
    image = image[:, top : top + height, left : left + width]
    image = F.interpolate(image[None], (size, size), mode="bilinear", align_corners=False)[0]
    for axis in (2, 1):
        if torch.rand(1) < 0.5:
            image = image.flip(axis)
    for step in (brightness, contrast):
        for channel in range(len(image)):
            image[channel] = step(image[channel : channel + 1], factor())[0]
    mean, deviation = image.mean((1, 2), keepdim=True), image.std((1, 2), correction=0, keepdim=True)
    return (image - mean) / (deviation + 1e-7)


def lose_channel(image, probability=0.2):
    if torch.rand(1) < probability:
        image[torch.randint(len(image), (1,)).item()] = 0
    return image


def box(side, scale):
    for _ in range(10):
        area = side**2 * torch.empty(1).uniform_(*scale).item()
        aspect = math.exp(torch.empty(1).uniform_(math.log(3 / 4), math.log(4 / 3)).item())
        width, height = round(math.sqrt(area * aspect)), round(math.sqrt(area / aspect))
        if 0 < width <= side and 0 < height <= side:
            top, left = (torch.randint(0, side - extent + 1, (1,)).item() for extent in (height, width))
            return top, left, height, width
    return 0, 0, side, side


def factor(spread=0.2):
    return max(torch.empty(1).normal_(1, spread).item(), 0.5)


def brightness(image, factor):
    if image.max() == 0:
        return image
    return blend(image, torch.zeros_like(image), factor)


def contrast(image, factor):
    return blend(image, image.mean((-3, -2, -1), keepdim=True), factor)


def blend(image, other, share):
    return (share * image + (1 - share) * other).clamp(0, 1)


if __name__ == "__main__":
    main()
