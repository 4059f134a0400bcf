"""Tables of results: which answers they collect, and slips in what they name."""

import pandas as pd
import pytest
from wellread.plan import collected
from wellread.plan.dag import Plan
from wellread.plan.models import Models
from wellread.plan.settings import load
from wellread.runtime.errors import InputError

pytestmark = pytest.mark.dag


@pytest.fixture
def planned(tmp_path):
    """A function that plans a table of two tasks, datasets, models and corrections, given the section `tables`."""
    wells = pd.DataFrame({"plate": "P", "well": [f"A{i:02d}" for i in range(1, 9)], "DNA": "x.tif"})
    wells = wells.assign(treatment=["DMSO"] * 4 + ["a", "a", "b", "b"], control=["negative"] * 4 + [""] * 4)
    for name in ("images", "wells"):
        wells.to_csv(tmp_path / f"{name}.csv", index=False)
    images = {"table": {"path": str(tmp_path / "images.csv")}}
    dataset = {"images": images, "wells": str(tmp_path / "wells.csv"), "channels": ["DNA"]}
    random = {"encoder": {"random": {}}}

    def plan(**tables):
        return Plan.of({
            "datasets": {"d": dataset, "e": dataset},
            "models": {"m": random, "n": random | {"embed_on": ["d"]}},
            "corrections": {"none": [], "sphering": [{"sphering": {}}]},
            "tasks": {"near": {"measure": {"knn": {}}}, "active": {"measure": {"average_precision": {}}}},
            "tables": tables,
        })  # fmt: skip

    return plan


def test_a_table_collects_all_or_what_it_names(planned):
    plan = planned(all={}, some={"tasks": ["near"], "models": ["n"], "corrections": ["none"]}, one={"datasets": ["e"]})
    assert len(collected.files(plan, "all")) == 12  # two tasks and corrections of m on both datasets and of n on one
    assert collected.files(plan, "some") == ["results/d/tasks/near/n_none.parquet"]
    assert {path.split("/")[1] for path in collected.files(plan, "one")} == {"e"}
    assert set(collected.files(plan, "one")) < set(collected.files(plan, "all"))


def test_metrics_are_the_headlines_or_those_that_it_names_of_tasks_that_have_them(planned):
    plan = planned(all={"drop_from": "sphering"}, some={"metrics": ["macro_f1"]})
    told = collected.wanted(plan, "all")
    assert told["drop_from"] == "sphering"
    assert told["metrics"]["near"] == ["accuracy"]
    assert len(told["metrics"]["active"]) == 1
    assert collected.wanted(plan, "some")["metrics"] == {"near": ["macro_f1"], "active": []}


@pytest.mark.parametrize(
    ("section", "words"),
    [
        ({"tasks": ["naer"]}, ["tables.t.tasks", "did you mean near?"]),
        ({"datasets": ["f"]}, ["tables.t.datasets", "one of d, e"]),
        ({"models": ["k"]}, ["tables.t.models"]),
        ({"corrections": ["spherng"]}, ["tables.t.corrections", "did you mean sphering?"]),
        ({"drop_from": "spherng"}, ["tables.t.drop_from", "did you mean sphering?"]),
        ({"published": [{"model": "k", "task": "near", "value": 1, "of": "x", "source": "y"}]}, ["published.0.model"]),
        ({"together": {"both": ["m", "k"]}}, ["tables.t.together.both"]),
        ({"metrics": ["macro_f"]}, ["tables.t.metrics", "did you mean macro_f1?"]),
        ({"datasets": ["e"], "models": ["n"]}, ["tables.t", "answers to collect"]),
        ({"chart": {"low_shot": {}}}, ["tables.t.chart", "low_shot", "average_precision, knn"]),
        ({"chart": {"leaderboard": {"scores": "gone.csv"}}}, ["tables.t.chart.scores", "none at gone.csv"]),
    ],
)
def test_slips_are_refused(planned, section, words):
    with pytest.raises(InputError) as error:
        planned(t=section)
    assert all(word in str(error.value) for word in words), error.value


def test_a_model_has_its_own_seed_or_that_of_the_config():
    random = {"encoder": {"random": {}}}
    dataset = {"images": {"painted": {}}, "wells": "w.csv", "channels": ["DNA"]}
    config = {"seed": 7, "datasets": {"d": dataset}, "models": {"a": random, "b": random | {"seed": 0}}}
    models = Models(load(config))
    assert (models.seed("a"), models.seed("b")) == (7, 0)


def test_pictures_are_of_the_tables_that_ask_for_one(planned):
    plan = planned(all={}, drawn={"chart": {"bars": {}}}, other={"chart": {"bars": {}}, "datasets": ["e"]})
    assert collected.charted(plan) == ["drawn", "other"]
    assert collected.charts_of(plan, "d") == ["results/tables/drawn.png"]
    assert collected.charts_of(plan, "e") == ["results/tables/drawn.png", "results/tables/other.png"]
