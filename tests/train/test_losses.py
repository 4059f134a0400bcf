"""Losses, schedules and block masks, against the reference's outputs and against loops."""

import math
import random
from itertools import product

import golden
import numpy as np
import pytest
import torch
from torch.nn import functional as F
from wellread.train import losses
from wellread.train.methods.dino import Masks
from wellread.train.patch_masks import block_mask, largest_block, patch_masks
from wellread.train.schedules import cosine, frozen, linear, one_cycle


@pytest.fixture(scope="module")
def arrays():
    return golden.Arrays()


# ---- the reference's numbers


def test_dino_is_the_references(arrays):
    targets = losses.centred_softmax(arrays["loss_teacher"], arrays["loss_center0"][0], 0.05).unflatten(0, (2, 4))
    torch.testing.assert_close(targets, arrays["dino_teacher_probs"])
    loss = losses.dino_local(targets, arrays["loss_student"].unflatten(0, (8, 4)))
    assert loss.item() == pytest.approx(arrays["dino_loss_8x2"].item(), rel=1e-6)


def test_sinkhorn_ibot_and_koleo_are_the_references(arrays):
    torch.testing.assert_close(losses.sinkhorn_knopp(arrays["loss_teacher"], None, 0.05), arrays["sinkhorn"])
    ours = losses.ibot(arrays["ibot_teacher"], arrays["ibot_student"], arrays["ibot_weights"], 6)
    assert ours.item() == pytest.approx(arrays["ibot_loss"].item(), rel=1e-6)
    assert losses.koleo(arrays["koleo_x"]).item() == pytest.approx(arrays["koleo"].item(), rel=1e-6)


def test_schedules_are_the_references(arrays):
    lr = cosine(5e-4 * 0.5**0.5, 1e-6, 1000, warmup=200)
    ours = {
        "sched_lr": lr,
        "sched_lr_last": frozen(lr, 10),
        "sched_wd": cosine(0.04, 0.2, 1000),
        "sched_mom": cosine(0.996, 1.0, 1000),
        "sched_ttemp": cosine(0.07, 0.07, 1000, warmup=200, start=0.04),
    }
    for name, values in ours.items():
        np.testing.assert_array_equal(values, arrays[name][:1000])


def test_block_masks_are_the_references(arrays):
    rng = random.Random(11)
    ours = np.stack([block_mask(rng, count, 14, 98) for count in (20, 40, 60, 80, 98, 0)])
    np.testing.assert_array_equal(ours, arrays["masks_seed11"])


# ---- loops


def slow_cross_entropy(target, logits):
    scaled = [value / 0.1 for value in logits.tolist()]
    total = math.log(sum(math.exp(value - max(scaled)) for value in scaled)) + max(scaled)
    return -sum(t * (value - total) for t, value in zip(target.tolist(), scaled, strict=True))


@pytest.fixture
def predictions():
    torch.manual_seed(0)
    return F.softmax(torch.randn(2, 3, 7) * 3, dim=-1), torch.randn(4, 3, 7)


def test_local_loss_pairs_every_local_with_both_global_views(predictions):
    targets, logits = predictions
    pairs = product(range(2), range(4), range(3))
    slow = sum(slow_cross_entropy(targets[g, b], logits[v, b]) for g, v, b in pairs) / 3
    assert losses.dino_local(targets, logits).item() == pytest.approx(slow, rel=1e-5)


def test_global_loss_pairs_each_view_with_the_other(predictions):
    targets, logits = predictions
    slow = sum(slow_cross_entropy(targets[1 - g, b], logits[g, b]) for g, b in product(range(2), range(3))) / 6
    assert losses.dino_global(targets, logits[:2]).item() == pytest.approx(slow, rel=1e-5)


def test_ibot_is_a_mean_per_image_over_all_images(predictions):
    targets, logits = (x.flatten(0, 1) for x in predictions)
    masks = torch.tensor([[1, 1, 0, 1], [0, 0, 0, 0], [0, 1, 0, 0], [0, 0, 1, 1]]).bool()
    slow, row = 0, 0
    for mask in masks:
        of_image = [slow_cross_entropy(targets[row + i], logits[row + i]) for i in range(int(mask.sum()))]
        slow, row = slow + sum(of_image) / max(len(of_image), 1) / 4, row + len(of_image)
    masks = Masks(masks, logits)
    assert masks.indices.tolist() == [0, 1, 3, 9, 14, 15]
    assert losses.ibot(targets[:6], logits[:6], masks.weights, 4).item() == pytest.approx(slow, rel=1e-5)


def test_ibot_without_masks_is_zero():
    nothing = torch.zeros(0, 7)
    assert losses.ibot(nothing, nothing, torch.zeros(0), 4) == 0


def test_koleo_is_the_distance_to_the_nearest_other():
    tokens = torch.randn(6, 4, dtype=torch.float64)
    unit = [token / token.norm() for token in tokens]
    nearest = [min((a - b).norm().item() for j, b in enumerate(unit) if j != i) for i, a in enumerate(unit)]
    assert losses.koleo(tokens).item() == pytest.approx(-np.mean(np.log(nearest)), rel=1e-6)


def test_sinkhorn_uses_prototypes_evenly_and_does_not_overflow():
    q = losses.sinkhorn_knopp(torch.randn(64, 8) * 0.2 + torch.linspace(0, 20, 8), None, 0.04)
    torch.testing.assert_close(q.sum(1), torch.ones(64))
    assert q.isfinite().all()
    even = losses.sinkhorn_knopp(torch.randn(64, 8) * 0.1 + torch.linspace(0, 0.3, 8), None, 0.05).sum(0)
    assert even.min() > 6
    assert even.max() < 10


# ---- schedules and masks


def test_a_warmup_longer_than_the_run_is_cut():
    np.testing.assert_allclose(cosine(1.0, 0.0, 5, warmup=11), [0, 0.1, 0.2, 0.3, 0.4])


@pytest.mark.parametrize(("view", "largest"), [((224, 16), 98), ((128, 16), 32), ((128, 8), 128), ((518, 14), 666)])
def test_largest_block_is_the_references(view, largest):
    assert largest_block(*view) == largest


def test_patch_masks_cover_the_asked_shares():
    masks = patch_masks(random.Random(0), 40, 128, 8, 0.5, (0.1, 0.5))
    covered = masks.sum(1)
    assert masks.shape == (40, 256)
    assert (covered > 0).sum() == 20
    assert covered.max() <= 128
    assert covered.sum() == pytest.approx(20 * 0.3 * 256, rel=0.1)


def test_no_masks_when_none_are_asked():
    assert not patch_masks(random.Random(0), 6, 48, 12, 0.0, (0.1, 0.5)).any()


def test_a_line_and_one_cycle():
    np.testing.assert_allclose(linear(2.0, 1.0, 6, warmup=2), [0, 2, 2, 1.75, 1.5, 1.25])
    optimiser = torch.optim.SGD([torch.zeros(1)], lr=1.0)
    theirs = torch.optim.lr_scheduler.OneCycleLR(optimiser, 2.0, total_steps=20, pct_start=0.3, final_div_factor=8)
    values = []
    for _ in range(20):
        values.append(theirs.get_last_lr()[0])
        optimiser.step()
        theirs.step() if len(values) < 20 else None
    np.testing.assert_allclose(one_cycle(2.0, 2 / 25 / 8, 20, warmup=6), values)
    assert one_cycle(2.0, 1.0, 3).tolist() == pytest.approx([2, 1.5, 1])  # no warm-up


def test_koleo_over_a_process_sees_no_others(monkeypatch):
    x = torch.randn(6, 4)
    monkeypatch.setattr(losses.distributed, "gather_rows", lambda rows: torch.cat([rows + 0.01, rows]))
    monkeypatch.setattr(losses.distributed, "rank", lambda: 1)
    near = losses.koleo(x)
    assert near > losses.koleo(x, "process") + 1  # every cell has a twin in the other process
    monkeypatch.undo()
    assert losses.koleo(x, "process") == losses.koleo(x)
