"""Tables and configs of users that are refused while the DAG is planned, with a message that says what to change."""

import pandas as pd
import pytest
from flow import small_config, write_tables
from wellread.plan.dag import Plan
from wellread.runtime.errors import InputError

pytestmark = pytest.mark.dag


@pytest.fixture
def screen(tmp_path, monkeypatch):
    """A folder with the tables of two painted plates, which is where we are."""
    write_tables(tmp_path, ("P1", "P2"))
    monkeypatch.chdir(tmp_path)
    return tmp_path


def refused(config: dict, words: list[str]) -> None:
    with pytest.raises(InputError) as error:
        Plan.of(config)
    assert all(word in str(error.value) for word in ["expected", "found", "where", "edit", *words]), error.value


def without(key):
    return lambda frame: frame.drop(columns=key)


BAD_TABLES = {
    "missing column": ("images.csv", without("ER"), ["no ER among plate, well, site, DNA", "rename or add the column"]),
    "no treatment": ("wells.csv", without("treatment"), ["no treatment", "wells.csv"]),
    "duplicate well": ("wells.csv", lambda f: pd.concat([f, f.iloc[[3]]]), ["again", "row 50", "renumber"]),
    "other plates": (
        "wells.csv",
        lambda f: f.assign(plate="Q" + f["plate"]),
        ["same plate names", "plate P1: not in the wells table, which has 'QP1', 'QP2'"],
    ),
    "long plate": (
        "images.csv",
        lambda f: f.assign(plate=f["plate"] + "x" * 99),
        ["text that matches", "{0,99}", "plate"],
    ),
    "plates by case": (
        "images.csv",
        lambda f: f.assign(plate=f["plate"].replace("P2", "p1")),
        ["P1 and p1", "plates whose names differ in more than case"],
    ),
    "a plate like a folder": (
        "images.csv",
        lambda f: f.assign(plate=f["plate"].replace("P1", "Painted")),
        ["a plate called Painted"],
    ),
    "empty channel": ("images.csv", lambda f: f.assign(Mito=""), ["files of every channel", "none of Mito"]),
}


@pytest.mark.parametrize("case", BAD_TABLES)
def test_bad_tables(screen, case):
    Plan.of(small_config())
    name, spoil, words = BAD_TABLES[case]
    spoil(pd.read_csv(name, dtype=str, keep_default_na=False)).to_csv(name, index=False)
    refused(small_config(), words)


@pytest.mark.parametrize(
    ("keys", "value", "words"),
    [
        (
            ["datasets", "small", "crops", "size"],
            "forty",
            ["a whole number or auto", "'forty'", "datasets.small.crops.size"],
        ),
        (["datasets", "small", "crops", "size"], 4, ["at least 8", "datasets.small.crops.size"]),
        (["models", "tiny", "embed"], {"features": "all"}, ["one of cls", "'all'", "models.tiny.embed.features"]),
        (["models", "tiny", "train_on"], ["smal"], ["smal", "did you mean small?", "models.tiny.train_on"]),
        (["datasets", "small", "segment"], {"otsu_watershed": {"cell": "rna"}}, ["did you mean RNA?"]),
        (["datasets", "small", "wells"], "well.csv", ["no file at well.csv", "datasets.small.wells"]),
        (["corrections", "sphering"], [{"spherize": {}}], ["spherize -> sphering", "corrections.sphering.0"]),
    ],
)
def test_bad_configs(screen, keys, value, words):
    config = entry = small_config()
    for key in keys[:-1]:
        entry = entry[key]
    entry[keys[-1]] = value
    refused(config, words)
