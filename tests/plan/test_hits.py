"""Of which datasets, models and corrections there are hits."""

import pandas as pd
import pytest
from wellread.plan import settings
from wellread.plan.dag import Plan
from wellread.runtime.errors import InputError

MODELS = {"count": {"encoder": {"cell_count": {}}}, "net": {"encoder": {"random": {}}, "baseline": False}}
MODELS["other"] = {"encoder": {"random": {}}, "baseline": False, "embed_on": ["e"]}


def config(hits, **dataset):
    section = {"images": {"table": {"path": "i.csv"}}, "wells": "w.csv", "channels": ["DNA"]} | dataset
    corrections = {"none": [], "a": [{"standardize": {}}], "b": [{"sphering": {}}]}
    told = {"datasets": dict.fromkeys("de", section), "models": MODELS, "corrections": corrections}
    return told if hits is None else told | {"hits": hits}


def plan(hits):
    return Plan(settings.load(config(hits)))


def test_without_the_key_there_are_none():
    assert plan(None).hits("d") == {}


def test_they_are_of_the_first_model_that_is_no_baseline_and_the_last_correction():
    found = plan({}).hits("d")
    assert (found["model"], found["correction"], found["threshold"]) == ("net", "b", 0.05)
    assert plan({}).hit_profiles("d", "crossed") == "results/d/profiles/net/b/crossed.parquet"


def test_they_are_of_what_the_config_names():
    made = plan({"model": "other", "correction": "a", "null_size": 7})
    assert made.hits("d") == {}
    found = made.hits("e")
    assert (found["model"], found["correction"], found["null_size"]) == ("other", "a", 7)


@pytest.mark.parametrize(
    ("hits", "words"),
    [
        ({"model": "nett"}, "hits.model.*did you mean net"),
        ({"correction": "c"}, "hits.correction"),
        ({"threshold": 1.5}, "hits.threshold"),
        ({"null": 5}, "did you mean null -> null_size"),
    ],
)
def test_what_is_not_there_is_refused(hits, words):
    with pytest.raises(InputError, match="(?s)" + words):
        settings.load(config(hits))


def test_what_the_design_cannot_answer_is_noted(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    wells = pd.DataFrame({"plate": "P", "well": ["A01", "A02", "A03"], "treatment": list("abc"), "control": ""})
    wells.to_csv("w.csv", index=False)
    wells[["plate", "well"]].assign(site=1, DNA="x.tif").to_csv("i.csv", index=False)
    told = config({}) | {"corrections": {"none": []}, "models": {"net": MODELS["net"]}}
    notes = Plan.of(told).notes
    assert any(note.startswith("hits of d: undecidable; wanted: a treatment with replicates") for note in notes)
