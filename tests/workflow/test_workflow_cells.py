"""The DAG from fields to cells: segmenters that bring weights or masks, whole fields as objects."""

import hashlib
import shutil

import numpy as np
import pandas as pd
import pytest
import tiny_cellpose
from flow import planned, small, small_config, snakemake, write_config
from wellread.profiles import tables

pytestmark = pytest.mark.dag
TRUTH = "raw/{plate}/truth.tif"
PROFILES = "results/{}/profiles/{}/none/well.parquet"
OF_WHOLE_FIELDS = [PROFILES.format("whole", model) for model in ("tiny", "learned")]
RANDOM = {"arch": "tiny", "dim": 32, "depth": 1, "heads": 2, "image": 32, "patch": 8}
VARIANTS = {  # dataset: what is not as in the small one
    "given": {"segment": {"precomputed": {"nucleus": TRUTH, "cell": TRUTH}}},
    "whole": {"object": "field", "crops": {"size": 40, "fit": "resize"}, "keep_crops": False},
}


def config_with(**datasets) -> dict:
    """One dataset for each of `datasets`, the small one but for the keys given, with an encoder that knows nothing."""
    config = small_config(corrections={"none": []}, models={"tiny": {"encoder": {"random": RANDOM}}})
    base = config["datasets"].pop("small")
    config["datasets"] = {name: base | own for name, own in datasets.items()}
    cells = [name for name, own in datasets.items() if own.get("object") != "field"]
    config["tasks"] = {"nuclei": config["tasks"]["nuclei"] | {"datasets": cells}}
    config["figures"] = {"maps": {"look": {"plates": {}}}, "overlays": {"look": {"fields": {}}}}
    return config


def overall(folder, dataset, metric):
    frame = pd.read_parquet(folder / "results" / dataset / "tasks" / "nuclei" / "masks.parquet")
    return frame[frame["item"] == ""].set_index("metric")["value"][metric]


def with_models(**more) -> dict:
    """The config of all variants, with a model that is trained on crops that do not stay, and `more` models."""
    learned = small_config()["models"]["tiny"] | {
        "train_on": ["whole"],
        "plates": [],
        "fit": {"epochs": 2, "batch": 16},
    }
    learned["fit"]["warmup_epochs"] = 0
    config = config_with(**VARIANTS)
    config["models"] |= {"learned": learned} | more
    return config


@pytest.fixture(scope="module")
def painted(tmp_path_factory):
    """A painted plate with a config, and nothing made of it."""
    folder = small(tmp_path_factory.mktemp("cells"), plates=("P1",))
    write_config(folder, with_models())
    return folder


@pytest.fixture(scope="module")
def screen(painted, tmp_path_factory):
    """A copy of the painted plate, and the profiles of its whole fields, whose crops did not stay."""
    folder = shutil.copytree(painted, tmp_path_factory.mktemp("profiled"), dirs_exist_ok=True)
    snakemake(folder, "--", *OF_WHOLE_FIELDS)
    return folder


@pytest.mark.slow
def test_masks_made_elsewhere(screen):
    snakemake(screen, "--", "results/given/tasks/nuclei/masks.parquet")
    assert overall(screen, "given", "f1_0.95") == overall(screen, "given", "aji") == 1


def test_crops_that_do_not_stay_are_cut_for_what_needs_them(painted):
    crops = {"calibrate P1", "temporary_crops P1", "train", "crops_to_embed P1"}
    assert planned(painted, *OF_WHOLE_FIELDS) == crops | {"embed P1", "pool P1", "aggregate"}


@pytest.mark.slow
def test_whole_fields_as_objects(screen):
    meta, X = tables.split(pd.read_parquet(screen / PROFILES.format("whole", "tiny")))
    assert len(meta) == 24
    assert np.isfinite(X).all()
    assert not (screen / "results" / "whole" / "P1" / "masks.tif").exists()


@pytest.mark.slow
def test_a_report_of_whole_fields(screen):
    snakemake(screen, "--", "results/reports/whole.html")
    assert (screen / "results" / "reports" / "whole.html").stat().st_size > 10_000


@pytest.mark.slow
def test_crops_that_do_not_stay_are_not_made_again(screen):
    assert not list(screen.glob("results/whole/P1/*.npy"))
    assert planned(screen, *OF_WHOLE_FIELDS) == set()


@pytest.mark.slow
def test_crops_made_again_for_a_new_model_train_no_other(screen):
    config = with_models(second={"encoder": {"random": RANDOM}, "embed_on": ["whole"]})
    write_config(screen, config, "second.yaml")
    targets = *OF_WHOLE_FIELDS, PROFILES.format("whole", "second")
    jobs = {"crops_to_embed P1", "embed P1", "pool P1", "aggregate"}
    assert planned(screen, *targets, config="second.yaml") == jobs
    write_config(screen, with_models() | {"corrections": {"none": [], "c": [{"standardize": {}}]}}, "second.yaml")
    corrected = PROFILES.format("whole", "tiny").replace("none", "c")
    assert planned(screen, *OF_WHOLE_FIELDS, corrected, config="second.yaml") == {"correct"}


def cellpose(weights, digest):
    return {"cellpose": {"weights": str(weights), "sha256": digest, "nucleus": "DNA", "cell": ["RNA", "DNA"]}}


def test_weights_of_a_segmenter_are_files_and_inputs_of_it(painted, tmp_path):
    weights = tmp_path / "weights"
    weights.write_bytes(b"\x00\x01some")
    digest = hashlib.sha256(weights.read_bytes()).hexdigest()
    write_config(painted, config_with(net={"segment": cellpose(weights, digest)}), "net.yaml")
    plan = snakemake(painted, "-n", "--quiet", "host", "--", "results/net/P1/masks.tif", config="net.yaml")
    assert str(weights) in plan[plan.index("rule segment:") :]
    write_config(painted, config_with(net={"segment": cellpose(weights, digest[::-1])}), "net.yaml")
    assert f"SHA-256 {digest[::-1]}" in snakemake(painted, "-n", config="net.yaml", fine=False)
    write_config(painted, config_with(net={"segment": cellpose("cyto3", digest)}), "net.yaml")
    output = snakemake(painted, "-n", config="net.yaml", fine=False)
    assert "no file at cyto3" in output
    assert "datasets.net.segment.cellpose.weights" in output


@pytest.mark.slow
def test_cellpose_with_weights_by_path(screen, tmp_path):
    weights = tiny_cellpose.train(tmp_path)
    digest = hashlib.sha256(weights.read_bytes()).hexdigest()
    write_config(screen, config_with(net={"segment": cellpose(weights, digest)}), "net.yaml")
    made = "results/net/tasks/nuclei/masks.parquet", PROFILES.format("net", "tiny")
    snakemake(screen, "--", *made, config="net.yaml")
    assert overall(screen, "net", "f1_0.50") > 0.8
    write_config(screen, config_with(net={"segment": cellpose(weights, digest[::-1])}), "net.yaml")
    assert digest in snakemake(screen, "--", "results/net/P1/masks.tif", config="net.yaml", fine=False)
