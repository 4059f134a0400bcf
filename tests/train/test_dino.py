"""One training step, against the reference in double precision."""

import json
import math

import golden
import numpy as np
import pytest
import torch
from torch.utils._python_dispatch import TorchDispatchMode
from wellread.encoder import views
from wellread.encoder.views import augmentation
from wellread.encoder.vit import ViT
from wellread.train import optimise
from wellread.train.methods import dino, dino_networks
from wellread.train.monitor import embedding_statistics

HEAD = {"prototypes": 48, "hidden": 64, "bottleneck": 16}


def tiny_pair(layer_scale=0.1):
    return dino_networks.student_and_teacher(
        ViT(channels=5, image=64, patch=8, dim=32, depth=4, heads=2, layer_scale=layer_scale), **HEAD
    )


def step(dtype, suffix):
    """The reference's step, by us: losses, gradients before clipping, student, teacher."""
    given = golden.states(f"ssl_step_in{suffix}.pth")
    student, teacher = (network.to(dtype) for network in tiny_pair())
    student.load_state_dict(given["student"])
    teacher.load_state_dict(given["teacher"] | {"centres": torch.zeros(2, 48, dtype=dtype)})
    batch = given["batch"]
    global_views, local_views, masks = (batch[f"collated_{name}"] for name in ("global_crops", "local_crops", "masks"))
    global_views, local_views = global_views.to(dtype), local_views.to(dtype)
    optimiser = torch.optim.AdamW(optimise.parameter_groups(student, 0.9, 0.2), fused=True)
    optimise.set_learning_rates(optimiser, {"backbone": 1e-3, "head": 1e-3, "last": 5e-4}, 0.04)
    masks = dino.Masks(masks, global_views)
    targets, logit_sums = dino.teacher_targets(teacher, global_views, masks, 0.05, "softmax")
    losses, _ = dino.student_losses(student, global_views, local_views, masks, targets, ibot=1.0, koleo=0.1)
    sum(losses.values()).backward()
    gradients = {name: p.grad.clone() for name, p in student.named_parameters()}
    optimise.clip_gradients(student, 3.0)
    optimiser.step()
    dino.update_centres(teacher.centres, [logit_sums])
    dino_networks.update_teacher(teacher, student, 0.996)
    return losses, gradients, student.state_dict(), teacher.state_dict()


@pytest.fixture(scope="module")
def double():
    return step(torch.float64, "_f64")


def logged(name):
    """The reference's losses, with the halves that it leaves out of its log."""
    losses = json.loads(golden.path(name).read_text())["ssl_losses"]
    factors = {"dino_local_crops": 1, "dino_global_crops": 1, "koleo": 2, "ibot": 2}
    names = {"dino_local_crops": "local", "dino_global_crops": "global"}
    return {names.get(loss, loss): factor * losses[f"{loss}_loss"] for loss, factor in factors.items()}


def farthest(ours, theirs):
    """Largest relative distance between tensors of the same name."""
    return max(((ours[name] - value).norm() / value.norm()).item() for name, value in theirs.items())


def test_losses(double):
    ours = {name: value.item() for name, value in double[0].items()}
    assert ours == pytest.approx(logged("golden_f64.json"), rel=1e-13)


def test_gradients(double):
    assert farthest(double[1], golden.states("ssl_step_grads_f64.pth")) < 1e-12


def test_student_after_clipping_and_adamw(double):
    assert farthest(double[2], golden.states("ssl_step_out_f64.pth")["student"]) < 1e-12


def test_teacher_and_centres_after_the_step(double):
    after = golden.states("ssl_step_out_f64.pth")
    assert farthest(double[3], after["teacher"]) < 1e-13
    expected = 0.1 * torch.cat([after["dino_center"], after["ibot_center_batch_mean"]])
    torch.testing.assert_close(double[3]["centres"], expected, rtol=1e-13, atol=0)


class LargestTensor(TorchDispatchMode):
    """Notes the number of values of the largest tensor that is made."""

    values = 0

    def __torch_dispatch__(self, function, types, arguments=(), named=None):
        found = function(*arguments, **named or {})
        for tensor in found if isinstance(found, tuple | list) else [found]:
            if isinstance(tensor, torch.Tensor):
                self.values = max(self.values, tensor.numel())
        return found


@pytest.mark.parametrize("rows", [1, 7, 16])
def test_logits_of_masked_patches_in_parts_give_the_same_step(double, monkeypatch, rows):
    monkeypatch.setattr(dino.losses, "HELD", rows * 48)
    in_parts = step(torch.float64, "_f64")
    for ours, theirs in zip(in_parts, double, strict=True):
        assert farthest(ours, {name: value for name, value in theirs.items() if value.norm()}) < 1e-12


@pytest.mark.parametrize("centring", ["softmax", "sinkhorn_knopp"])
def test_logits_of_masked_patches_are_never_held_whole(monkeypatch, centring):
    head = {"prototypes": 5000, "hidden": 8, "bottleneck": 4}
    backbone = ViT(channels=1, image=32, patch=4, dim=8, depth=1, heads=2)
    student, teacher = dino_networks.student_and_teacher(backbone, **head)
    images, masks = torch.randn(4, 1, 32, 32), dino.Masks(torch.ones(4, 64, dtype=torch.bool), torch.zeros(1))
    found = {}
    for held in (2**26, 20 * 5000):
        monkeypatch.setattr(dino.losses, "HELD", held)
        student.zero_grad()
        with LargestTensor() as largest:
            targets, sums = dino.teacher_targets(teacher, images, masks, 0.05, centring)
            losses, _ = dino.student_losses(student, images, None, masks, targets, ibot=1.0, koleo=0.1)
            sum(losses.values()).backward()
        gradients = torch.cat([p.grad.flatten() for p in student.parameters()])
        found[held] = largest.values, losses["ibot"].item(), gradients, sums[0]
    (whole, *expected), (parts, *ours) = found.values()
    assert whole == 4 * 64 * 5000
    assert parts == (20 * 5000 if centring == "softmax" else whole)  # which looks at all rows together
    for one, other in zip(ours, expected, strict=True):
        torch.testing.assert_close(one, other, rtol=1e-4, atol=1e-5)


def test_losses_in_single_precision():
    ours = {name: value.item() for name, value in step(torch.float32, "")[0].items()}
    assert ours == pytest.approx(logged("golden.json"), rel=1e-5)


def test_parameter_groups_are_the_references():
    facts = json.loads(golden.path("golden.json").read_text())
    wanted = {f"backbone.{name}": value for name, value in golden.unchunked(facts["param_groups_vit_depth4"]).items()}
    wanted |= {f"dino_head.{name}": value for name, value in facts["param_groups_head"].items()}
    student, _ = tiny_pair()
    names = {id(parameter): name for name, parameter in student.named_parameters()}
    groups = optimise.parameter_groups(student, 0.9, 0.2)
    ours = {
        names[id(p)]: [g["lr_factor"], g["decay_factor"], g["schedule"] == "last"] for g in groups for p in g["params"]
    }
    assert ours.keys() == wanted.keys()
    assert all(ours[name] == pytest.approx(wanted[name]) for name in wanted)


@pytest.mark.parametrize("registers", [0, 2])
def test_tokens_of_images_and_of_masked_patches(registers):
    vit = ViT(channels=2, image=16, patch=4, dim=8, depth=2, heads=2, layer_scale=1.0, registers=registers).double()
    x, masked = torch.randn(4, 2, 16, 16, dtype=torch.float64), torch.rand(4, 16) < 0.4
    cls, patches = dino.cls_and_masked(vit, x, dino.Masks(masked, x), masked)
    whole = vit(x, masked)
    torch.testing.assert_close(cls, whole[0])
    torch.testing.assert_close(patches, whole[1][masked])
    torch.testing.assert_close(dino.local_tokens(vit, x[:, :, :8, :8]), vit(x[:, :, :8, :8])[0])


def test_the_head_has_the_published_names_and_shapes():
    shapes = {name: list(value.shape) for name, value in dino_networks.Head(32, **HEAD).state_dict().items()}
    assert shapes == json.loads(golden.path("golden.json").read_text())["head_state_dict"]


def test_a_separate_head_learns_of_patches_and_the_other_of_images():
    vit = ViT(channels=2, image=16, patch=4, dim=8, depth=1, heads=2)
    student, teacher = dino_networks.student_and_teacher(vit, **HEAD, separate=True)
    x, masked = torch.randn(4, 2, 16, 16), torch.rand(4, 16) < 0.4
    masks = dino.Masks(masked, x)
    targets, _ = dino.teacher_targets(teacher, x, masks, 0.05, "softmax")
    by_name, _ = dino.student_losses(student, x, x[:, :, :8, :8], masks, targets, ibot=1.0, koleo=0.1)
    patches = teacher.backbone(x)[0], teacher.backbone(x)[1][masked]
    torch.testing.assert_close(targets[0].flatten(0, 1), (teacher.dino_head(patches[0]) / 0.05).softmax(-1))
    torch.testing.assert_close(targets[1], (teacher.ibot_head(patches[1]) / 0.05).softmax(-1))
    learned = {}
    for name, loss in by_name.items():
        student.zero_grad()
        loss.backward(retain_graph=True)
        heads = {"dino": student.dino_head, "ibot": student.ibot_head}
        learned[name] = [head for head in heads if any(p.grad is not None for p in heads[head].parameters())]
    assert learned == {"global": ["dino"], "local": ["dino"], "koleo": [], "ibot": ["ibot"]}
    assert {g["schedule"] for g in optimise.parameter_groups(student, 0.9, 0.2)} == {"backbone", "head", "last"}


def test_views_are_small_in_the_first_steps(monkeypatch):
    sides, rendered = [], dino.render
    monkeypatch.setattr(dino, "render", lambda *what: sides.append(what[2]) or rendered(*what))
    names = ["DNA", "RNA"]
    vit = ViT(channels=2, image=24, patch=4, dim=8, depth=1, heads=2)
    more = {"local_views": 1, "local_image": 16, "low_resolution": 0.75, "mask_probability": 1.0}
    method = dino.Dino(vit, augmentation(names), **HEAD, **more)
    schedule = method.schedules(np.ones(8), 8, 4)
    assert schedule["low_resolution"].tolist() == [1, 1, 1, 1, 1, 1, 0, 0]
    drawn, crops = method.draw(0, 3, 30), torch.randint(0, 256, (3, 2, 30, 30), dtype=torch.uint8)
    for low, expected, patches in ((1, [12, 12, 8], 9), (0, [24, 24, 16], 36)):
        sides.clear()
        losses, _, _ = method.losses(crops, drawn, None, {"temperature": 0.05, "low_resolution": low})
        assert sides == expected
        assert drawn["low_masks" if low else "masks"].shape == (3, 2, patches)
        assert losses["ibot"] > 0
    assert "low_resolution" not in dino.Dino(vit, augmentation(names), **HEAD).schedules(np.ones(8), 8, 4)


@pytest.mark.parametrize("views", [0, 1, 4])
def test_equal_logits_cost_the_logarithm_of_k(views):
    student, _ = tiny_pair()
    torch.nn.init.zeros_(student.dino_head.last_layer.weight_g)
    local_views = torch.randn(4 * views, 5, 40, 40) if views else None
    masks = dino.Masks(torch.zeros(8, 64, dtype=torch.bool), torch.zeros(1))
    targets = torch.randn(2, 4, 48).softmax(-1), torch.zeros(0, 48)
    losses, _ = dino.student_losses(
        student, torch.randn(8, 5, 64, 64), local_views, masks, targets, ibot=1.0, koleo=0.0
    )
    # All pairs of views weigh the same, whatever their number; also without local views.
    assert sum(losses.values()).item() == pytest.approx(math.log(48), rel=1e-5)


def test_the_centres_move_towards_the_mean_of_a_step_whatever_its_micro_batches():
    logits, centres = torch.randn(6, 4), torch.zeros(2, 4)
    micro_batches = logits.split([2, 4])
    logit_sums = [(torch.stack([x.sum(0), 0 * x.sum(0)]), torch.tensor([[len(x)], [0]])) for x in micro_batches]
    dino.update_centres(centres, logit_sums)
    torch.testing.assert_close(centres[0], 0.1 * logits.mean(0))
    assert (centres[1] == 0).all()  # no masked patch: no mean to move to


def test_embedding_statistics_tell_collapse_from_spread():
    spread = embedding_statistics(torch.randn(64, 8))
    collapsed = embedding_statistics(torch.randn(1, 8) + 1e-3 * torch.randn(64, 8))
    assert spread["feature_sd"] > 0.9
    assert 6 < spread["effective_rank"] <= 8
    assert collapsed["feature_sd"] < 0.01


@pytest.mark.parametrize("shape", [(64, 8), (8, 64)])
def test_the_effective_rank_is_that_of_the_singular_values(shape):
    tokens = torch.randn(shape) + 1
    x = torch.nn.functional.normalize(tokens)
    energy = torch.linalg.svdvals(x - x.mean(0)).square()
    expected = torch.special.entr(energy / energy.sum()).sum().exp().item()
    assert embedding_statistics(tokens)["effective_rank"] == pytest.approx(expected, rel=1e-4)
    assert embedding_statistics(tokens, rank=False).keys() == {"feature_sd"}


@pytest.mark.parametrize(("epochs", "steps"), [(None, 8), (3, 12), (0, 0)])
def test_the_teachers_temperature_rises_for_a_fifth_of_the_training_unless_said_otherwise(epochs, steps):
    backbone = ViT(channels=5, image=64, patch=8, dim=32, depth=1, heads=2)
    augmentation = views.augmentation(list("abcde"))
    method = dino.Dino(backbone, augmentation, prototypes=8, hidden=8, bottleneck=4, temperature_epochs=epochs)
    temperature = method.schedules(np.ones(40), 40, 4)["temperature"]
    assert (temperature < 0.07).sum() == max(steps - 1, 0)
