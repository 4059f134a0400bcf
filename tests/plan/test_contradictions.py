"""Settings of one config that contradict each other are refused, each with what to write instead."""

import pytest
from wellread.plan import settings
from wellread.runtime.errors import InputError


def config(model=None, **dataset):
    section = {"images": {"table": {"path": "i.csv"}}, "wells": "w.csv", "channels": ["DNA"]} | dataset
    return {"datasets": {"d": section}, "models": {"m": {} if model is None else model}}


def vit(**options):
    return {"encoder": {"vit": options}}


def dino(**options):
    return {"train": {"dino": options}}


EXPORTED = {"path": "n.pt", "sha256": "0" * 64, "channels": ["DNA"]}
REFUSED = [
    (config({"fit": {"epochs": 5, "warmup_epochs": 20}}), "models.m.fit.warmup_epochs", "20", "write 1 or"),
    (config({"fit": {"epochs": 20, "warmup_epochs": 20}}), "models.m.fit.warmup_epochs", "20", "write 4 or"),
    (config({"fit": {"epochs": 30, "warmup_epochs": 31}}), "models.m.fit.warmup_epochs", "31", "write 6 or"),
    (config({"fit": {"freeze_backbone_epochs": 100}}), "models.m.fit.freeze_backbone_epochs", "100", "write 20"),
    (config(dino(temperature_epochs=101)), "models.m.train.dino.temperature_epochs", "101", "write 20"),
    (config(dino(freeze_epochs=100)), "models.m.train.dino.freeze_epochs", "100", "write 20"),
    (config({"fit": {"batch": 100, "accumulate": 3}}), "models.m.fit.batch", "100", "write 99"),
    (config({"fit": {"batch": 6}, "processes": 4}), "models.m.fit.batch", "6", "write 8"),
    (config({"fit": {"batch": 4, "accumulate": 4}}), "at least 8", "4", "models.m.fit.batch"),
    (config(vit(image=100)), "models.m.encoder.vit.image", "100", "write 96 or 104"),
    (config({"encoder": {"random": {"image": 99, "patch": 16}}}), "encoder.random.image", "99", "write 96 or 112"),
    (config(vit(dim=100)), "models.m.encoder.vit.dim", "100", "write 96 or 102"),
    (config(vit(heads=5)), "models.m.encoder.vit.dim", "384", "write 380 or 385"),
    (config({"embed": {"view": 130}}), "models.m.embed.view", "130", "write 128 or 136"),
    (config({"embed": {"blocks": 13}}), "models.m.embed.blocks", "13", "write 12 or fewer"),
    *(
        (
            config({"encoder": {"cell_count": {}}, "embed": {name: 1.0}}),
            f"models.m.embed.{name}",
            "cell_count",
            f"{{{name}: {{}}}}",
        )
        for name in ("intensity", "texture")
    ),
    (config(dino(local_views=2, local_image=60)), "train.dino.local_image", "60", "write 56 or 64"),
    (config(dino(local_views=2, local_image=136)), "train.dino.local_image", "136", "write 64"),
    (config({"train": {"mae": {"decoder_dim": 100}}}), "train.mae.decoder_dim", "100", "write 96 or 112"),
    (config({"views": {"scale": [1.0, 0.3]}}), "models.m.views.scale", "[1.0, 0.3]", "write [0.3, 1.0]"),
    (config(dino(local_scale=[0.3, 0.1])), "train.dino.local_scale", "[0.3, 0.1]", "write [0.1, 0.3]"),
    (config(dino(mask_ratio=[0.5, 0.1])), "train.dino.mask_ratio", "[0.5, 0.1]", "write [0.1, 0.5]"),
    (config(calibrate={"percentiles": [99.9, 0.1]}), "d.calibrate.percentiles", "[99.9, 0.1]", "write [0.1, 99.9]"),
    (config(calibrate={"percentiles": [50, 50]}), "d.calibrate.percentiles", "[50, 50]", "the smaller number first"),
    (config(calibrate={"flags": {"focus": {"z": [6, -6]}}}), "d.calibrate.flags.focus.z", "[6, -6]", "write [-6, 6]"),
    (config(crops={"flags": {"area": {"range": [9, 1]}}}), "d.crops.flags.area.range", "[9, 1]", "write [1, 9]"),
    (
        config(aggregate={"min_cells": 50}, crops={"max_per_well": 20}),
        "datasets.d.aggregate.min_cells",
        "50",
        "write 20 or less",
    ),
    (config(crops={"size": 120}), "models.m.encoder.vit.image", "128 px, larger than the crop", "up to 120"),
    (config(crops={"size": 216}), "models.m.encoder.vit.image", "128 px, the middle", "embed.view"),
    (config({"embed": {"view": 168}}), "models.m.embed.view", "168 px, larger than the crop", "up to 160"),
    (config({"encoder": {"random": {"image": 168}}}), "encoder.random.image", "168 px, larger", "up to 160"),
    (config({"encoder": {"exported": EXPORTED | {"image": 224}}}), "encoder.exported.image", "224 px", "fit: resize"),
]


@pytest.mark.parametrize(("given", "where", "found", "edit"), REFUSED, ids=[row[1] + " " + row[2] for row in REFUSED])
def test_contradictions_are_refused(given, where, found, edit):
    with pytest.raises(InputError) as error:
        settings.load(given)
    assert all(words in str(error.value) for words in (where, found, edit)), error.value
    assert str(error.value).count("expected") == 1, error.value


FINE = [
    config(),
    config({"fit": {"epochs": 21, "warmup_epochs": 20}}),
    config({"fit": {"epochs": 1}}),
    config({"fit": {"epochs": 1, "warmup_epochs": 0}}),
    config(dino(temperature_epochs=100)),
    config(dino(local_views=0, local_image=61)),
    config(dino(local_views=2, local_image=128)),
    config(crops={"size": 128}),
    config(aggregate={"min_cells": 20}, crops={"max_per_well": 20}),
    config(aggregate={"min_cells": 20}),
    config(crops={"size": 213}),
    config({"embed": {"view": 128}}, crops={"size": 500}),
    config({"encoder": {"exported": EXPORTED | {"image": 224, "fit": "resize"}}}),
    config({"encoder": {"dinov2": {"path": "d.pth", "sha256": "0" * 64}}}),
    config({"train": {"simclr": {}}}),
    config(calibrate={"flags": {"focus": {"z": [None, 6]}, "signal": {"range": [5, None]}}}),
    config({"encoder": {"random": {}}} | {"embed": {"blocks": 12}}),
]


@pytest.mark.parametrize("given", FINE, ids=str)
def test_what_fits_is_not_refused(given):
    settings.load(given)


def test_every_contradiction_is_told_at_once():
    with pytest.raises(InputError) as error:
        settings.load(
            config({"fit": {"epochs": 5, "warmup_epochs": 6}, "views": {"scale": [1, 0.5]}}, crops={"size": 100})
        )
    assert str(error.value).count("expected") == 3
