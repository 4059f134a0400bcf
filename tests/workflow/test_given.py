"""Ready feature tables, run as a user runs them: from tables to a report, and what re-runs."""

import re
import shutil
import zipfile

import numpy as np
import pandas as pd
import pytest
from flow import clone, planned, replace, snakemake, write_config

pytestmark = [pytest.mark.dag, pytest.mark.slow]
CONFIG = {
    "datasets": {"mine": {"object": "profile", "controls": {"negative": ["DMSO"]}}},
    "models": {
        "cp": {"encoder": {"given": {"files": "cp/*.csv.gz", "exclude": "ZBF"}}},
        "dp": {"encoder": {"given": {"files": "dp/cells.parquet"}}},
    },
    "corrections": {"none": [], "z": [{"zscore": {}}]},
    "tasks": {"activity": {"measure": {"average_precision": {"null_size": 100}}}},
    "hits": {"null_size": 200},
}
ALL = {"given", "correct", "cross", "measure", "hits", "ledger", "alarms", "report"}


def table(plate: str, seed: int, n: int = 12) -> pd.DataFrame:
    """Six controls and three wells of two treatments, one of which differs in its features."""
    rng = np.random.default_rng(seed)
    frame = pd.DataFrame({"Metadata_Plate": plate, "Metadata_Well": [f"B{i:02d}" for i in range(1, n + 1)]})
    frame["Metadata_treatment"] = ["DMSO"] * 6 + ["x", "y"] * 3
    shift = 5 * (frame["Metadata_treatment"] == "x")
    numbers = {f"Cells_{name}": rng.normal(size=n) + shift for name in ("a", "b", "c", "ZBF")}
    return frame.assign(**numbers)


@pytest.fixture(scope="module")
def done(tmp_path_factory):
    """Two plates in tables of wells, one also in a table of cells, run to the end."""
    folder = clone(tmp_path_factory.mktemp("given"))
    for name in ("cp", "dp"):
        (folder / name).mkdir()
    for number, plate in enumerate(("P1", "P2")):
        table(plate, number).to_csv(folder / "cp" / f"{plate}.csv.gz", index=False)
    pd.concat([table("P1", seed) for seed in range(3)]).to_parquet(folder / "dp" / "cells.parquet")
    write_config(folder, CONFIG)
    snakemake(folder)
    return folder


def test_the_page_has_no_chapters_of_images_nor_of_what_was_not_asked(done):
    page = (done / "results/reports/mine.html").read_text()
    assert re.findall(r'<section id="(\w+)"', page) == [
        "alarms", "answer", "hits", "plates", "measure", "correct", "ledger", "embed", "methods", "provenance", "files"
    ]  # fmt: skip
    assert "6 control positions, 20 are needed" in page[: page.index('id="ledger"')]
    words = " ".join(re.sub(r"<[^>]+>", " ", re.sub(r"(?s)<style>.*?</style>|<svg.*?</svg>", " ", page)).split())
    assert "2 plates · ready profiles" in words
    assert (
        "Of 24 rows of feature tables 24 could be used, and of 4 columns 3 as features. 24 wells got a profile" in words
    )
    assert not re.search("fields? of view|cut out|channel", words.split("Versions and config Made by")[0])


def test_results_are_where_those_of_images_are(done):
    folder = done / "results" / "mine"
    names = pd.read_csv(folder / "profiles/cp/features.csv", keep_default_na=False)
    assert names.values.tolist()[2:] == [["emb_0002", "Cells_c", "kept"], ["", "Cells_ZBF", "excluded"]]
    well = pd.read_parquet(folder / "profiles/cp/none/well.parquet")
    tables = pd.concat([table("P1", 0), table("P2", 1)])
    np.testing.assert_allclose(well["emb_0002"], tables["Cells_c"], rtol=1e-6)
    cells = pd.concat([table("P1", seed) for seed in range(3)]).groupby("Metadata_Well")["Cells_ZBF"].median()
    np.testing.assert_allclose(pd.read_parquet(folder / "profiles/dp/none/well.parquet")["emb_0003"], cells, rtol=1e-6)
    answers = pd.read_parquet(folder / "tasks/activity/cp_none.parquet")
    precision = answers[answers["metric"] == "mean_average_precision"].set_index("item")["value"]
    assert precision["x"] > 0.9 > precision["y"]
    ledger = pd.read_parquet(folder / "ledger.parquet")
    kept = ledger[ledger["reason"] == "kept"].set_index(["model", "plate", "stage"])["n"]
    assert kept["cp", "P2", "wells"] == 12
    assert kept["dp", "P1", "rows"] == 36
    assert ledger.query("model == 'dp' and reason == 'no rows'")[["plate", "n"]].values.tolist() == [["P2", 12]]


def test_hits_are_of_the_first_model_and_the_last_correction(done):
    table, csv = (done / "results" / "mine" / f"hits.{end}" for end in ("parquet", "csv"))
    table, csv = pd.read_parquet(table), pd.read_csv(csv)
    assert list(table) == list(csv)
    assert set(table["model"]) == {"cp"}
    assert set(table["correction"]) == {"z"}
    assert list(table["treatment"]) == ["x", "y"]
    assert table["mahalanobis"][0] > 3 * table["mahalanobis"][1]
    assert csv["reason"].str.startswith("undecidable: 6 control positions, 20 are needed").all()


CHANGES = {
    "nothing": (lambda f: None, set()),
    "a table": (lambda f: table("P2", 7).to_csv(f / "cp/P2.csv.gz", index=False), ALL),
    "a new table": (lambda f: table("P3", 7).to_csv(f / "cp/P3.csv.gz", index=False), ALL),
    "which columns are features": (lambda f: replace(f / "test.yaml", "exclude: ZBF", "exclude: ZBX"), ALL),
    "how cells are pooled": (
        lambda f: replace(f / "test.yaml", "object: profile", "object: profile\n    aggregate: {cells: mean}"),
        ALL,
    ),
    "what hits are of": (
        lambda f: replace(f / "test.yaml", "null_size: 200", "correction: none"),
        {"hits", "report"},
    ),
    "a task": (lambda f: replace(f / "test.yaml", "null_size: 100", "null_size: 99"), {"measure", "alarms", "report"}),
    "a setting that changes no result": (
        lambda f: replace(f / "test.yaml", "object: profile", "object: profile\n    min_joined: 0.9"),
        set(),
    ),
}


@pytest.mark.parametrize("change", CHANGES)
def test_what_has_changed_runs_again(done, tmp_path, change):
    folder = shutil.copytree(done, tmp_path / "copy", symlinks=True)
    do, rules = CHANGES[change]
    do(folder)
    assert planned(folder) == rules


def test_the_report_of_snakemake_has_run_times_and_maps(done, tmp_path):
    folder = shutil.copytree(done, tmp_path / "copy", symlinks=True)
    with (folder / "test.yaml").open("a") as config:
        config.write("map: {method: tsne}\n")
    snakemake(folder)
    snakemake(folder, "--report", "report.zip")
    with zipfile.ZipFile(folder / "report.zip") as report:
        names = {name.rsplit("/", 1)[-1] for name in report.namelist()}
    assert {"mine.html", "mine.run.json", "map.parquet"} <= names
