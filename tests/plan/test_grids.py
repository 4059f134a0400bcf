"""Grids of settings: every combination is a training of its own, and which one is kept is for wells that validate."""

import pandas as pd
import pytest
from wellread.plan import grids, taught
from wellread.plan.results import Results
from wellread.plan.settings import load
from wellread.runtime.errors import InputError

GRID = {"fit.base_lr": [1.0e-3, 4.0e-3], "train.supervised.dropout": [0.0, 0.3], "fit.weight_decay": [[0.04, 0.1]]}
CNN = {"train": {"supervised": {"label": "moa", "labels": {"split": "set"}}}, "fit": {"epochs": 3}, "grid": GRID}


def plan(**models):
    dataset = {"images": {"painted": {}}, "wells": "w.csv", "channels": ["DNA"]}
    return Results(load({"datasets": {"d": dataset}, "models": models, "tasks": {"near": {"measure": {"knn": {}}}}}))


def test_every_combination_is_trained_and_the_model_is_chosen_from_them():
    found = plan(cnn=CNN, other={})
    names = [f"cnn/grid/base_lr={lr},dropout={p},weight_decay=0.04-0.1" for lr in (0.001, 0.004) for p in (0.0, 0.3)]
    assert found.trainings() == [*names, "other"]
    assert list(found.grid("cnn")) == names
    assert not found.grid("other")
    for name, (lr, dropout) in zip(names, [(1e-3, 0.0), (1e-3, 0.3), (4e-3, 0.0), (4e-3, 0.3)], strict=True):
        how = found.training(name)
        assert (how["fit"]["base_lr"], how["method"]["supervised"]["dropout"]) == (lr, dropout)
        assert how["fit"]["weight_decay"] == [0.04, 0.1]
        assert (how["fit"]["epochs"], how["method"]["supervised"]["labels"]["split"]) == (3, "set")
    assert found.models("d") == ["cnn", "other"]
    assert {model for _, model, _ in found.results("d", "tasks", "measure")} == {"cnn", "other"}


def test_a_new_value_adds_trainings_and_changes_none():
    before, after = plan(cnn=CNN), plan(cnn=CNN | {"grid": GRID | {"fit.base_lr": [2.0e-3, 4.0e-3, 1.0e-3]}})
    assert set(before.trainings()) < set(after.trainings())
    assert len(after.trainings()) == 6
    assert all(before.training(name) == after.training(name) for name in before.trainings())


def test_a_model_like_another_has_its_grid_and_two_keys_that_end_alike_are_told_apart():
    views = {"views.scale": [[0.5, 1.0]], "encoder.vit.drop_path": [0.0], "train.supervised.dropout": [0.1]}
    found = plan(cnn=CNN | {"grid": {"fit.base_lr": [1.0e-3]}}, more={"like": "cnn", "grid": views})
    (name,) = found.grid("more")
    assert not plan(cnn=CNN, one={"like": "cnn", "grid": None}).grid("one")
    assert name == "more/grid/base_lr=0.001,scale=0.5-1.0,drop_path=0.0,dropout=0.1"
    assert list(grids.cells("m", {"grid": {"a.x": [True], "b.x": [None], "b.y": ["z"]}})) == [
        "m/grid/a.x=true,b.x=null,y=z"
    ]


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"grid": {"fit.base_rl": [1.0]}}, ["models.m.grid.fit.base_rl", "did you mean base_rl -> base_lr?"]),
        ({"grid": {"fit.base_lr": [-1.0]}}, ["models.m.grid.fit.base_lr", "-1.0"]),
        ({"grid": {"fit.base_lr": []}}, ["models.m.grid.fit.base_lr", "at least 1 item"]),
        ({"grid": {"fit.epochs.more": [1]}}, ["models.m.grid.fit.epochs.more"]),
        ({"grid": {"fit": [{}]}}, ["models.m.grid.fit", "such as fit.base_lr"]),
        ({"grid": {"train.mae.mask_ratio": [0.5]}}, ["models.m.grid.train.mae.mask_ratio", "exactly one of"]),
        ({"grid": {"train.supervised.label": ["a", "b"]}}, ["none of labels"]),
        ({"grid": {"seed": [1, 2]}}, ["models.m.grid.seed", "such as fit.base_lr"]),
        ({"grid": {"fit.schedule": ["cosine", "cosine"]}}, ["no item twice"]),
        ({"train": {"dino": {}}}, ["training by labels", "dino"]),
        ({"train": {"supervised": {}}}, ["models.m.grid", "wells that validate"]),
        ({"encoder": {"random": {}}, "train": None}, ["nothing about training", "grid"]),
        ({"grid": {"fit.warmup_epochs": [5]}}, ["models.m/grid/warmup_epochs=5", "epochs"]),
    ],
)
def test_slips_are_refused(changes, words):
    model = {key: value for key, value in (CNN | {"grid": {"fit.base_lr": [1e-3]}} | changes).items() if value}
    if "encoder" in changes:
        model = {key: model[key] for key in ("encoder", "grid")}
    with pytest.raises(InputError) as error:
        plan(m=model)
    assert all(word in str(error.value) for word in words), error.value


def test_a_grid_wants_wells_that_validate():
    table = pd.DataFrame({"treatment": ["a", "b", "c"], "control": "", "set": ["train", "test", "train"]})
    how = {"supervised": {"labels": {"split": "set", "held_out": "treatment"}}}
    assert not taught.of_wells([table], how, "models.m")
    (error,) = taught.of_wells([table], how, "models.m", judged=True)
    assert "the value validation" in str(error)
    assert not taught.of_wells([table.assign(set=["train", "test", "validation"])], how, "models.m", judged=True)
