"""Which files the section `export` of the config asks for."""

import pytest
from wellread.plan import exports
from wellread.plan.dag import Plan
from wellread.runtime.errors import InputError

CONFIG = {
    "datasets": {
        "d": {
            "images": {"painted": {"plates": 1}},
            "wells": "resources/demo/wells.csv",
            "channels": ["DNA", "RNA"],
        }
    },
    "models": {
        "tiny": {},
        "count": {"encoder": {"cell_count": {}}},
    },
    "corrections": {
        "z": [{"standardize": {}}],
        "none": [],
        "best": {"choose": {"by": "mechanism", "among": ["none", "z"]}},
    },
    "tasks": {"mechanism": {"level": "treatment", "measure": {"nearest_class": {"label": "moa"}}}},
}


def plan(**changes):
    return Plan.of(CONFIG | changes)


def test_nothing_is_exported_unless_it_is_asked_for():
    assert exports.files(plan(), "d") == []
    assert exports.tables_as_csv(plan()) == []


def test_tables_of_plates_profiles_answers_and_training_become_csv():
    csv = exports.files(plan(export={"csv": True}), "d")
    assert csv == [f"results/{table}.csv" for table in exports.tables_as_csv(plan(export={"csv": True}))]
    assert len(csv) == len(set(csv)) == 5 + (7 + 6) + 2 + 2 * 3 + 1 + 1
    assert {
        "results/d/P1/objects.csv",
        "results/d/P1/rejected.csv",
        "results/d/profiles/tiny/none/cell.csv",
        "results/d/profiles/count/z/treatment.csv",
        "results/d/profiles/tiny/best/chosen.csv",
        "results/d/tasks/mechanism/tiny_best.csv",
        "results/d/ledger.csv",
        "results/models/tiny/training.csv",
    } <= set(csv)


def test_profiles_of_every_correction_and_level_become_anndata():
    h5ad = exports.files(plan(export={"h5ad": True}), "d")
    levels = {"tiny": {"cell", "fov", "well", "treatment"}, "count": {"fov", "well", "treatment"}}
    for model, own in levels.items():
        start = f"results/d/profiles/{model}/none/"
        assert {path.removeprefix(start) for path in h5ad if path.startswith(start)} == {f"{one}.h5ad" for one in own}
    assert "results/d/profiles/tiny/z/cell.h5ad" not in h5ad
    assert not any("/best/" in path for path in h5ad)


def test_a_level_whose_columns_are_not_there_is_left_out():
    dataset = CONFIG["datasets"]["d"] | {"consensus": {"by": ["gene"]}}
    changes = {"datasets": {"d": dataset}, "tasks": {}, "corrections": {"none": []}, "export": {"h5ad": True}}
    assert not any(path.endswith("treatment.h5ad") for path in exports.files(plan(**changes), "d"))


def test_masks_of_segmented_plates_become_ome_tiff():
    assert exports.files(plan(export={"ome_tiff": True}), "d") == ["results/d/P1/masks"]
    dataset = CONFIG["datasets"]["d"] | {"object": "field"}
    changes = {"datasets": {"d": dataset}, "export": {"ome_tiff": True, "csv": True}}
    files = exports.files(plan(**changes), "d")
    assert "results/d/P1/masks" not in files
    assert "results/d/P1/objects.csv" not in files
    assert "results/d/P1/cells.csv" in files


def test_anndata_files_say_what_they_are_of():
    own = plan()
    about = exports.about_profiles(own, "d", "tiny", "z", "well")
    assert (about["channels"], about["seed"], about["steps"][:14]) == (["DNA", "RNA"], 0, '[{"standardize')
    assert "crops" not in about
    assert "crops.npy" in exports.about_profiles(own, "d", "tiny", "none", "cell")["crops"]
    assert exports.row_keys(own, "d", "cell") == ["plate", "well", "site", "crop_row"]
    assert exports.row_keys(own, "d", "treatment") == ["treatment", "dose"]


def test_what_is_exported_changes_no_settings_of_results():
    assert plan(export={"csv": True}).result_settings == plan().result_settings


def test_a_format_that_there_is_not_is_named():
    with pytest.raises(InputError, match="did you mean h5 -> h5ad"):
        plan(export={"h5": True})
