"""A trained model belongs to the config that trained it; other plates that train it again are told of."""

import pandas as pd
import pytest
from wellread.plan import owners
from wellread.plan.dag import Plan
from wellread.runtime.errors import InputError

pytestmark = pytest.mark.dag


@pytest.fixture
def trained(tmp_path, monkeypatch):
    """A folder in which first.yaml has trained the model m on plates P1 and P2."""
    monkeypatch.chdir(tmp_path)
    for name in ("first.yaml", "second.yaml"):
        (tmp_path / name).touch()
    Plan.of(config()).record_owners("first.yaml", ["m"])
    assert owners.of("m") is None  # no weights yet
    (tmp_path / "results/models/m/weights.safetensors").touch()
    return tmp_path


def config(plates=("P1", "P2"), name="d", **model):
    table = pd.DataFrame({"plate": plates, "well": "A01", "DNA": "x.tif", "treatment": "t", "control": ""})
    for kind in ("images", "wells"):
        table.to_csv(f"{kind}.csv", index=False)
    source = {"images": {"table": {"path": "images.csv"}}, "wells": "wells.csv", "channels": ["DNA"]}
    return {"datasets": {name: source}, "models": {"m": model}}


def refused(config, config_file, words):
    with pytest.raises(InputError) as error:
        Plan.of(config, config_file)
    assert all(word in str(error.value) for word in ["no other model called m", "models.m", *words]), error.value


SHORT = {"fit": {"epochs": 50}}


def test_another_config_may_not_train_a_model_of_the_same_name_otherwise(trained):
    refused(config(**SHORT), "second.yaml", ["one with other settings, trained by first.yaml", "another name"])
    refused(config(name="e"), "second.yaml", ["one with other plates, trained by first.yaml"])
    refused(config(plates=("P1", "P3"), **SHORT), "second.yaml", ["other settings and other plates"])


def test_an_edited_config_trains_again(trained):
    Plan.of(config(**SHORT), "first.yaml")


def test_another_config_may_use_the_model_as_it_is(trained):
    Plan.of(config() | {"tasks": {"t": {"measure": {"segmentation": {"truth": "{stem}"}}}}}, "second.yaml")
    Plan.of(config(fit={"checkpoint_every": 7}), "second.yaml")  # which changes no weight


def test_a_config_that_was_renamed_keeps_its_models(trained):
    (trained / "first.yaml").unlink()
    Plan.of(config(**SHORT), "second.yaml")


def test_a_model_that_was_deleted_is_nobodys(trained):
    (trained / "results/models/m/weights.safetensors").unlink()
    Plan.of(config(**SHORT), "second.yaml")


def test_a_model_of_which_nothing_is_known_is_recorded_at_the_next_run(trained):
    (trained / "results/models/m/owner.json").unlink()
    plan = Plan.of(config(**SHORT), "second.yaml")
    plan.record_owners("second.yaml", [])
    refused(config(), "first.yaml", ["trained by second.yaml"])


def test_the_owner_stays_until_the_model_is_trained_again(trained):
    plan = Plan.of(config(**SHORT), "first.yaml")
    plan.record_owners("first.yaml", [])
    Plan.of(config(), "second.yaml")
    plan.record_owners("first.yaml", ["m"])
    refused(config(), "second.yaml", ["other settings"])


def test_a_record_that_is_damaged_is_none(trained):
    (trained / "results/models/m/owner.json").write_text("{")
    Plan.of(config(**SHORT), "second.yaml")


def trained_again(config) -> list[str]:
    """The notes of the plan that speak of models."""
    return [note for note in Plan.of(config, "first.yaml").notes if note.startswith("models.")]


def test_a_new_plate_that_trains_again_is_noted_with_the_cure(trained):
    assert trained_again(config()) == []
    (note,) = trained_again(config(("P1", "P2", "P3")))
    assert "models.m is trained again, as its plates now include P3" in note
    assert note.endswith("write models.m.plates: [P1, P2]")
    cured = config(("P1", "P2", "P3"))
    cured["models"]["m"]["plates"] = ["P1", "P2"]
    assert trained_again(cured) == []
