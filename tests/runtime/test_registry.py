"""What the config may name is declared beside the function, and known without importing it."""

import subprocess
import sys

import pytest
from paths import ROOT
from wellread.runtime import registry
from wellread.runtime.registry import choice, choices, chosen, pick


def test_a_choice_is_called_like_its_function():
    assert choices("train")["simclr"].load().__name__ == "SimCLR"
    assert choices("measure")["knn"].module == "measure.knn"


def test_options_are_bound():
    step = pick("correction", {"sphering": {"regularisation": 0.5}})
    assert step.func is choices("correction")["sphering"].load()
    assert step.keywords == {"regularisation": 0.5}


def test_declarations_are_read_from_the_source():
    assert chosen("segment", {"cellpose": {}}).files == ("weights", "nucleus_weights")
    assert {name for name, one in choices("segment").items() if one.network} == {"cellpose", "hpa", "unet"}
    assert {name for name, one in choices("encoder").items() if one.trained} == {"vit"}
    assert {name for name, one in choices("measure").items() if one.masks} == {"segmentation"}
    assert choices("measure")["average_precision"].levels == ("well",)


def test_a_slip_in_a_declaration_is_refused():
    with pytest.raises(TypeError, match="level"):
        choice("measure", level=("well",))


def test_a_section_nobody_marks_is_refused():
    with pytest.raises(KeyError, match="measures"):
        choices("measures")


def test_marks_are_found_in_every_room(tmp_path, monkeypatch):
    (tmp_path / "measure").mkdir()
    (tmp_path / "measure" / "new.py").write_text(
        'import nothing_like_it\n\n\n@choice("measure", masks=True)\ndef new(): ...\n'
    )
    monkeypatch.setattr(registry, "PACKAGE", tmp_path)
    registry._all.cache_clear()
    try:
        assert list(registry._all()) == [registry.Choice("measure", "new", "measure.new", "new", masks=True)]
    finally:
        registry._all.cache_clear()


@pytest.mark.dag
def test_planning_imports_no_network_and_no_picture_library():
    heavy = {"torch", "skimage", "matplotlib", "umap", "cellpose", "scipy.ndimage", "sklearn", "tifffile"}
    code = "import sys, wellread.plan.dag, wellread.plan.manual; print(*sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT / "workflow", capture_output=True, text=True, check=True
    )
    assert not heavy & set(done.stdout.split())
