"""The loop, step by step: what the optimiser is told, against formulas written out; 12 steps, 3 to an epoch."""

import math

import numpy as np
import pytest
import together
import torch
from torch.optim.optimizer import register_optimizer_step_pre_hook
from wellread.train import loop
from wellread.train.methods.dino import Dino

DINO = {"local_views": 1, "local_image": 8, "prototypes": 24, "hidden": 32, "bottleneck": 8, "koleo": 0.0}
DINO |= {"momentum": 0.9, "temperature": (0.04, 0.07), "temperature_epochs": 2, "freeze_epochs": 1}
FIT = {"epochs": 4, "warmup_epochs": 1, "base_lr": 1e-2, "min_lr": 1e-4, "weight_decay": (0.04, 0.2), "clip": 1e9}
FIT |= {"layer_decay": 0.9, "patch_lr": 0.2}
FACTORS = {  # of the learning rate; the first name that fits
    "backbone.patch_embed": 0.2 * 0.9**3,
    "backbone.blocks.0": 0.9**2,
    "backbone.blocks.1": 0.9,
    "backbone.norm": 1,
    "backbone": 0.9**3,
    "dino_head": 1,
}
STEPS = np.arange(12)


def half_cosine(first, last, step, steps):
    return last + (first - last) * (1 + math.cos(math.pi * step / steps)) / 2


def rate(step):
    """Of 12 cells: 3 steps of warming up, then half a cosine."""
    top = 1e-2 * math.sqrt(12 / 1024)
    return top * step / 2 if step < 3 else half_cosine(top, 1e-4, step - 3, 9)


@pytest.fixture(scope="module")
def trained():
    return together.trained("dino", DINO, FIT | {"freeze_backbone_epochs": 2})


def test_learning_rates_of_every_parameter_at_every_step(trained):
    assert len(trained["steps"]) == 12
    for step, told in enumerate(trained["steps"]):
        for name, numbers in told.items():
            factor = next(value for start, value in FACTORS.items() if name.startswith(start))
            frozen = (name.startswith("backbone") and step < 6) or ("last_layer" in name and step < 3)
            assert numbers["lr"] == pytest.approx(0 if frozen else factor * rate(step), rel=1e-9), (name, step)


def test_what_is_frozen_stays_and_all_else_moves(trained):
    first, second, last = (trained["steps"][step] for step in (0, 4, 11))
    for name, numbers in first.items():
        moved = not torch.equal(numbers["value"], second[name]["value"])
        assert moved == (not name.startswith("backbone")), name
        assert not torch.equal(numbers["value"], last[name]["value"]), name
    third = trained["steps"][3]
    stayed = [name for name, numbers in first.items() if torch.equal(numbers["value"], third[name]["value"])]
    assert {name for name in stayed if name.startswith("dino_head")} == {name for name in first if "last_layer" in name}


def test_matrices_decay_and_vectors_do_not(trained):
    for step, told in enumerate(trained["steps"]):
        decay = half_cosine(0.04, 0.2, step, 12)
        for name, numbers in told.items():
            expected = decay if numbers["value"].ndim > 1 else 0.0
            assert numbers["decay"] == pytest.approx(expected), (name, step)


def test_the_teacher_is_a_running_mean_of_the_student_with_rising_momentum(trained):
    student, teacher = trained["networks"]["student"], trained["networks"]["teacher"]
    for name, start in trained["steps"][0].items():
        after = [told[name]["value"] for told in trained["steps"][1:]] + [student[name]]
        mean = start["value"]
        for step, value in enumerate(after):
            momentum = half_cosine(0.9, 1.0, step, 12)
            mean = momentum * mean + (1 - momentum) * value
        torch.testing.assert_close(teacher[name], mean, rtol=1e-9, atol=1e-12, msg=name)
    assert not torch.equal(teacher["backbone.norm.weight"], student["backbone.norm.weight"])


def test_the_schedules_of_dino():
    learner = Dino(together.tiny(), None, **DINO)
    lr = np.arange(1, 13) / 10
    found = learner.schedules(lr, 12, 3)
    np.testing.assert_array_equal(found["last_lr"], [0] * 3 + [*lr[3:]])
    np.testing.assert_allclose(found["temperature"], [*np.linspace(0.04, 0.07, 6), *[0.07] * 6])
    np.testing.assert_allclose(found["momentum"], [half_cosine(0.9, 1.0, step, 12) for step in STEPS])


def test_what_is_kept_is_the_teacher():
    learner = Dino(together.tiny(), None, **DINO)
    assert learner.encoder is learner.teacher.backbone
    assert learner.encoder is not learner.student.backbone
    assert not any(p.requires_grad for p in learner.teacher.parameters())


@pytest.mark.dag
@pytest.mark.parametrize("method", ["dino", "mae"])
def test_micro_batches_have_the_gradients_of_the_whole(method):
    options = DINO if method == "dino" else {"decoder_dim": 16, "decoder_depth": 1, "decoder_heads": 2}
    whole, divided = (together.trained(method, options, FIT | {"accumulate": parts, "epochs": 1}) for parts in (1, 3))
    for ours, theirs in zip(divided["steps"], whole["steps"], strict=True):
        for name, told in theirs.items():
            torch.testing.assert_close(ours[name]["gradient"], told["gradient"], rtol=1e-5, atol=1e-10, msg=name)


@pytest.mark.dag
def test_gradients_are_clipped_and_logged_before_that():
    found = together.trained("dino", DINO, FIT | {"clip": 1e-3, "epochs": 1})
    free = together.trained("dino", DINO, FIT | {"epochs": 1})
    for part in ("backbone", "dino_head"):
        gradients = [told["gradient"] for name, told in found["steps"][0].items() if name.startswith(part)]
        assert math.sqrt(sum(g.square().sum() for g in gradients)) == pytest.approx(1e-3, rel=1e-3)
    norm = math.sqrt(sum(told["gradient"].square().sum() for told in free["steps"][0].values()))
    assert found["rows"][0]["gradient"] == pytest.approx(norm)


def test_gradients_do_not_outlive_a_step():
    """At a learning rate of 0 the weights stay: a step then has the gradients of a run that begins with it."""
    still = FIT | {"base_lr": 0.0, "min_lr": 0.0, "epochs": 1, "warmup_epochs": 0}
    options = {"decoder_dim": 16, "decoder_depth": 1, "decoder_heads": 2}
    whole, later = (together.trained("mae", options, still, first=first)["steps"] for first in (0, 2))
    for name, told in later[0].items():
        torch.testing.assert_close(told["gradient"], whole[2][name]["gradient"], rtol=1e-9, atol=1e-12, msg=name)
        assert not torch.equal(whole[1][name]["gradient"], whole[2][name]["gradient"]), name


def test_blocks_are_dropped_by_a_stream_of_each_step():
    seeds = []
    handle = register_optimizer_step_pre_hook(lambda *_: seeds.append(torch.initial_seed()))
    together.trained("simclr", {"hidden": 8, "dimension": 4}, {"epochs": 1})
    handle.remove()
    assert seeds == [loop.step_seed(0, step, 0) for step in range(3)]
    assert len(set(seeds)) == 3


class Steps:
    """A method that notes the seeds that it is given to draw with."""

    def __init__(self):
        self.seeds = []

    def draw(self, seed, cells, _side):
        self.seeds.append(seed)
        return torch.full((cells,), seed % 1000)


def test_every_step_has_a_seed_of_its_own_that_depends_on_no_other():
    def seeds(seed, first, steps):
        method = Steps()
        batches = loop.load_batches(method, together.Cells(), 12, 1, seed, first, torch.device("cpu"))
        for _ in range(steps):
            next(batches)
        return method.seeds

    assert len(set(seeds(0, 0, 6))) == 6
    assert seeds(0, 4, 2) == seeds(0, 0, 6)[4:]
    assert not set(seeds(0, 0, 6)) & set(seeds(1, 0, 6))
    assert loop.step_seed(0, 5, 0) != loop.step_seed(0, 5, 1)
