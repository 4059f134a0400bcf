"""Which models are baselines, and what a dataset compares with them."""

import pytest
from wellread.plan import settings
from wellread.plan.dag import Plan
from wellread.runtime.errors import InputError

COUNT, NET = {"encoder": {"cell_count": {}}}, {"encoder": {"random": {}}, "baseline": False}
NOTHING = {"encoder": {"shuffled": {"of": "net"}}}
TASKS = {
    "moa": {"level": "treatment", "measure": {"nearest_class": {}}},
    "plates": {"measure": {"assay_quality": {}}},
}


def config(models, datasets=("d",), tasks=TASKS, **dataset):
    section = {"images": {"table": {"path": "i.csv"}}, "wells": "w.csv", "channels": ["DNA"]} | dataset
    return {"datasets": dict.fromkeys(datasets, section), "models": models, "tasks": tasks}


def plan(*arguments, **options):
    return Plan(settings.load(config(*arguments, **options)))


def test_baselines_are_so_by_nature_unless_the_config_says_otherwise():
    models = {"net": NET, "count": COUNT, "untrained": {"encoder": {"random": {}}}, "vit": {}}
    models |= {"dino": {"baseline": True}, "bright": {"encoder": {"mean_intensity": {}}}, "nothing": NOTHING}
    made = plan(models)
    assert [name for name in models if made.is_baseline(name)] == ["count", "untrained", "dino", "bright", "nothing"]


def test_a_baseline_re_runs_nothing_but_comparisons():
    as_model, as_baseline = (plan({"m": {"baseline": value}, "count": COUNT}) for value in (False, True))
    assert as_model.training("m") == as_baseline.training("m")
    assert as_model.ladder("d")["baselines"] == ["count"]
    assert as_baseline.ladder("d")["baselines"] == ["m", "count"]


def test_tasks_whose_metrics_are_means_over_items_are_compared():
    made = plan({"net": NET, "count": COUNT})
    assert made.ladder("d")["items"] == {"moa": {"nsc": "nsc_treatment", "nscb": "nscb_treatment"}}
    assert made.ladder_files("d") == [f"results/d/tasks/moa/{model}_none.parquet" for model in ("net", "count")]


@pytest.mark.parametrize("models", [{"net": NET}, {"count": COUNT}, {"net": NET, "vit": {}}])
def test_nothing_is_compared_without_a_baseline_and_another_model(models):
    assert plan(models).ladder("d") == {}
    assert plan(models).ladder_files("d") == []


def test_without_tasks_nothing_is_compared():
    assert plan({"net": NET, "count": COUNT}, tasks={"plates": TASKS["plates"]}).ladder("d") == {}


def test_shuffled_profiles_are_pooled_from_the_other_model():
    made = plan({"net": NET, "count": COUNT, "nothing": NOTHING})
    assert [made.pooled_from(name) for name in ("net", "count", "nothing")] == ["net", "count", "net"]
    assert [bool(made.blind_encoder(name)) for name in ("net", "count", "nothing")] == [False, True, True]


REFUSED = {
    "did you mean net": config({"net": NET, "nothing": {"encoder": {"shuffled": {"of": "nat"}}}}),
    "a model that looks at pixels": config({"count": COUNT, "nothing": {"encoder": {"shuffled": {"of": "count"}}}}),
    "write embed_on: [d] in models.nothing": config(
        {"net": NET | {"embed_on": ["d"]}, "nothing": NOTHING}, datasets=("d", "e")
    ),
    "datasets with `object: cell`, which have masks": config(
        {"classical": {"encoder": {"cp_measure": {}}}}, object="field"
    ),
    "crops.max_per_well: 0, as this model counts cells": config({"count": COUNT}, crops={"max_per_well": 100}),
}


@pytest.mark.parametrize("words", REFUSED)
def test_what_cannot_be_is_refused(words):
    with pytest.raises(InputError) as error:
        settings.load(REFUSED[words])
    assert words in str(error.value)


def drawn(models, /, **figure):
    made = config(models) | {"figures": {"map": {"draw": {"umap": {}}, **figure}}}
    every = Plan(settings.load(made | {"corrections": {"none": [], "z": [{"standardize": {}}]}}))
    return [pair for _, *pair in every.results("d", "figures", "draw")]


def test_figures_leave_baselines_out_beside_other_models_unless_they_are_named():
    both = {"net": NET, "count": COUNT}
    assert drawn(both) == [["net", "none"], ["net", "z"]]
    assert drawn({"count": COUNT}) == [["count", "none"], ["count", "z"]]
    assert drawn(both, models=["count"], corrections=["z"]) == [["count", "z"]]
    for key in ("models", "corrections"):
        with pytest.raises(InputError, match=rf"(?s)newt.*figures\.map\.{key}"):
            drawn(both, **{key: ["newt"]})


def test_tasks_look_at_the_models_and_corrections_that_they_name():
    made = config({"net": NET, "count": COUNT}) | {"corrections": {"none": [], "z": [{"standardize": {}}]}}
    task = {"measure": {"knn": {"label": "moa"}}}

    def asked(**only):
        triples = Plan(settings.load(made | {"tasks": {"near": task | only}})).results("d", "tasks", "measure")
        return [pair for _, *pair in triples]

    assert len(asked()) == 4
    assert asked(models=["net"], corrections=["z"]) == [["net", "z"]]
    with pytest.raises(InputError, match=r"(?s)newt.*tasks\.near\.models"):
        asked(models=["newt"])


def test_the_page_of_a_dataset_has_the_settings_of_nothing_else():
    def settings_of(dataset, **models):
        tasks = {"near": TASKS["moa"], "there": TASKS["moa"] | {"datasets": ["e"]}}
        tables = {"all": {"title": "All"}, "of_e": {"datasets": ["e"]}}
        made = config({"net": NET} | models, datasets=("d", "e"), tasks=tasks) | {"tables": tables}
        return Plan(settings.load(made)).page_settings(dataset)

    other = {"other": NET | {"embed_on": ["e"]}}
    assert settings_of("d", **other) == settings_of("d")
    assert settings_of("e", **other) != settings_of("e")
    assert list(settings_of("d")["tasks"]) == ["near"]
    assert settings_of("d")["tables"] == {"all": {"title": "All"}}
    assert list(settings_of("e")["tables"]) == ["all", "of_e"]
    assert list(settings_of("e", **other)["models"]) == ["net", "other"]
    assert list(settings_of("e")["datasets"]) == ["e"]


def test_a_dataset_has_the_corrections_that_it_names():
    made = config({"net": NET}, datasets=("d", "e")) | {"corrections": {"none": [], "z": [{"standardize": {}}]}}
    made["datasets"]["e"] = made["datasets"]["e"] | {"corrections": ["none"]}
    made["figures"] = {"map": {"draw": {"umap": {}}}, "both": {"draw": {"umap": {}}, "pool": ["d", "e"]}}
    both = Plan(settings.load(made))
    assert both.chains_of("d") == ["none", "z"]
    assert both.chains_of("e") == ["none"]
    assert both.results("d", "figures", "draw") == [
        ("map", "net", "none"),
        ("map", "net", "z"),
        ("both", "net", "none"),
    ]
    assert both.results("e", "figures", "draw") == [("map", "net", "none")]
    for key, value in {"corrections": ["y"], "headline": "z"}.items():
        made["datasets"]["e"] = made["datasets"]["e"] | {key: value}
        with pytest.raises(InputError, match=rf"(?s)datasets\.e\.{key}"):
            settings.load(made)
        made["datasets"]["e"]["corrections"] = ["none"]


def test_a_headline_is_a_correction_of_the_config():
    assert plan({"net": NET}, headline="none").config["datasets"]["d"]["headline"] == "none"
    with pytest.raises(InputError, match=r"(?s)sphere.*datasets\.d\.headline"):
        plan({"net": NET}, headline="sphere")


def test_models_that_look_at_no_pixels_are_not_embedded():
    made = plan({"net": NET, "count": COUNT, "nothing": NOTHING})
    assert [made.reads_crops(name) for name in ("net", "count", "nothing")] == [True, False, False]


@pytest.mark.parametrize(
    ("encoder", "threads"),
    [
        ({"vit": {"dim": 64, "depth": 4, "heads": 2}}, 1),
        ({"vit": {"arch": "tiny"}}, 2),
        ({"random": {}}, 2),
        ({"random": {"dim": 96, "heads": 2}}, 1),
        ({"intensity": {}}, 1),
        ({"dinov2": {"path": "weights.pth", "sha256": 64 * "0"}}, 2),
    ],
)
def test_embedding_asks_for_threads_that_are_of_use(encoder, threads):
    assert plan({"m": {"encoder": encoder}}).embedding_threads("m") == threads
