"""What a training depends on, and which encoders are trained at all."""

import zipfile

import numpy as np
import pandas as pd
import pytest
from safetensors.numpy import save_file
from wellread.networks.checksum import sha256_of
from wellread.plan.dag import Plan
from wellread.runtime.errors import InputError

MODELS = {
    "alone": {},
    "taught": {"train": {"supervised": {"label": "moa"}}, "probe": "gene"},
    "chance": {"encoder": {"random": {}}},
}


@pytest.fixture
def config(tmp_path):
    wells = {"plate": ["P1", "P1", "P2"], "well": ["A01", "A02", "A01"], "treatment": ["a", "b", "a"], "control": ""}
    pd.DataFrame(wells | {"moa": ["x", "y", "x"], "gene": ["g", "h", "g"]}).to_csv(tmp_path / "wells.csv", index=False)
    images = {"plate": ["P1", "P1", "P2"], "well": ["A01", "A02", "A01"], "DNA": ["x.tif", "y.tif", "z.tif"]}
    pd.DataFrame(images).to_csv(tmp_path / "images.csv", index=False)
    tables = {"images": {"table": {"path": str(tmp_path / "images.csv")}}, "wells": str(tmp_path / "wells.csv")}
    return {"datasets": {"d": tables | {"channels": ["DNA"]}}, "models": MODELS}


def changed(config, **columns):
    """The plan after a change of the wells table."""
    path = config["datasets"]["d"]["wells"]
    pd.read_csv(path).assign(**columns).to_csv(path, index=False)
    return Plan.of(config)


@pytest.mark.dag
def test_only_labels_that_were_asked_for_train_again(config):
    plan = Plan.of(config)
    assert plan.labels("alone") == []
    assert plan.training_wells("alone") == []
    assert plan.labels("taught") == ["gene", "moa"]
    assert len(plan.training_wells("taught")) == 2  # one for every plate
    other = changed(config, treatment=["c", "d", "e"], new="label")
    assert other.labels_hash("taught") == plan.labels_hash("taught")
    other = changed(config, moa=["x", "y", "z"])
    assert other.labels_hash("taught") != plan.labels_hash("taught")
    assert other.labels_hash("alone") == plan.labels_hash("alone")


@pytest.mark.dag
def test_columns_that_balance_the_cells_train_again(config):
    config["models"] = {"alone": MODELS["alone"], "balanced": MODELS["alone"] | {"fit": {"balance": ["plate", "gene"]}}}
    plan = Plan.of(config)
    assert plan.labels("balanced") == []
    assert len(plan.training_wells("balanced")) == 2
    other = changed(config, moa=["x", "y", "z"])
    assert other.labels_hash("balanced") == plan.labels_hash("balanced")
    other = changed(config, gene=["x", "y", "z"])
    assert other.labels_hash("balanced") != plan.labels_hash("balanced")
    assert other.labels_hash("alone") == ""


def test_a_label_that_is_not_there_is_refused(config):
    config["models"] = {"taught": {"train": {"supervised": {"label": "mao"}}}}
    with pytest.raises(InputError, match="did you mean moa"):
        Plan.of(config)


def test_given_encoders_are_not_trained(config):
    plan = Plan.of(config)
    assert plan.trained() == ["alone", "taught"]
    assert plan.models("d") == ["alone", "taught", "chance"]


REFUSED = {
    "weights that are no file": (
        {"segment": {"cellpose": {"weights": "cyto3", "sha256": "0" * 64}}},
        "no file at cyto3",
    ),
    "illumination functions that are missing": (
        {"calibrate": {"illumination": {"functions": {"path": "{plate}/Illum{channel}.npy"}}}},
        "no file at P1/IllumDNA.npy and 1 others",
    ),
    "a path with other fields": (
        {"calibrate": {"illumination": {"functions": {"path": "{well}.npy"}}}},
        "use only {plate} and {channel}",
    ),
    "a diameter without pixel size": (
        {"segment": {"otsu_watershed": {"diameter": 12}}},
        "datasets.d.segment.otsu_watershed.diameter",
    ),
    "a target without pixel size": ({"crops": {"target_pixel_size": 0.3}}, "datasets.d.crops.target_pixel_size"),
}


def test_weights_with_another_hash_are_refused_before_anything_runs(config, tmp_path):
    save_file({"a": np.zeros(3, np.float32)}, tmp_path / "w.safetensors")
    options = {"path": str(tmp_path / "w.safetensors"), "sha256": "0" * 64, "channels": ["DNA"]}
    config["models"] = {"given": {"encoder": {"cell_dino": options}}}
    with pytest.raises(InputError, match=r"SHA-256 0{64}(?s:.)*models\.given\.encoder\.cell_dino\.path"):
        Plan.of(config)
    options["sha256"] = sha256_of(tmp_path / "w.safetensors")
    Plan.of(config)


def test_weights_that_may_hold_code_need_a_hash(config, tmp_path):
    with zipfile.ZipFile(tmp_path / "w.pth", "w") as file:
        file.writestr("archive/data.pkl", b"")
    config["models"] = {"alone": {"encoder": {"vit": {"start": str(tmp_path / "w.pth")}}}}
    with pytest.raises(InputError, match=r"of a file that may hold code(?s:.)*models\.alone\.encoder\.vit\.start"):
        Plan.of(config)


@pytest.mark.parametrize("case", REFUSED)
def test_what_cannot_work_is_refused_before_anything_runs(config, case):
    change, words = REFUSED[case]
    config["datasets"]["d"] |= change
    with pytest.raises(InputError) as error:
        Plan.of(config)
    assert words in str(error.value)


def test_masks_are_scored_and_shown_only_where_there_are_any(config):
    config["tasks"] = {
        "truth": {"measure": {"segmentation": {"truth": "{stem}.png"}}},
        "near": {"measure": {"knn": {}}},
    }
    config["figures"] = {"cells": {"look": {"cells": {}}}, "map": {"draw": {"umap": {}}}}
    plan = Plan.of(config)
    assert plan.scores("d") == ["truth"]
    assert plan.looks("d") == ["cells"]
    assert {name for name, *_ in plan.results("d", "tasks", "measure")} == {"near"}
    assert {name for name, *_ in plan.results("d", "figures", "draw")} == {"map"}
    config["datasets"]["d"]["object"] = "field"
    with pytest.raises(InputError, match=r"tasks\.truth") as error:
        Plan.of(config)
    assert "figures.cells" in str(error.value)


@pytest.mark.parametrize("figure", [{}, {"look": {"fields": {}}, "draw": {"umap": {}}}])
def test_a_figure_draws_or_looks(config, figure):
    config["figures"] = {"f": {"level": "well", **figure}}
    with pytest.raises(InputError, match="one of draw, look"):
        Plan.of(config)


def test_wells_are_counted_and_what_was_taken_for_granted_is_told(config):
    config["models"] = {"alone": {}}
    plan = changed(config, moa=["x", "NA", "x"])
    assert plan.notes == [
        f"{config['datasets']['d']['wells']}: 1 cell of moa with NA or the like, taken as missing",
        "datasets.d: 3 wells with images on 2 plates; 3 wells in the wells table on 2 plates; 3 in both",
    ]


def test_too_few_wells_in_common_are_refused_unless_the_config_lets_them_through(config):
    with pytest.raises(
        InputError, match=r"(?s)plate P1: 0 of 2 wells.*'A01', 'A02'.*'H01', 'H02'.*datasets\.d\.min_joined"
    ):
        changed(config, well=["H01", "H02", "A01"])
    config["datasets"]["d"]["min_joined"] = 0
    config["models"] = {"alone": {}}
    assert "get no profile" in Plan.of(config).notes[1]


def test_how_many_must_join_changes_no_result(config):
    before = Plan.of(config).result_settings
    config["datasets"]["d"]["min_joined"] = 0.1
    assert Plan.of(config).result_settings == before


def test_training_reads_the_wells_of_the_section(config):
    config["datasets"]["d"]["controls"] = {"negative": ["a"]}
    section = {"wells": config["datasets"]["d"]["wells"], "controls": {"negative": ["a"]}}
    plan = Plan.of(config)
    assert plan.training_wells("taught") == [section] * 2
    assert plan.wells["d"]["control"].tolist() == ["negative", "", "negative"]
