"""What a chosen chain names is checked before anything runs; what it makes is planned."""

import pandas as pd
import pytest
from wellread.plan import settings
from wellread.plan.dag import Plan
from wellread.runtime.errors import InputError

CHAINS = {"none": [], "z": [{"standardize": {}}], "h": [{"harmony": {"by": "plate"}}]}


@pytest.fixture
def config(tmp_path, monkeypatch):
    """A config of ready profiles of two plates, with a chosen chain."""
    monkeypatch.chdir(tmp_path)  # where the wells table is written that is made of them

    def config(how=None, tasks=None, **columns):
        wells = [f"{row}{column:02d}" for row in "ABCD" for column in range(1, 7)]
        names = ["DMSO"] * 8 + [f"c{i // 2}" for i in range(16)]
        plates = []
        for plate in ("P1", "P2"):
            own = {"plate": plate, "well": wells, "treatment": names, "f1": 1.0, "f2": 2.0} | columns
            plates.append(
                pd.DataFrame(own)
                .rename(columns="Metadata_{}".format)
                .rename(columns=lambda c: c.replace("Metadata_f", "f"))
            )
        pd.concat(plates).to_csv(tmp_path / "t.csv", index=False)
        return {
            "datasets": {"d": {"object": "profile", "controls": {"negative": ["DMSO"]}}},
            "models": {"m": {"encoder": {"given": {"files": str(tmp_path / "t.csv")}}}},
            "corrections": CHAINS | {"best": {"choose": {"among": ["none", "z"], "by": "activity"} | (how or {})}},
            "tasks": tasks
            or {"activity": {"measure": {"average_precision": {}}}, "shares": {"measure": {"assay_quality": {}}}},
        }

    return config


def test_a_chosen_chain_has_answers_of_compounds_only_and_no_profiles(config):
    plan = Plan.of(config())
    assert {c for t, _, c in plan.results("d", "tasks", "measure") if t == "activity"} == {*CHAINS, "best"}
    assert {c for t, _, c in plan.results("d", "tasks", "measure") if t == "shares"} == set(CHAINS)
    assert plan.chains == set(CHAINS)
    assert plan.choosers == {"best"}
    assert plan.config["corrections"]["best"]["choose"]["folds"] == 2


SLIPS = [
    ({"among": ["none", "zz"]}, "did you mean z"),
    ({"among": ["none", "best"]}, "corrections.best.choose.among"),
    ({"by": "activty"}, "did you mean activity"),
    ({"by": "shares"}, "with values of compounds"),
    ({"of": "plate"}, "plate is divided"),
    ({"folds": 1}, "at least 2"),
    ({"folds": 8}, "two values of treatment or more in every fold"),
    ({"split": "sets"}, "one of plate"),
    ({"split": "set"}, "in both"),
]


@pytest.mark.parametrize(("how", "words"), SLIPS)
def test_slips_are_told_before_anything_runs(config, how, words):
    with pytest.raises(InputError, match=words):
        Plan.of(config(how, set=["train", "test"] * 12))


def test_a_chosen_chain_carries_the_marks_of_all_that_it_is_chosen_from(config):
    written = config({"among": ["none", "zs"]})
    written["corrections"]["zs"] = [{"zscore": {}}]
    plan = Plan.of(written)
    assert plan.marks("d", "activity", "best") == [["judged_by_fitted_controls", "zscore"]]
    assert plan.marks("d", "activity", "z") == []


def test_a_treatment_determines_its_mechanism(config):
    tasks = {
        "mechanism": {"measure": {"knn": {"label": "moa", "diffby": ["well"]}}},
        "activity": {"measure": {"knn": {}}},
    }
    moa = [""] * 8 + [f"m{i // 4}" for i in range(16)]
    written = config(tasks={"mechanism": tasks["mechanism"]}, moa=moa)
    written["corrections"] = {"none": [], "c": [{"harmony": {"by": "treatment"}}]}
    with pytest.raises(InputError, match=r"no correction by treatment, which tasks\.mechanism measures moa of, in d"):
        Plan.of(written)
    written["corrections"]["c"][0]["harmony"]["despite"] = True
    assert Plan.of(written).marks("d", "mechanism", "c") == [["corrected_for_label", "treatment"]]


def test_a_column_that_says_nothing_of_the_mechanism_may_be_corrected_for(config):
    moa = [""] * 8 + [f"m{i // 4}" for i in range(16)]
    written = config(tasks={"t": {"measure": {"knn": {"label": "moa"}}}}, moa=moa, lab=["a", "b"] * 12)
    written["corrections"] = {"none": [], "c": [{"harmony": {"by": "lab"}}]}
    assert Plan.of(written).marks("d", "t", "c") == []


def test_what_is_chosen_is_a_setting_that_changes_results(config):
    first, second = (settings.that_change_results(settings.load(config({"folds": n}))) for n in (2, 3))
    assert first["corrections"]["best"] != second["corrections"]["best"]


def test_hits_are_of_a_correction_with_profiles(config):
    written = config() | {"hits": {"correction": "best"}}
    with pytest.raises(InputError, match="a chosen chain"):
        Plan.of(written)
    plan = Plan.of(config() | {"hits": {}})
    assert plan.hits("d")["correction"] == "h"
