"""Views, against the reference's outputs and against one image, one channel, one step at a time."""

import math
import os
import random
import subprocess
import sys

import golden
import numpy as np
import pandas as pd
import paths
import pytest
import torch
from torch.nn import functional as F
from wellread.crops.reader import Crops
from wellread.encoder import views, views_cpu
from wellread.runtime import table_files
from wellread.runtime.errors import InputError
from wellread.train import loop
from wellread.train.dataset import TrainingSet, read_window_sides
from wellread.train.labels import Labels

NAMES = ["DNA", "RNA", "ER", "AGP", "Mito"]


def crops(b=12, c=5, side=40, seed=0):
    """Random crops (b, c, side, side) uint8; skewed, as fluorescence is, and one of them empty."""
    values = torch.rand(b, c, side, side, generator=torch.Generator().manual_seed(seed))
    values[1] = 0
    return (256 * values.pow(3)).to(torch.uint8)


def drawn(augmentation, b=12, side=40, seed=0, **options):
    return views.draw_view(torch.Generator().manual_seed(seed), augmentation, b, side, **options)


def rows_of(drawn, rows):
    return {name: numbers[rows] for name, numbers in drawn.items()}


def slow_view(crop, size, drawn, antialias):
    """One view of one crop (C, S, S) in the order of the paper, with the numbers drawn for it."""
    image = crop.double() / 255
    image = image * drawn["keep"][:, None, None]
    peak = image.max()
    top, left, height, width = (int(v) for v in drawn["box"])
    out = []
    for c, channel in enumerate(image):
        if drawn["rescale"][c] > 0 and peak > 0:
            channel = channel * (drawn["rescale"][c].double() / peak)
        box = channel[None, None, top : top + height, left : left + width]
        x = F.interpolate(box, (size, size), mode="bilinear", align_corners=False, antialias=antialias)[0, 0]
        x = x.T if drawn["turn"] else x
        x = x.flip([axis for axis in (0, 1) if drawn["flip"][axis]])
        x = (drawn["brightness"][c] * x).clamp(0, 1)
        x = (drawn["contrast"][c] * x + (1 - drawn["contrast"][c]) * x.mean()).clamp(0, 1)
        out.append((x - x.mean()) / (x.std(correction=0) + 1e-7))
    return torch.stack(out)


@pytest.fixture(params=["planes", "batch"])
def device_path(request, monkeypatch):
    """Views as made on the CPU, and as on other devices."""
    if request.param == "batch":
        monkeypatch.setattr(views, "render_planes", views.render_batch)


@pytest.mark.dag
@pytest.mark.usefixtures("device_path")
@pytest.mark.parametrize("antialias", [False, True])
@pytest.mark.parametrize("turn", [False, True])
@pytest.mark.parametrize(("c", "size"), [(5, 16), (5, 40), (2, 23), (1, 56), (4, 1)])
def test_render_is_the_slow_loop(c, size, turn, antialias):
    augmentation = views.augmentation(
        NAMES[:c], scale=(0.05, 1.0), drop_channel=0.5, rescale_channel=0.5, rescaled_channels=NAMES[:c][-1:],
        turn=turn, antialias=antialias,
    )  # fmt: skip
    images, numbers = crops(c=c), drawn(augmentation)
    slow = [slow_view(crop, size, rows_of(numbers, i), antialias) for i, crop in enumerate(images)]
    with torch.autocast("cpu", torch.bfloat16):  # as in training; views keep their precision
        fast = views.render(images, numbers, size, augmentation)
    assert fast.dtype == torch.float32
    assert fast.is_contiguous()
    torch.testing.assert_close(fast.double(), torch.stack(slow), rtol=1e-5, atol=2e-5)


RENDER = """
import hashlib, torch
from wellread.encoder import views
crops = torch.randint(0, 255, (8, 2, 48, 48), dtype=torch.uint8, generator=torch.Generator().manual_seed(1))
how = views.augmentation(["DNA", "RNA"])
view = views.draw_view(torch.Generator().manual_seed(2), how, 8, 48)
print(*(hashlib.md5(views.render(crops, view, size, how).numpy().tobytes()).hexdigest() for size in (16, 32)))
"""


@pytest.mark.slow
def test_views_compiled_here_are_those_compiled_before(tmp_path):
    """Compiled in the first process, loaded in the second: a training would begin with other views than the next."""
    found = {"NUMBA_CACHE_DIR": str(tmp_path), "PYTHONPATH": str(paths.ROOT / "workflow")}
    command = [sys.executable, "-c", RENDER]
    compiled, loaded = (subprocess.check_output(command, env=os.environ | found) for _ in range(2))
    assert list(tmp_path.rglob("*.nbi"))
    assert compiled == loaded


def test_threads_share_the_images():
    augmentation, images = views.augmentation(NAMES), crops()
    alone = views.render(images, drawn(augmentation), 16, augmentation)
    threads = torch.get_num_threads()
    torch.set_num_threads(5)
    shared, few = (
        views.render(images, drawn(augmentation), 16, augmentation),
        views.render(images[:2], drawn(augmentation, 2), 16, augmentation),
    )
    torch.set_num_threads(threads)
    assert torch.equal(shared, alone)
    assert few.isfinite().all()


def test_steps_are_the_references():
    arrays = golden.Arrays()
    image, made = arrays["aug_img"], {}
    made["bright_1.3"] = views.adjust_brightness(image, 1.3)
    made["contrast_1.4"] = views.adjust_contrast(image[None], 1.4)[0]
    made["selfnorm"] = views.self_normalise(image[None])[0]
    for antialias in (False, True):
        made[f"rrc_i3_j2_h17_w19_to16_aa{antialias}"] = views.resample(image[None], *reference_box(antialias))[0]
    for name, ours in made.items():
        torch.testing.assert_close(ours, arrays[f"aug_{name}"], rtol=0, atol=5e-7)


def reference_box(antialias):
    numbers = {"box": torch.tensor([[3.0, 2, 17, 19]]), "flip": torch.zeros(1, 2) > 0, "turn": torch.zeros(1) > 0}
    return views.sampling_grid(numbers, 16, antialias)


@pytest.mark.dag
def test_steps_on_the_cpu_are_the_references():
    arrays = golden.Arrays()
    first, weights = (x[0].numpy() for x in views.filter_taps(*reference_box(True), 24))
    for c, plane in enumerate(arrays["aug_img"].numpy()):
        small, mean = np.empty((16, 16), np.float32), plane.mean()
        views_cpu.resample(plane, first, *weights, small)
        np.testing.assert_allclose(small, arrays["aug_rrc_i3_j2_h17_w19_to16_aaTrue"][c], rtol=0, atol=5e-7)
        flat, spread = plane.copy(), plane.copy()
        views_cpu.normalise(flat, *views_cpu.adjust_contrast(flat, mean, np.float32(1)))
        np.testing.assert_allclose(flat, arrays["aug_selfnorm"][c], rtol=0, atol=2e-6)
        views_cpu.adjust_contrast(spread, mean, np.float32(1.4))
        np.testing.assert_allclose(spread + mean, arrays["aug_contrast_1.4"][c], rtol=0, atol=5e-7)


def test_some_rows_of_the_draws_are_the_draws_of_some_rows():
    augmentation = views.augmentation(NAMES, rescale_channel=0.5, rescaled_channels=["RNA"], turn=True)
    images, numbers, rows = crops(), drawn(augmentation), [3, 1, 10]
    whole = views.render(images, numbers, 16, augmentation)
    torch.testing.assert_close(views.render(images[rows], rows_of(numbers, rows), 16, augmentation), whole[rows])


def test_draws_depend_on_the_generator_alone():
    augmentation = views.augmentation(NAMES, turn=True)
    torch.manual_seed(0)
    first = drawn(augmentation)
    torch.manual_seed(1)
    assert all(torch.equal(first[name], again) for name, again in drawn(augmentation).items())
    assert not torch.equal(first["box"], drawn(augmentation, seed=1)["box"])


def test_images_and_views_are_independent():
    augmentation, generator, image = (
        views.augmentation(NAMES),
        torch.Generator().manual_seed(0),
        crops()[:1].expand(200, -1, -1, -1),
    )
    numbers = [views.draw_view(generator, augmentation, 200, 40) for _ in range(2)]
    one, other = (views.render(image, n, 8, augmentation) for n in numbers)
    assert len(one.unique(dim=0)) == len(other.unique(dim=0)) == 200
    for name in ("brightness", "contrast"):
        both = torch.cat([numbers[0][name], numbers[1][name]], dim=1)  # (200, 10): five channels, twice
        assert (both.T.corrcoef() - torch.eye(10)).abs().max() < 0.3


def test_boxes_lie_in_the_image_and_have_the_asked_area():
    top, left, height, width = views.random_boxes(torch.Generator(), 20_000, 40, (0.2, 0.6)).T
    assert (torch.stack([top, left, height, width, height % 1, width % 1]) >= 0).all()
    assert (top + height).max() == (left + width).max() == 40
    area, aspect = height * width / 1600, (width / height).log() / math.log(4 / 3)
    assert area.mean() == pytest.approx(0.4, abs=0.005)
    assert area.std() == pytest.approx(0.4 / 12**0.5, abs=0.005)
    assert 0.18 < area.min() < area.max() < 0.63
    assert aspect.mean() == pytest.approx(0, abs=0.02)
    assert aspect.std() == pytest.approx(2 / 12**0.5, abs=0.02)  # uniform from -1 to 1, but for rounding


def slow_box(rng, side, low, high):
    """Height and width of a random box, tried ten times."""
    for _ in range(10):
        area, aspect = side**2 * rng.uniform(low, high), math.exp(rng.uniform(math.log(3 / 4), math.log(4 / 3)))
        height, width = round(math.sqrt(area / aspect)), round(math.sqrt(area * aspect))
        if 0 < height <= side and 0 < width <= side:
            return height, width
    return side, side


@pytest.mark.parametrize("scale", [(0.5, 1.0), (0.98, 1.0)])
def test_boxes_too_large_are_drawn_again(scale):
    rng = random.Random(0)
    slow = torch.tensor([slow_box(rng, 40, *scale) for _ in range(20_000)], dtype=torch.float32)
    fast = views.random_boxes(torch.Generator(), 20_000, 40, scale)[:, 2:]
    area, aspect = lambda x: x.prod(1), lambda x: (x[:, 0] / x[:, 1]).log() ** 2
    for statistic in (lambda x: x, area, aspect, lambda x: (x == 40).float()):
        ours, theirs = statistic(fast), statistic(slow)
        assert (ours.mean(0) - theirs.mean(0)).abs().max() < 5 * (theirs.std() / 100 + 1e-6)


def test_a_box_that_never_fits_becomes_the_whole_image():
    assert views.random_boxes(torch.Generator(), 3, 40, (2.0, 3.0)).tolist() == [[0, 0, 40, 40]] * 3


def test_views_stay_within_windows():
    sides = torch.tensor([40, 24, 13, 31, 2]).repeat_interleave(2000)
    top, left, height, width = views.random_boxes(torch.Generator(), 10_000, (40, sides), (0.2, 0.6)).T
    start = (40 - sides) // 2  # of squares in the centre
    for low, extent in ((top, height), (left, width)):
        assert (low >= start).all()
        assert (low + extent <= start + sides).all()
        reached = torch.stack([low - start, start + sides - low - extent]).view(2, 5, 2000)
        assert (reached.amin(2) == 0).all()
    share = (height * width / sides**2).view(5, 2000)
    assert share[:4].mean(1).tolist() == pytest.approx([0.4] * 4, abs=0.01)


def test_windows_change_nothing_but_boxes_and_these_only_where_they_are_smaller():
    augmentation = views.augmentation(NAMES, rescale_channel=0.5, rescaled_channels=["RNA"], turn=True)
    whole, full = drawn(augmentation), drawn(augmentation, side=(40, torch.full((12,), 40)))
    some = drawn(augmentation, side=(40, torch.tensor([40, 20] * 6)))
    for name, numbers in whole.items():
        assert torch.equal(full[name], numbers)
        assert torch.equal(some[name], numbers) == (name != "box")
    assert torch.equal(some["box"][::2], whole["box"][::2])


@pytest.mark.usefixtures("device_path")
@pytest.mark.parametrize("antialias", [False, True])
def test_what_lies_outside_a_window_is_not_in_a_view(antialias):
    augmentation, images, sides = (
        views.augmentation(NAMES, turn=True, antialias=antialias),
        crops(),
        torch.arange(12) * 2 + 16,
    )
    numbers = drawn(augmentation, side=(40, sides))
    hidden = 255 - images
    for image, other, side in zip(hidden, images, sides.tolist(), strict=True):
        inner = slice((40 - side) // 2, (40 + side) // 2)
        image[:, inner, inner] = other[:, inner, inner]
    assert not torch.equal(hidden, images)
    assert torch.equal(views.render(hidden, numbers, 16, augmentation), views.render(images, numbers, 16, augmentation))


class OneView:
    """A method that draws one view per cell."""

    augmentation = views.augmentation(["channel"])

    def draw(self, seed, cells, side):
        return views.draw_view(torch.Generator().manual_seed(seed), self.augmentation, cells, side)


@pytest.mark.parametrize("each_channel", [False, True])
@pytest.mark.parametrize("labelled", [False, True])
def test_windows_come_from_the_tables_of_cells(tmp_path, each_channel, labelled):
    """Micro-batches are drawn as one batch, and every crop has the window of its cell."""
    sizes = np.arange(8, 20)
    table_files.write(pd.DataFrame({"well": "A01", "side": sizes}), tmp_path / "a.parquet", "cells")
    table_files.write(
        pd.DataFrame({"well": ["A01"] * 8}), tmp_path / "b.parquet", "cells"
    )  # of an earlier version, or made elsewhere
    found = read_window_sides([tmp_path / "a.parquet", tmp_path / "b.parquet"], 20)
    assert found.tolist() == [*sizes, *[20] * 8]
    np.save(tmp_path / "crops.npy", np.broadcast_to(found.astype(np.uint8)[:, None, None, None], (20, 2, 20, 20)))
    labels = Labels(["a", "b"], np.array([[False, False], [True, False]]), (np.arange(20) % 3 > 0).astype(int))
    labels = labels if labelled else None
    dataset = TrainingSet(Crops([tmp_path / "crops.npy"]), labels, each_channel, found)
    drawn = []
    for accumulate in (1, 3):
        batches = loop.load_batches(OneView(), dataset, 9, accumulate, 0, 0, torch.device("cpu"))
        micro_batches = next(batches)
        assert len(micro_batches) == accumulate
        images = torch.cat([images for images, _, _ in micro_batches])
        box = torch.cat([view["box"] for _, _, view in micro_batches])
        drawn.append(box)
        size = images[:, 0, 0, 0].float()[:, None]
        assert (box[:, :2] >= (20 - size).div(2, rounding_mode="floor")).all()
        assert (box[:, :2] + box[:, 2:] <= (20 + size).div(2, rounding_mode="floor")).all()
        assert (box[:, 2:].prod(1) / size[:, 0] ** 2 > 0.28).all()
    assert torch.equal(*drawn)
    whole = TrainingSet(Crops([tmp_path / "crops.npy"]), window_sides=np.full(20, 20))
    assert whole.windows(np.arange(3)) == 20


def test_local_views_have_a_scale_of_their_own():
    box = drawn(views.augmentation(NAMES), b=2000, scale=(0.05, 0.1))["box"]
    assert (box[:, 2] * box[:, 3] / 1600).max() < 0.12


@pytest.mark.parametrize(("turn", "share"), [(False, 0), (True, 0.5)])
def test_all_orientations_are_equally_likely(turn, share):
    numbers = drawn(views.augmentation(NAMES, turn=turn), b=16_000)
    assert numbers["turn"].float().mean() == pytest.approx(share, abs=0.02)
    kinds = numbers["turn"].int() * 4 + numbers["flip"].int() @ torch.tensor([2, 1], dtype=torch.int32)
    counts = kinds.bincount()
    assert len(counts) == (8 if turn else 4)
    assert counts.tolist() == pytest.approx([16_000 / len(counts)] * len(counts), rel=0.1)


def test_only_droppable_channels_are_dropped():
    keep = drawn(views.augmentation(NAMES, drop_channel=0.3, kept_channels=["RNA", "AGP"]), b=6000)["keep"]
    lost = (keep == 0).float()
    assert lost.mean(0).tolist() == pytest.approx([0.1, 0, 0.1, 0, 0.1], abs=0.015)
    assert lost.sum(1).max() == 1
    assert (
        drawn(views.augmentation(NAMES[:3], drop_channel=1.0))["keep"].min() == 1
    )  # with three channels each one counts
    assert drawn(views.augmentation(NAMES, kept_channels=NAMES, drop_channel=1.0))["keep"].min() == 1


def test_only_named_channels_are_rescaled():
    rescale = drawn(views.augmentation(NAMES, rescale_channel=0.3, rescaled_channels=["RNA"]), b=6000)["rescale"]
    assert rescale[:, [0, 2, 3, 4]].max() == 0
    hit = rescale[:, 1][rescale[:, 1] > 0]
    assert len(hit) / 6000 == pytest.approx(0.3, abs=0.02)
    assert hit.mean() == pytest.approx(1, abs=0.05)
    assert hit.max() <= 2
    assert drawn(views.augmentation(["one"], rescale_channel=1.0, rescaled_channels=["one"]))["rescale"].max() == 0


def test_a_new_maximum_is_relative_to_that_of_the_channels_that_are_left():
    augmentation = views.augmentation(["DNA", "RNA"], rescaled_channels=["RNA"])
    images = torch.tensor([200, 100], dtype=torch.uint8).view(1, 2, 1, 1).expand(2, 2, 4, 4)
    keep, rescale = torch.tensor([[1.0, 1.0], [0.0, 1.0]]), torch.tensor([[0.0, 1.5], [0.0, 1.5]])
    view = {"keep": keep, "rescale": rescale, "brightness": torch.tensor([[1.0, 2.0], [1.0, 1.0]])}
    gain = views.channel_gain(images, view, augmentation)
    torch.testing.assert_close(gain, torch.tensor([[1 / 255, 2 * 1.5 / 200], [0.0, 1.5 / 100]]))


def test_factors_are_normal_and_at_least_a_half():
    numbers = drawn(views.augmentation(NAMES, brightness=0.3, contrast=0.0), b=10_000)
    bright = numbers["brightness"]
    assert bright.min() == 0.5
    assert (bright == 0.5).float().mean() == pytest.approx(0.0478, abs=0.005)  # of a normal, below -5/3
    assert bright.quantile(0.5) == pytest.approx(1, abs=0.01)
    assert bright.quantile(0.8413) == pytest.approx(1.3, abs=0.01)
    assert (numbers["contrast"] == 1).all()


def test_empty_images_stay_zero():
    augmentation = views.augmentation(NAMES, rescale_channel=1.0, rescaled_channels=NAMES)
    out = views.render(torch.zeros(2, 5, 20, 20, dtype=torch.uint8), drawn(augmentation, 2, 20), 16, augmentation)
    assert (out == 0).all()


def test_unknown_channels_are_refused():
    with pytest.raises(InputError, match="Golgi"):
        views.augmentation(NAMES, kept_channels=["Golgi"])
    with pytest.raises(InputError, match="rescaled_channels"):
        views.augmentation(NAMES, rescaled_channels=["Golgi"])


@pytest.mark.parametrize("size", [4, 5, 6, 9, 12])
def test_centre_view_crops_or_pads_then_normalises(size):
    crop = torch.randint(0, 256, (1, 2, 6, 6), dtype=torch.uint8)
    canvas = torch.zeros(2, 30, 30)
    canvas[:, 12:18, 12:18] = crop[0] / 255
    start = 12 - (size - 6) // 2 if size > 6 else 12 + round((6 - size) / 2)
    part = canvas[:, start : start + size, start : start + size]
    mean, deviation = part.mean((1, 2), keepdim=True), part.std((1, 2), correction=0, keepdim=True)
    torch.testing.assert_close(views.centre_view(crop, size)[0], (part - mean) / (deviation + 1e-7))
