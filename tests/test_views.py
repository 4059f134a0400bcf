"""Views, against the reference's outputs and against a loop over images with the same random numbers."""

import golden
import pytest
import torch
from torch.nn import functional as F
from wellread import views

JITTER = {"droppable": [0, 2, 4], "drop": 0.5, "rescaled": [1], "rescale": 0.5, "brightness": 0.2, "contrast": 0.2}


@pytest.fixture
def images():
    torch.manual_seed(0)
    return torch.rand(12, 5, 40, 40).pow(3)  # dark and skewed, as fluorescence is


def slow_view(image, size, box, flip, gain, brightness, contrast):
    """One view of one image (C, S, S), channel by channel, in the order of the paper."""
    top, left, height, width = (int(v) for v in box)
    out = []
    for channel, weight, bright, spread in zip(image, gain, brightness, contrast, strict=True):
        part = (channel * weight)[None, None, top : top + height, left : left + width]
        part = F.interpolate(part, (size, size), mode="bilinear", align_corners=False, antialias=False)[0, 0]
        part = part.flip([axis for axis in (0, 1) if flip[axis]])
        part = (bright * part).clamp(0, 1)
        part = (spread * part + (1 - spread) * part.mean()).clamp(0, 1)
        out.append((part - part.mean()) / (part.std(correction=0) + 1e-7))
    return torch.stack(out)


@pytest.mark.parametrize("size", [16, 40, 56])
def test_render_is_the_slow_loop(images, size):
    drawn = views.draw(images, (0.05, 1.0), **JITTER)
    one_by_one = zip(images, *(drawn[name] for name in drawn), strict=True)
    slow = torch.stack([slow_view(image, size, *numbers) for image, *numbers in one_by_one])
    torch.testing.assert_close(views.render(images, drawn, size), slow, rtol=0, atol=2e-4)


def test_steps_are_the_references():
    arrays = golden.Arrays()
    image, ones = arrays["aug_img"][None], torch.ones(1, 5, 1, 1)
    made = {
        "aug_bright_1.3": views.brighten(image, 1.3 * ones),
        "aug_contrast_1.4": views.stretch(image, 1.4 * ones),
        "aug_selfnorm": views.self_normalise(image),
        "aug_rrc_i3_j2_h17_w19_to16_aaFalse": views.resized_crop(
            image, torch.tensor([[3.0, 2, 17, 19]]), torch.zeros(1, 2, dtype=torch.bool), 16
        ),
    }
    for name, ours in made.items():
        torch.testing.assert_close(ours[0], arrays[name], rtol=0, atol=5e-7)


def test_boxes_lie_in_the_image_and_have_the_asked_area():
    top, left, height, width = views.boxes(20_000, 40, (0.2, 0.6), "cpu").T
    assert (torch.stack([top, left, height, width, height % 1, width % 1]) >= 0).all()
    assert (top + height).max() == 40
    assert (left + width).max() == 40
    area = height * width / 1600
    assert area.mean() == pytest.approx(0.4, abs=0.01)
    assert (area > 0.17).all()
    assert (area < 0.64).all()
    assert (height / width).log().mean() == pytest.approx(0, abs=0.01)


def test_a_box_that_never_fits_becomes_the_whole_image():
    assert views.boxes(3, 40, (2.0, 3.0), "cpu").tolist() == [[0, 0, 40, 40]] * 3


def test_only_droppable_channels_are_dropped(images):
    gain = views.kept(4000, 5, [0, 2, 4], 0.2, "cpu")
    share = (gain == 0).float().mean(0)
    assert share[[1, 3]].tolist() == [0, 0]
    assert share[[0, 2, 4]].tolist() == pytest.approx([0.2 / 3] * 3, abs=0.015)
    assert (gain == 0).sum(1).max() == 1
    assert views.kept(100, 3, [0, 1, 2], 1.0, "cpu").min() == 1  # with three channels each one counts


def test_rescaling_touches_the_named_channel_of_some_images(images):
    gain = views.rescaling(images.repeat(200, 1, 1, 1), [1], 0.3)
    assert (gain[:, [0, 2, 3, 4]] == 1).all()
    assert (gain[:, 1] != 1).float().mean() == pytest.approx(0.3, abs=0.03)
    assert gain[:, 1].max() <= 2 / images.amax((1, 2, 3)).min()


def test_views_are_independent_and_ordered_view_by_view(images):
    out = views.random_views(images, 3, 16, (0.3, 1.0), JITTER)
    assert out.shape == (36, 5, 16, 16)
    first, second, third = out.chunk(3)
    assert not torch.equal(first, second)
    assert not torch.equal(second, third)
    assert views.random_views(images, 0, 16, (0.3, 1.0), JITTER) is None


def test_empty_images_stay_zero():
    out = views.random_views(torch.zeros(2, 5, 20, 20), 1, 16, (0.3, 1.0), JITTER)
    assert (out == 0).all()


@pytest.mark.parametrize("size", [4, 5, 6, 9, 12])
def test_centre_view_crops_or_pads_then_normalises(size):
    crop = torch.randint(0, 256, (1, 2, 6, 6), dtype=torch.uint8)
    canvas = torch.zeros(2, 30, 30)
    canvas[:, 12:18, 12:18] = crop[0] / 255
    start = 12 - (size - 6) // 2 if size > 6 else 12 + round((6 - size) / 2)
    part = canvas[:, start : start + size, start : start + size]
    mean, deviation = part.mean((1, 2), keepdim=True), part.std((1, 2), correction=0, keepdim=True)
    torch.testing.assert_close(views.centre_view(crop, size)[0], (part - mean) / (deviation + 1e-7))
