"""Figures of patch tokens: of which models there are any, and what is refused before a run."""

import pytest
from wellread.plan import settings
from wellread.plan.results import Results
from wellread.runtime.errors import InputError


def loaded(keep_crops=True, **figure):
    dataset = {"images": {"table": {"path": "i.csv"}}, "wells": "w.csv", "channels": ["DNA"], "keep_crops": keep_crops}
    dataset["segment"] = {"otsu_watershed": {"nucleus": "DNA"}}
    models = {"vit": {"encoder": {"random": {}}, "baseline": False}, "mean": {"encoder": {"mean_intensity": {}}}}
    figures = {"f": {"patches": {"pca": {"label": "gene"}}} | figure}
    return settings.load({"datasets": {"d": dataset}, "models": models, "figures": figures})


def test_pictures_are_of_models_with_patch_tokens():
    plan = Results(loaded(models=["vit"]))
    assert plan.patches("d") == ["results/d/figures/f/vit.patches.png"]
    assert plan.patched_cells("f") == {"label": "gene", "values": [], "each": 2}
    assert Results(loaded()).patches("d") == ["results/d/figures/f/vit.patches.png"]


@pytest.mark.parametrize(
    ("figure", "words"),
    [
        ({"models": ["vit", "mean"]}, ["figures.f.models", "found     mean"]),
        ({"keep_crops": False}, ["figures.f.datasets", "crops that are kept"]),
        ({"where": {"gene": "x"}}, ["figures.f", "where of tasks and figures of profiles only"]),
        ({"look": {"fields": {}}}, ["figures.f", "one of draw, look, patches"]),
    ],
)
def test_what_has_none_is_refused(figure, words):
    with pytest.raises(InputError) as error:
        loaded(**figure)
    assert all(word in str(error.value) for word in words), error.value
