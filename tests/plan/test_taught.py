"""Slips in what models are taught and in tasks that ask them, found before anything runs."""

import pandas as pd
import pytest
from wellread.plan import taught
from wellread.plan.results import Results
from wellread.plan.settings import load
from wellread.runtime.errors import InputError

HEAD = {"train": {"supervised": {"label": "moa"}}, "embed": {"features": "head"}}


def config(models):
    dataset = {"images": {"painted": {}}, "wells": "w.csv", "channels": ["DNA"]}
    tasks = {"own": {"measure": {"own_head": {"label": "moa"}}}, "near": {"measure": {"knn": {}}}}
    return {"datasets": {"d": dataset}, "models": models, "tasks": tasks}


def test_a_head_is_asked_for_what_it_says_and_nothing_else():
    models = {"taught": HEAD, "chance": {"encoder": {"random": {}}}}
    asked = Results(load(config(models))).results("d", "tasks", "measure")
    assert asked == [("own", "taught", "none"), ("near", "chance", "none")]
    with pytest.raises(InputError, match=r"tasks\.own\.measure"):
        load(config({"chance": models["chance"]}))


@pytest.mark.parametrize(
    "model",
    [
        {"train": {"dino": {}}},
        {"encoder": {"random": {}}},
        {"train": {"supervised": {}}, "encoder": {"vit": {"each_channel": True}}},
    ],
)
def test_features_head_want_a_model_that_was_taught(model):
    with pytest.raises(InputError, match="training by labels, of all channels"):
        load(config({"m": model | {"embed": {"features": "head"}}}))


def test_wells_that_train_are_there_and_divide_no_group():
    table = pd.DataFrame({"treatment": ["a", "a", "b"], "control": "", "set": ["train", "test", "train"]})
    how = {"supervised": {"labels": {"split": "set", "held_out": "treatment"}}}
    assert "no treatment in test" in str(taught.of_wells([table], how, "models.m")[0])
    assert not taught.of_wells([table.assign(set=["train", "train", "test"])], how, "models.m")
    (error,) = taught.of_wells([table.assign(set="test")], how, "models.m")
    assert "the value train" in str(error)
    assert not taught.of_wells([table], {"supervised": {"labels": {}}}, "models.m")
