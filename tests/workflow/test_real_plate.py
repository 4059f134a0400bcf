"""A real plate from raw TIFFs to the report: a translocation assay with two PI3K inhibitors in nine doses (BBBC013)."""

import numpy as np
import pandas as pd
import pytest
import yaml
from flow import clone, snakemake, write_config
from paths import SHARED
from wellread.profiles import similarity, tables

DATA = SHARED / "data" / "sbs_plate"
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not DATA.exists(), reason="no images beside the repository in shared/data/sbs_plate"),
]


def wells_table():
    """The plate map in our columns; compounds by their names, controls by what they are."""
    given = pd.read_csv(DATA / "metadata.csv", keep_default_na=False)
    treated = given["control"] == ""
    names = given["control"].map({"negative": "DMSO", "positive": "positive control"})
    return pd.DataFrame(
        {
            "plate": "BBBC013",
            "well": given["well"],
            "treatment": given["drug_half"].where(treated, names),
            "dose": given["dose_index"].where(treated, 0),
            "control": given["control"],
        }
    )


@pytest.fixture(scope="module")
def results(tmp_path_factory):
    folder = clone(tmp_path_factory.mktemp("real"))
    wells_table().to_csv(folder / "wells.csv", index=False)
    config = yaml.safe_load((folder / "config" / "datasets" / "bbbc013.yaml").read_text())
    dataset = config["datasets"]["bbbc013"]
    dataset["images"]["pattern"]["folder"] = str(DATA)
    dataset["wells"] = "wells.csv"
    write_config(folder, config)
    snakemake(folder)
    return folder / "results" / "bbbc013"


def answer(results, task):
    frame = pd.read_parquet(results / "tasks" / task / "tiny_none.parquet")
    return frame[frame["repeat"] == 0].set_index(["metric", "item"])["value"]


def test_positive_and_negative_controls_separate_perfectly(results):
    assert answer(results, "controls")["accuracy", ""] == 1


def test_so_do_all_controls_those_for_fitting_corrections_too(results):
    meta, X = tables.split(pd.read_parquet(results / "profiles" / "tiny" / "none" / "well.parquet"))
    controls = (meta["Metadata_control"] != "").to_numpy()
    meta, kind = meta[controls], meta.loc[controls, "Metadata_control"].to_numpy()
    nearest = similarity.nearest_neighbours(X[controls], similarity.exclusion_codes(meta, ["well"]), 1)[0][:, 0]
    assert len(kind) == 12
    assert (kind[nearest] == kind).all()


def test_the_assay_is_excellent(results):
    assert answer(results, "assay")["z_prime", ""] > 0.5


def test_distance_to_the_negative_controls_grows_with_dose(results):
    told = answer(results, "dose")["spearman"]
    assert told["wortmannin"] > 0.8
    assert told["LY294002"] > 0.8


def test_high_doses_are_nearest_to_the_other_compound_or_the_positive_control(results):
    meta, X = tables.split(pd.read_parquet(results / "profiles" / "tiny" / "none" / "treatment.parquet"))
    codes = similarity.exclusion_codes(meta, ["treatment"])  # never of the own compound
    nearest = similarity.nearest_neighbours(X, codes, 1)[0][:, 0]
    high = meta["Metadata_dose"].between(5, 9).to_numpy()
    strong = high | (meta["Metadata_control"] == "positive").to_numpy()
    assert high.sum() == 10
    for row in np.flatnonzero(high):
        assert strong[nearest[row]], (meta.iloc[row].tolist(), meta.iloc[nearest[row]].tolist())
