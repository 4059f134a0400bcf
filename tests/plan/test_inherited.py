"""Models that are like another one: only what they say themselves differs."""

import pytest
import yaml
from wellread.plan import settings
from wellread.plan.inherited import inherited
from wellread.runtime.errors import InputError

BASE = """
datasets: {d: {images: {painted: {}}, wells: w.csv, channels: [DNA]}}
models:
  base:
    encoder: {vit: {dim: 64, depth: 4, heads: 2}}
    train: {dino: {prototypes: 256}}
    views: {drop_channel: 0.2, scale: [0.4, 1.0]}
    fit: {batch: 64, epochs: 6}
"""


def models(text):
    return inherited(yaml.safe_load(BASE + text))["models"]


def test_a_model_has_what_it_does_not_say_of_the_other_however_deep():
    found = models("  other: {like: base, views: {drop_channel: 0.0, scale: [0.1, 0.2]}, fit: {epochs: 2}}\n")
    expected = found["base"] | {"views": {"drop_channel": 0.0, "scale": [0.1, 0.2]}, "fit": {"batch": 64, "epochs": 2}}
    assert found["other"] == expected
    assert found["base"] == yaml.safe_load(BASE)["models"]["base"]


def test_another_choice_replaces_and_the_same_one_is_changed():
    found = models("  a: {like: base, train: {mae: {}}}\n  b: {like: base, encoder: {vit: {dim: 32}}}\n")
    assert found["a"]["train"] == {"mae": {}}
    assert found["b"]["encoder"] == {"vit": {"dim": 32, "depth": 4, "heads": 2}}


def test_a_model_can_be_like_one_that_is_like_another_in_any_order():
    found = models("  second: {like: first, fit: {batch: 8}}\n  first: {like: base, fit: {epochs: 1}}\n")
    assert found["second"]["fit"] == {"batch": 8, "epochs": 1}


def test_it_is_the_same_as_written_out_and_the_table_of_ablations_is_a_line_each():
    """Brightness, contrast and dropped channels on and off: eight models."""
    lines = [
        f"  m{number}: {{like: base, views: {{brightness: {b}, contrast: {c}, drop_channel: {d}}}}}"
        for number, (b, c, d) in enumerate((b, c, d) for b in (0.0, 0.8) for c in (0.0, 0.8) for d in (0.0, 0.5))
    ]
    filled = settings.load(yaml.safe_load(BASE + "\n".join(lines)))["models"]
    assert len(filled) == 9
    assert all("like" not in model for model in filled.values())
    assert (
        len(
            {
                tuple(model["views"][key] for key in ("brightness", "contrast", "drop_channel"))
                for model in filled.values()
            }
        )
        == 9
    )
    written = yaml.safe_load(BASE)
    written["models"]["m0"] = written["models"]["base"] | {
        "views": {"brightness": 0.0, "contrast": 0.0, "drop_channel": 0.0, "scale": [0.4, 1.0]}
    }
    assert settings.load(written)["models"]["m0"] == filled["m0"]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("  a: {like: bsae}\n", ["base", "bsae", "models.a.like"]),
        ("  a: {like: b}\n  b: {like: a}\n", ["not like itself", "a -> b -> a"]),
        ("  a: {like: a}\n", ["not like itself"]),
        ("  a: {like: [base]}\n", ["models.a.like"]),
    ],
)
def test_slips_are_refused(text, words):
    with pytest.raises(InputError) as error:
        settings.load(yaml.safe_load(BASE + text))
    assert all(word in str(error.value) for word in words), error.value
