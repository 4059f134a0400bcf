"""What tasks look at, run as a user runs it: rows that fit, and questions that no design can answer."""

import subprocess

import numpy as np
import pandas as pd
import pytest
from flow import clone, command, snakemake, write_config
from made_profiles import undecided, values

pytestmark = [pytest.mark.dag, pytest.mark.slow]
CONFIG = {
    "datasets": {"a": {"object": "profile", "controls": {"negative": ["DMSO"]}}},
    "models": {"cp": {"encoder": {"given": {"files": "cp/*.csv"}}}},
    "tasks": {
        "highest": {"where": {"dose": "max", "plate": ["P1", "P3"]}, "measure": {"knn": {}}},
        "mechanism": {"measure": {"nearest_class": {}}},
        "quality": {"measure": {"assay_quality": {}}},
        "levels": {"measure": {"retrieval": {}}},
    },
    "figures": {"map": {"where": {"treatment": ["x", "y"]}, "draw": {"umap": {}}}},
}


def table(seed: int) -> pd.DataFrame:
    """Two controls and five wells of two treatments in two doses, of one mechanism each, at one position each."""
    rng = np.random.default_rng(seed)
    names = ["DMSO"] * 2 + ["x", "y"] * 5
    frame = pd.DataFrame({"Metadata_Well": [f"B{i:02d}" for i in range(1, 13)], "Metadata_treatment": names})
    frame["Metadata_dose"] = [0, 0] + [1] * 4 + [2] * 6
    frame["Metadata_moa"] = frame["Metadata_treatment"].map({"x": "m", "y": "n"})
    shift = frame["Metadata_treatment"].map({"DMSO": 0, "x": 5, "y": -5})
    return frame.assign(**{f"Cells_{name}": rng.normal(size=12) + shift for name in "abc"})


@pytest.fixture(scope="module")
def done(tmp_path_factory):
    """Three plates, run to the end."""
    folder = clone(tmp_path_factory.mktemp("looked_at"))
    (folder / "cp").mkdir()
    for number in (1, 2, 3):
        table(number).to_csv(folder / "cp" / f"P{number}.csv", index=False)
    write_config(folder, CONFIG)
    snakemake(folder)
    return folder


def test_rows_that_fit_are_looked_at(done):
    found = pd.read_parquet(done / "results/a/tasks/highest/cp_none.parquet")
    assert values(found, "left_out")["not plate: P1, P3"] == 12
    assert values(found, "left_out")["not dose: max"] == 8  # four wells of dose 1 on either plate
    assert found.set_index("metric").loc["accuracy", "n"] == 12
    assert values(found, "accuracy")[""] == 1
    drawn = pd.read_csv(done / "results/a/figures/map/cp_none.csv")
    assert drawn["Metadata_treatment"].value_counts().to_dict() == {"x": 15, "y": 15}
    page = (done / "results/reports/a.html").read_text()
    assert "8 of 36 (not dose: max)" in page
    assert "profiles of every well, where dose: max; plate: P1, P3" in page


def test_what_cannot_be_answered_has_a_row_and_stops_nothing(done):
    for task, metric, reason in (
        ("mechanism", "nsc", "no two of 30 profiles with a moa in common differ in treatment"),
        ("quality", "z_prime", "0 positive and 6 negative controls"),
        ("levels", "recall_batch", "one batch in all 30 profiles"),
        ("levels", "recall_source", "no column source in the wells table"),
    ):
        assert reason in undecided(pd.read_parquet(done / f"results/a/tasks/{task}/cp_none.parquet"), metric)
    page = (done / "results/reports/a.html").read_text()
    assert "undecidable: one batch in all 30 profiles" in page
    assert 'undecidable<small class="why">no two of 30 profiles with a moa in common differ in treatment' in page


def test_a_dry_run_notes_it(done):
    output = subprocess.run(command("-n", "--forceall"), cwd=done, capture_output=True, text=True, check=True).stdout
    for task in ("mechanism", "quality", "levels"):
        assert f"note: tasks.{task} of a: undecidable; wanted: " in output
