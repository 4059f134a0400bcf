"""The DAG from fields to cells: segmenters that bring weights or masks, crops that do not stay, whole fields."""

import hashlib
import shutil

import numpy as np
import pandas as pd
import pytest
import tiny_cellpose
from flow import hashes, planned, replace, small, small_config, snakemake, write_config
from wellread.profiles import tables

PROFILES = "results/small/profiles/tiny/none/well.parquet"


def config_with(dataset: dict, **changes) -> dict:
    """The small config with some keys of its dataset replaced, and without corrections."""
    config = small_config(corrections={"none": []}, **changes)
    config["datasets"]["small"] |= dataset
    return config


def overall(folder, metric):
    frame = pd.read_parquet(folder / "results" / "small" / "tasks" / "nuclei" / "masks.parquet")
    return frame[frame["item"] == ""].set_index("metric")["value"][metric]


@pytest.fixture(scope="module")
def screen(tmp_path_factory):
    """Two painted plates, and nothing made of them yet."""
    return small(tmp_path_factory.mktemp("cells"))


@pytest.fixture
def fresh(screen):
    """The plates, with the results of earlier tests gone."""
    yield screen
    shutil.rmtree(screen / "results")


def test_crops_that_do_not_stay_change_nothing_else(screen):
    write_config(screen, config_with({}))
    snakemake(screen)
    kept = hashes(screen)
    shutil.rmtree(screen / "results")
    write_config(screen, config_with({"keep_crops": False}))
    snakemake(screen)
    passed = hashes(screen)
    gone = {name for name in kept if name.endswith(("/crops.npy", "/outlines.npy"))}
    assert len(gone) == 4
    assert not gone & set(passed)
    same = {name for name in kept if not name.endswith(".html")} - gone
    assert {name: passed[name] for name in same} == {name: kept[name] for name in same}
    assert planned(screen) == set()
    page = screen / "workflow" / "wellread" / "report" / "page.html"
    replace(page, "</body>", "<p>.</p></body>")
    assert planned(screen) == {"report"}
    shutil.rmtree(screen / "results")


def test_masks_made_elsewhere(fresh):
    truth = "raw/{plate}/truth.tif"
    write_config(fresh, config_with({"segment": {"precomputed": {"nucleus": truth, "cell": truth}}}))
    snakemake(fresh, "--", "results/small/tasks/nuclei/masks.parquet", PROFILES)
    assert overall(fresh, "f1_0.95") == overall(fresh, "aji") == 1


def test_cellpose_with_weights_by_path(fresh, tmp_path):
    weights = tiny_cellpose.train(tmp_path)
    digest = hashlib.sha256(weights.read_bytes()).hexdigest()
    section = {"cellpose": {"weights": str(weights), "sha256": digest, "nucleus": "DNA", "cell": ["RNA", "DNA"]}}
    write_config(fresh, config_with({"segment": section}))
    snakemake(fresh, "--", "results/small/tasks/nuclei/masks.parquet", PROFILES)
    assert overall(fresh, "f1_0.50") > 0.8
    section["cellpose"]["sha256"] = digest[::-1]
    write_config(fresh, config_with({"segment": section}))
    assert digest in snakemake(fresh, "--", "results/small/P1/masks.tif", fine=False)
    section["cellpose"] |= {"weights": "cyto3"}
    write_config(fresh, config_with({"segment": section}))
    told = snakemake(fresh, "-n", fine=False)
    assert "no file at cyto3" in told
    assert "datasets.small.segment.cellpose.weights" in told


def test_whole_fields_as_objects(fresh):
    config = config_with({"object": "field", "crops": {"size": 40, "fit": "resize"}}, tasks={})
    config["figures"] = {"maps": {"look": {"plates": {}}}, "overlays": {"look": {"fields": {}}}}
    write_config(fresh, config)
    snakemake(fresh)
    meta, X = tables.split(pd.read_parquet(fresh / PROFILES))
    assert len(meta) == 48
    assert np.isfinite(X).all()
    assert (fresh / "results" / "reports" / "small.html").stat().st_size > 10_000
