"""What a training depends on, and which encoders are trained at all."""

import pandas as pd
import pytest
from wellread.errors import InputError
from wellread.plan import Plan

MODELS = {
    "alone": {},
    "taught": {"train": {"supervised": {"label": "moa"}}, "probe": "gene"},
    "chance": {"encoder": {"random": {}}},
}


@pytest.fixture
def config(tmp_path):
    wells = {"plate": ["P1", "P1", "P2"], "well": ["A01", "A02", "A01"], "treatment": ["a", "b", "a"], "control": ""}
    pd.DataFrame(wells | {"moa": ["x", "y", "x"], "gene": "g"}).to_csv(tmp_path / "wells.csv", index=False)
    images = {"plate": ["P1", "P1", "P2"], "well": ["A01", "A02", "A01"], "DNA": "x.tif"}
    pd.DataFrame(images).to_csv(tmp_path / "images.csv", index=False)
    tables = {"images": {"table": {"path": str(tmp_path / "images.csv")}}, "wells": str(tmp_path / "wells.csv")}
    return {"datasets": {"d": tables | {"channels": ["DNA"]}}, "models": MODELS}


def changed(config, **columns):
    """The plan after a change of the wells table."""
    path = config["datasets"]["d"]["wells"]
    pd.read_csv(path).assign(**columns).to_csv(path, index=False)
    return Plan.of(config)


def test_only_labels_that_were_asked_for_train_again(config):
    plan = Plan.of(config)
    assert plan.labels("alone") == []
    assert plan.training_wells("alone") == []
    assert plan.labels("taught") == ["gene", "moa"]
    assert len(plan.training_wells("taught")) == 2  # one for every plate
    other = changed(config, treatment=["c", "d", "e"], new="label")
    assert other.labels_hash("taught") == plan.labels_hash("taught")
    other = changed(config, moa=["x", "y", "z"])
    assert other.labels_hash("taught") != plan.labels_hash("taught")
    assert other.labels_hash("alone") == plan.labels_hash("alone")


def test_a_label_that_is_not_there_is_refused(config):
    config["models"] = {"taught": {"train": {"supervised": {"label": "mao"}}}}
    with pytest.raises(InputError, match="column mao"):
        Plan.of(config)


def test_given_encoders_are_not_trained(config):
    plan = Plan.of(config)
    assert plan.trained() == ["alone", "taught"]
    assert plan.models("d") == ["alone", "taught", "chance"]
