"""What planning says of plates: their names, how they are painted, which of them a model learns from."""

import re

import pandas as pd
import pytest
from paths import ROOT
from wellread.painted import atlas_layout, layout
from wellread.plan.dag import Plan
from wellread.runtime.errors import InputError

pytestmark = pytest.mark.dag

CHANNELS_OF = {"painted": layout.CHANNELS, "painted_atlas": atlas_layout.CHANNELS}


def config(folder, plates=("P1", "P2", "P3"), **model):
    """A dataset of one well on every plate, and a model."""
    table = pd.DataFrame({"plate": plates, "well": "A01", "DNA": "x.tif", "treatment": "t", "control": ""})
    for name in ("images", "wells"):
        table.to_csv(folder / f"{name}.csv", index=False)
    images = {"table": {"path": str(folder / "images.csv")}}
    return {
        "datasets": {"d": {"images": images, "wells": str(folder / "wells.csv"), "channels": ["DNA"]}},
        "models": {"m": model},
    }


def folders_beside_plates():
    """What rules write below results/{dataset} where a plate's folder would be."""
    rules = "".join(path.read_text() for path in (ROOT / "workflow" / "rules").glob("*.smk"))
    return sorted(set(re.findall(r'"results/\{dataset\}/(\w+)/', rules)))


def test_rules_have_folders_beside_those_of_plates():
    assert folders_beside_plates() == ["figures", "painted", "profiles", "staged", "tasks"]


@pytest.mark.parametrize("name", folders_beside_plates())
def test_a_plate_may_not_be_called_like_a_folder_of_ours(tmp_path, name):
    with pytest.raises(InputError, match=f"(?s)a plate called {name}.*rename the plate"):
        Plan.of(config(tmp_path, plates=("P1", name)))
    Plan.of(config(tmp_path, plates=("P1", f"{name}2")))


@pytest.mark.parametrize(
    ("plates", "learned"), [([], ["P1", "P2", "P3"]), (["P2"], ["P2"]), (["P3", "P1"], ["P1", "P3"]), (["Q"], [])]
)
def test_a_model_learns_from_the_plates_it_names_or_from_all(tmp_path, plates, learned):
    plan = Plan.of(config(tmp_path, ("P3", "P1", "P2")) | {"models": {"m": {"plates": plates}}})
    assert plan.training_plates("m") == [("d", plate) for plate in learned]


def painted(folder, **options):
    given = config(folder)
    given["datasets"]["d"] |= {"images": {"painted": {"wells": 12} | options}, "min_joined": 0}
    return Plan.of(given).painting("d")["painted"]


def test_a_new_plate_repaints_none_but_any_other_option_does(tmp_path):
    two = painted(tmp_path, plates=2)
    assert two == painted(tmp_path, plates=3)
    assert "plates" not in two
    assert two["wells"] == 12
    for option, value in {"wells": 24, "fields": 1, "size": 128, "cells": 3.0, "effect": 0.5, "seed": 7}.items():
        other = painted(tmp_path, plates=2, **{option: value})
        assert other == two | {option: value}


@pytest.mark.parametrize("source", ["painted", "painted_atlas"])
def test_painted_images_are_made_by_a_rule_and_those_of_a_user_are_not(tmp_path, source):
    given = config(tmp_path)
    plan = Plan.of(given)
    assert not plan.is_made("d")
    assert plan.made_images("d", "P1") == ""
    given["datasets"]["d"] |= {"images": {source: {}}, "channels": list(CHANNELS_OF[source])}
    given["datasets"]["d"] |= {"object": "field", "min_joined": 0, "check_files": "all"}
    plan = Plan.of(given)  # though none of its files is there
    assert plan.is_painted("d")
    assert plan.made_images("d", "P1") == "results/d/painted/P1"
    assert plan.watched("d") == "nothing"


def test_wells_that_are_painted_as_something_else_are_refused(tmp_path):
    given = config(tmp_path)
    given["datasets"]["d"] |= {"images": {"painted": {"wells": 12, "seed": 1}}, "channels": list(layout.CHANNELS)}
    layout.layout(wells=12, seed=1).to_csv(tmp_path / "wells.csv", index=False)
    Plan.of(given)
    layout.layout(wells=12, seed=2).to_csv(tmp_path / "wells.csv", index=False)
    with pytest.raises(InputError, match="are painted otherwise"):
        Plan.of(given)


def two_datasets(folder, **model):
    """Datasets of other plates and channels, and a model of single channels, which bears that."""
    given = config(folder)
    table = pd.DataFrame({"plate": ["Q1"], "well": "A01", "ER": "y.tif", "treatment": "t", "control": ""})
    table.to_csv(folder / "other.csv", index=False)
    given["datasets"]["e"] = {"images": {"table": {"path": str(folder / "other.csv")}}, "channels": ["ER"]}
    given["datasets"]["e"] |= {"wells": str(folder / "other.csv"), "object": "field"}
    given["models"] = {"m": {"encoder": {"vit": {"each_channel": True}}} | model}
    return Plan.of(given)


def test_a_model_learns_from_some_datasets_and_embeds_others(tmp_path):
    plan = two_datasets(tmp_path, train_on=["e"], embed_on=["d"])
    assert (plan.models("d"), plan.models("e")) == (["m"], [])
    assert plan.training_plates("m") == [("e", "Q1")]
    assert plan.channels("m") == ["ER"]
    plan = two_datasets(tmp_path, train_on=["d", "e"], plates=["P2", "Q1"])
    assert (plan.models("d"), plan.models("e")) == (["m"], ["m"])
    assert plan.training_plates("m") == [("d", "P2"), ("e", "Q1")]
    assert plan.channels("m") == ["DNA"]


def test_the_rows_of_a_plate_are_its_own(tmp_path):
    plan = Plan.of(config(tmp_path))
    assert plan.plates("d") == ["P1", "P2", "P3"]
    assert plan.rows("d", "P2")["plate"].tolist() == ["P2"]
    assert plan.rows("d", "P2").index.tolist() == [0]
    assert len({plan.rows_hash("d", plate) for plate in plan.plates("d")}) == 3


def test_plates_without_wells_are_refused_unless_the_config_lets_them_through(tmp_path):
    given = config(tmp_path)
    wells = pd.read_csv(tmp_path / "wells.csv")
    wells.iloc[:1].to_csv(tmp_path / "wells.csv", index=False)
    with pytest.raises(InputError, match="plate P2: not in the wells table"):
        Plan.of(given)
    given["datasets"]["d"]["min_joined"] = 0
    Plan.of(given)
    wells.assign(plate="Q").drop_duplicates().to_csv(tmp_path / "wells.csv", index=False)
    with pytest.raises(InputError, match="the same plate names"):
        Plan.of(given)


def test_labels_of_other_plates_do_not_train_again(tmp_path):
    """A model that learns from P1 alone looks at the labels of P1, and at no other column."""
    given = config(tmp_path) | {"models": {"m": {"plates": ["P1"], "probe": "treatment"}}}
    wells = pd.read_csv(tmp_path / "wells.csv", dtype=str, keep_default_na=False)
    wells = wells.assign(treatment="t|s")
    wells.to_csv(tmp_path / "wells.csv", index=False)
    before = Plan.of(given).labels_hash("m")
    assert before
    for plate, changes in (("P2", False), ("P1", True)):
        other = wells.assign(treatment=wells["treatment"].where(wells["plate"] != plate, "u|s"))
        other.to_csv(tmp_path / "wells.csv", index=False)
        assert (Plan.of(given).labels_hash("m") != before) == changes
    wells.assign(control="negative").to_csv(tmp_path / "wells.csv", index=False)
    assert Plan.of(given).labels_hash("m") == before
