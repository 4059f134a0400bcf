"""A grid of settings as a user runs it: trained, chosen, asked what it says; a new value trains itself alone."""

import re

import numpy as np
import pandas as pd
import pytest
import tifffile
from flow import clone, snakemake, write_config
from wellread.train.validation import SCORE

pytestmark = [pytest.mark.dag, pytest.mark.slow]
SETS = np.repeat(["train", "validation", "test"], 6)
RATES, ASKED = [1.0e-6, 2.0e-2], "results/d/tasks/own/cnn_none.parquet"


def config(rates):
    images = {"table": {"path": "images.csv"}}
    dataset = {"images": images, "wells": "wells.csv", "channels": ["DNA"], "object": "crop", "crops": {"size": 16}}
    model = {
        "encoder": {"vit": {"dim": 16, "depth": 1, "heads": 2, "patch": 8, "image": 16, "layer_scale": 1.0}},
        "train": {"supervised": {"label": "kind", "labels": {"split": "set"}}},
        "fit": {"batch": 8, "epochs": 20},
        "embed": {"features": "head"},
        "grid": {"fit.base_lr": rates},
    }
    own = {"level": "well", "measure": {"own_head": {"label": "kind", "permutations": 2}}}
    return {"device": "cpu", "datasets": {"d": dataset}, "models": {"cnn": model}, "tasks": {"own": own}}


@pytest.fixture(scope="module")
def done(tmp_path_factory):
    """Crops of stripes along one of two axes."""
    folder, rng = clone(tmp_path_factory.mktemp("grid")), np.random.default_rng(0)
    wells = pd.DataFrame({"plate": "P1", "well": [f"A{i:02d}" for i in range(1, 19)], "control": "", "set": SETS})
    wells = wells.assign(treatment=wells["well"], kind=["rows", "columns"] * 9)
    wells.to_csv(folder / "wells.csv", index=False)
    images = wells[["plate", "well"]].merge(pd.DataFrame({"site": range(4)}), how="cross")
    images["DNA"] = [f"{i}.tif" for i in range(len(images))]
    images.to_csv(folder / "images.csv", index=False)
    for i, path in enumerate(images["DNA"]):
        light = 200 + 100 * np.sin(np.arange(16) * 1.6)[:, None] + rng.normal(0, 20, (16, 16))
        tifffile.imwrite(folder / path, (light if i // 4 % 2 == 0 else light.T).astype(np.uint16))
    write_config(folder, config(RATES))
    snakemake(folder, "--", ASKED)
    return folder


def test_the_best_on_wells_that_validate_becomes_the_model(done):
    folder = done / "results" / "models" / "cnn"
    table = pd.read_csv(folder / "grid.csv")
    assert table["fit.base_lr"].tolist() == RATES
    assert table["chosen"].tolist() == [False, True]
    cells = [folder / "grid" / f"base_lr={rate!r}" for rate in RATES]
    weights = [(cell / "weights.safetensors").read_bytes() for cell in cells]
    assert (folder / "weights.safetensors").read_bytes() == weights[1] != weights[0]
    assert pd.read_parquet(cells[0] / "training.parquet")[SCORE].iloc[-1] == table[SCORE][0] < table[SCORE][1]
    answers = pd.read_parquet(done / ASKED).set_index("metric")["value"]
    assert answers["macro_f1_present"] > 0.8


def test_a_new_value_trains_itself_alone(done):
    assert "Nothing to be done" in snakemake(done, "-n", "--", ASKED)
    write_config(done, config([*RATES, 1.0e-2]))
    told = snakemake(done, "-n", "--quiet", "host", "--", ASKED)
    assert re.findall(r"rule train:.*?wildcards: model=(\S+)", told, re.DOTALL) == ["cnn/grid/base_lr=0.01"]
    assert re.findall(r"rule (select|embed):", told) == ["select", "embed"]
