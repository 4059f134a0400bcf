"""Of which models and corrections there are maps."""

import pytest
from wellread.plan import settings
from wellread.plan.results import Results
from wellread.runtime.errors import InputError

MODELS = {"count": {"encoder": {"cell_count": {}}}, "net": {"encoder": {"random": {}}, "baseline": False}}
MODELS["other"] = {"encoder": {"random": {}}, "baseline": False, "embed_on": ["e"]}


def config(**more):
    section = {"images": {"table": {"path": "i.csv"}}, "wells": "w.csv", "channels": ["DNA"]}
    corrections = {"none": [], "b": [{"sphering": {}}], "a": [{"standardize": {}}]}
    return {"datasets": dict.fromkeys("de", section), "models": MODELS, "corrections": corrections} | more


def test_they_are_of_models_that_are_no_baselines_with_every_correction_in_order():
    plan = Results(settings.load(config(map={})))
    assert plan.maps("d") == [f"results/d/profiles/net/{name}/map.parquet" for name in ("none", "b", "a")]
    assert len(plan.maps("e")) == 6
    assert plan.config["map"] == {"cells": 20000, "method": "umap", "n_neighbors": 15, "min_dist": 0.1}


def test_without_the_key_there_are_none():
    assert Results(settings.load(config())).maps("d") == []


@pytest.mark.parametrize(
    ("options", "words"),
    [({"cells": 100001}, "map.cells"), ({"neighbors": 3}, "did you mean neighbors -> n_neighbors")],
)
def test_what_is_not_there_is_refused(options, words):
    with pytest.raises(InputError, match="(?s)" + words):
        settings.load(config(map=options))
