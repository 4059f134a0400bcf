"""Planning of datasets of ready profiles: what it reads, refuses and tells; the shipped configs on the real tables."""

from copy import deepcopy
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import yaml
from paths import ROOT, SHARED
from wellread.painted import layout
from wellread.plan.dag import Plan
from wellread.profiles.consensus import consensus
from wellread.profiles.correct import correct
from wellread.runtime.errors import InputError
from wellread.runtime.registry import pick

CONFIG = {
    "datasets": {"d": {"object": "profile", "controls": {"negative": ["DMSO"]}}},
    "models": {"cp": {"encoder": {"given": {"files": "cp/*.csv"}}}},
    "tasks": {"activity": {"measure": {"average_precision": {}}}},
}

TWIN = {"e": {"object": "profile"}}


@pytest.fixture
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for plate in ("P1", "P2"):
        write(f"cp/{plate}.csv", plate)
    return tmp_path


def write(path, plate, n=12, **columns):
    rng = np.random.default_rng(0)
    frame = pd.DataFrame({"Metadata_Plate": plate, "Metadata_Well": [f"A{i:02d}" for i in range(1, n + 1)]})
    frame["Metadata_treatment"] = ["DMSO"] * 6 + ["x", "y"] * (n // 2 - 3)
    Path(path).parent.mkdir(exist_ok=True)
    frame.assign(a=rng.normal(size=n), b=rng.normal(size=n), **columns).to_csv(path, index=False)


def planned(**changes):
    config = deepcopy(CONFIG) | changes
    return Plan.of(config)


def dataset(**keys):
    return {"d": CONFIG["datasets"]["d"] | keys}


def model(**options):
    return {"cp": {"encoder": {"given": CONFIG["models"]["cp"]["encoder"]["given"] | options}}}


def test_the_tables_say_which_wells_there_are(here):
    plan = planned()
    assert plan.plates("d") == ["P1", "P2"]
    assert plan.config["datasets"]["d"]["wells"] == "results/d/wells.csv"
    assert plan.wells["d"]["control"].tolist() == (["negative"] * 6 + [""] * 6) * 2
    assert plan.feature_tables("d", "cp") == ["cp/P1.csv", "cp/P2.csv"]
    assert plan.results("d", "tasks", "measure") == [("activity", "cp", "none")]
    assert plan.notes[0] == "models.cp: 24 rows, each a well, in 2 files; 2 of 2 columns of numbers are features: a, b"
    assert plan.notes[1].endswith(
        "24 wells with profiles of cp on 2 plates; 24 wells in the wells table on 2 plates; 24 in both"
    )
    assert not set(plan.config["datasets"]["d"]) & {"images", "channels", "segment", "crops", "calibrate"}


def test_two_models_are_of_the_same_wells(here):
    write("dp/all.csv", "P1", well_feature=1.0)
    both = model() | {"dp": {"encoder": {"given": {"files": "dp/{dataset}*.csv"}}}}
    with pytest.raises(InputError, match="no file at dp/d"):
        planned(models=both)
    both["dp"]["encoder"]["given"]["files"] = "dp/all.csv"
    plan = planned(models=both)
    assert plan.models("d") == ["cp", "dp"]
    assert any("12 wells with profiles of dp on 1 plate; 24 wells in the wells" in note for note in plan.notes)


def test_a_config_may_have_images_beside(here):
    imaged = {"painted": {"images": {"painted": {"wells": 12}}, "wells": "w.csv", "channels": ["DNA"]}}
    layout.layout(plates=2, wells=12).to_csv("w.csv", index=False)
    plan = planned(
        datasets=dataset() | imaged, models=model() | {"r": {"encoder": {"random": {}}}, "v": {}}, tasks={}
    )  # fmt: skip
    assert plan.models("d") == ["cp"]
    assert plan.models("painted") == ["r", "v"]
    assert plan.config["models"]["v"]["train_on"] == ["painted"]
    assert plan.temporary_crops() == []


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"datasets": dataset(channels=["D"], crops={"size": 8})}, r"(?s)about images.*channels, crops.*given:"),
        ({"datasets": dataset(segment={"otsu_watershed": {}})}, "nothing about images"),
        ({"datasets": dataset(sample={"cells": 9})}, "nothing about images"),
        ({"datasets": {"d": {"images": {"painted": {}}}}}, "the key channels"),
        ({"models": {"r": {"encoder": {"random": {}}, "embed_on": ["d"]}}}, r"(?s)an encoder that reads images.*d\n"),
        ({"models": {"r": {"encoder": {"random": {}}}}}, "(?s)an encoder that reads images.*none.*a model that names"),
        ({"models": {"cp": model()["cp"] | {"fit": {}}}}, "nothing about training"),
        ({"models": {"cp": model()["cp"] | {"embed": {}}}}, "nothing about embedding"),
        ({"models": model(files="cp/*.parquet")}, "no file at"),
        ({"models": model(features="^z")}, "features: columns of numbers"),
        ({"models": model(well="spot")}, "a column spot"),
        ({"models": model(rows="cell")}, "rows that are cells"),
        ({"models": model(files=["cp/*.csv", "more/*.csv"])}, "every well .* in one file"),
        ({"datasets": dataset(aggregate={"min_cells": 5})}, "a column of numbers of cells"),
        ({"datasets": dataset(wells="wells.csv")}, "at least 50% of every plate's wells with profiles of cp"),
        ({"figures": {"plates": {"look": {"plates": {}}}}}, "a dataset with images"),
        ({"tasks": {"t": {"level": "cell", "measure": {"knn": {}}}}}, "a dataset of single cells"),
        ({"tasks": {"t": {"pool": ["d", "e"], "measure": {"knn": {}}}}, "datasets": dataset() | TWIN}, "one dataset"),
        ({"tasks": {"nuclei": {"measure": {"segmentation": {"truth": "t"}}}}}, "object: cell"),
        ({"tasks": {"m": {"level": "treatment", "measure": {"nearest_class": {}}}}}, "moa"),
        ({"datasets": dataset(controls={"negative": ["water"]})}, "water"),
        (
            {
                "corrections": {"none": [], "z": [{"zscore": {"by": "batch"}}]},
                "datasets": {"d": {"object": "profile", "wells": "blank.csv"}},
                "tasks": {},
            },
            "two negative controls or more in every batch",
        ),
    ],
)  # fmt: skip
def test_what_does_not_fit_is_refused_in_plain_words(here, changes, words):
    write("more/P1_normalized.csv", "P1")
    write("wells.csv", "P7", control="")
    wells = pd.DataFrame([(p, f"A{i:02d}", "x", "") for p in ("P1", "P2") for i in range(1, 13)])
    wells.set_axis(["plate", "well", "treatment", "control"], axis=1).to_csv("blank.csv", index=False)
    with pytest.raises(InputError, match=words):
        planned(**changes)


def test_corrections_that_spend_the_controls_are_told_of(here):
    corrections = {"none": [], "z": [{"zscore": {}}, {"clip": {}}]}
    (note,) = [note for note in planned(corrections=corrections).notes if "corrections" in note]
    assert note == "corrections.z: zscore is fitted on all negative controls, so with it activity looks too good"
    assert not [note for note in planned(corrections=corrections, tasks={}).notes if "corrections" in note]


def shipped(name: str, monkeypatch, tmp_path, data: str) -> Plan:
    """The plan of a shipped config in a folder with the real tables."""
    if not (SHARED / "data" / data).is_dir():
        pytest.skip(f"no {data} beside the repository")
    monkeypatch.chdir(tmp_path)
    Path("resources").mkdir()
    Path("resources", name).symlink_to(SHARED / "data" / data)
    return Plan.of(yaml.safe_load((ROOT / "config" / "datasets" / f"{name}.yaml").read_text()))


def made(plan: Plan, model: str):
    (name,) = plan.config["datasets"]
    section, encoder = plan.config["datasets"][name], plan.config["models"][model]["encoder"]
    return pick("encoder", encoder)(model, name, plan.wells[name], section["aggregate"], 0)


@pytest.mark.slow
def test_the_jump_pilot_is_planned_and_read(tmp_path, monkeypatch):
    plan = shipped("jump_pilot", monkeypatch, tmp_path, "jump_pilot_profiles")
    wells = plan.wells["jump_pilot"]
    assert plan.plates("jump_pilot") == [f"BR0011701{i}" for i in range(4)]
    assert (wells["control"] == "negative").groupby(wells["plate"]).sum().tolist() == [64] * 4
    assert wells.loc[wells["control"] == "", "treatment"].nunique() == 306
    assert "calcium channel blocker" in set(wells["moa_list"])
    assert set(wells["batch"]) == {"2020_11_04_CPJUMP1"}
    found = made(plan, "cellprofiler")
    assert found.well.filter(like="emb_").shape == (1536, 602)
    assert not found.features.query("status == 'kept'")["feature"].str.contains("Brightfield|ZBF").any()
    assert found.counts.query("stage == 'features'")[["reason", "n"]].values.tolist() == [
        ["kept", 602],
        ["excluded", 302],
    ]


@pytest.mark.dag
@pytest.mark.parametrize(
    ("model", "correction", "nsc", "nscb"),
    [
        pytest.param("cellprofiler", "zscored", 0.777, 65 / 92, marks=pytest.mark.slow),
        ("selected", "none", 94 / 103, 69 / 92),
    ],
)
def test_bbbc021_has_its_reference_numbers(tmp_path, monkeypatch, model, correction, nsc, nscb):
    plan = shipped("bbbc021_profiles", monkeypatch, tmp_path, "bbbc021_profiles")
    well = correct(made(plan, model).well, plan.config["corrections"][correction], seed=0)
    treatments = consensus(well, **plan.config["datasets"]["bbbc021_profiles"]["consensus"])
    measure = plan.config["tasks"]["mechanism"]["measure"]["nearest_class"] | {"permutations": 0}
    answers = pick("measure", {"nearest_class": measure})(treatments, 0).query("item == ''").set_index("metric")
    assert answers.loc[["nsc", "nscb"], "n"].tolist() == [103, 92]
    assert answers.loc["nsc", "value"] == pytest.approx(nsc, abs=0.01 if correction == "zscored" else 1e-12)
    assert answers.loc["nscb", "value"] == pytest.approx(nscb, abs=1e-12)
