"""Slips in what models are taught and in tasks that ask them, found before anything runs."""

import numpy as np
import pandas as pd
import pytest
from wellread.plan import taught
from wellread.plan.dag import Plan
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


WELLS = pd.DataFrame(
    {
        "plate": np.repeat(["P1", "P2"], 4),
        "well": ["A01", "A02", "A03", "A04"] * 2,
        "treatment": list("abcdefgh"),
        "antibody": [f"{name}-1" for name in "abcdefgh"],
        "control": "",
        "moa": ["x", "y"] * 4,
        "set": ["train", "train", "validation", "validation", "test", "test", "test", "test"],
    }
)


@pytest.fixture
def planned(tmp_path, monkeypatch):
    """A function from a table of wells, `labels` of training and options of the task to a plan."""
    monkeypatch.chdir(tmp_path)

    def plan(wells, labels, asked=(), **model):
        wells.assign(DNA="x.tif").to_csv("wells.csv", index=False)
        dataset = {"images": {"table": {"path": "wells.csv"}}, "wells": "wells.csv", "channels": ["DNA"]}
        taught = HEAD | {"train": {"supervised": {"label": "moa", "labels": labels}}} | model
        own = {"level": "well", "measure": {"own_head": {"label": "moa"} | dict(asked)}}
        return Plan.of({"datasets": {"d": dataset}, "models": {"m": taught}, "tasks": {"own": own}})

    return plan


@pytest.mark.parametrize(("column", "other"), [("treatment", "train"), ("antibody", "validation"), ("plate", "train")])
def test_what_is_held_out_is_on_one_side_of_the_labels_that_teach(planned, column, other):
    how = {"split": "set", "held_out": column}
    row = WELLS.index[WELLS["set"] == other][0]
    leaking = WELLS.assign(**{column: WELLS[column].where(WELLS.index != 7, WELLS[column][row])})
    leaking["well"] = [f"A{i:02d}" for i in range(1, 9)]
    value = WELLS[column][row]
    with pytest.raises(InputError, match=rf"(?s)no {column} in test.*1 in both: {value}.*models\.m\.train.*held_out"):
        planned(leaking, how, {"held_out": ""})
    with pytest.raises(InputError, match=rf"(?s)no {column} in test.*1 in both: {value}.*own_head\.held_out"):
        planned(leaking, {"split": "set", "held_out": ""}, {"held_out": column})


@pytest.mark.dag
def test_a_test_set_that_taught_the_model_is_refused(planned):
    words = r"(?s)not taught the model.*4 wells of both, such as P2/A01.*models\.m\.train.*labels.*split: set"
    for labels in ({}, {"share": 0.5}, {"split": "other"}):
        with pytest.raises(InputError, match=words):
            planned(WELLS.assign(other=["validation"] + ["train"] * 7), labels)
    planned(WELLS, {}, {"held_out": "antibody"}, plates=["P1"])
    planned(WELLS.assign(other=WELLS["set"]), {"split": "other", "share": 0.5, "repeat": 3})
    planned(WELLS.assign(moa=WELLS["moa"].where(WELLS["set"] != "test")), {})


def test_a_grid_is_planned_on_wells_that_validate_alone(planned):
    grid = {"grid": {"fit.base_lr": [1.0e-3, 2.0e-3]}}
    assert len(planned(WELLS, {"split": "set"}, **grid).trainings()) == 2
    with pytest.raises(InputError, match=r"(?s)the value validation.*models\.m\.train\.supervised\.labels\.split"):
        planned(WELLS.replace("validation", "train"), {"split": "set"}, **grid)
