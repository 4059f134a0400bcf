"""Every rule of doubt, a slip that it is there for, and what is seen of it: a new rule needs a row."""

import numpy as np
import pytest
from alarms.test_alarms import HOW, LIMITS, answers, at_edge, dataset, ladder, plate, sounded, training
from alarms.test_of_masks import with_masks
from wellread.painted import layout
from wellread.runtime import table_files

BELOW = [("none", "tiny", "random", -0.2, -0.3)]
EXPLAINED = [("none", "tiny", "count", -0.1, -0.2), ("none", "count", "shuffled labels", 0.6, 0.4)]
EXPLAINED += [("none", "tiny", "shuffled labels", 0.5, 0.3)]
SAME = {"mean_RNA": 100.0, "p99_RNA": 101.0, "background_RNA": 102.0, "focus_RNA": 103.0}
FALLING = np.r_[np.full(18, 0.9), 0.7, 0.7]
SLIPS = {  # rule: the slip, what is made of it, the settings, what is seen
    "nucleus_area": ("noise taken for nuclei", lambda f: plate(f, nucleus=4.0), HOW, "nuclei of 4 px²"),
    "nucleus_diameter": ("the pixel size of 100x", plate, dataset(pixel_size=0.065), "nuclei of 1.04 µm"),
    "pixel_size": ("nm for µm", plate, dataset(pixel_size=650.0), "pixels of 650 µm"),
    "cells_per_field": ("a field full of specks", lambda f: full(f), HOW, "1001 cells in a field"),
    "rejected": ("dirt", lambda f: dirty(f), HOW, "50% of what was found is no nucleus"),
    "nuclei_as_cells": ("DNA for cells", lambda f: plate(f, area=210.0), HOW, "95% of a cell is its nucleus"),
    "crop_per_nucleus": ("crops of 12 px", lambda f: plate(f, side=12), HOW, "crops of 0.75 nuclear diameters"),
    "lost_at_edge": ("crops as wide as fields", lambda f: at_edge(f, 30, 8), HOW, "75% of what was found gets no crop"),
    "foreground": ("background in cells", lambda f: plate(f, area=1900.0), HOW, "95% of a field is within cells"),
    "ragged_nuclei": ("another stain", lambda f: with_masks(f, 25), HOW, "100% of nuclei have ragged outlines"),
    "empty_fields": ("no nuclear stain", lambda f: empty(f), HOW, "60% of good fields are without cells"),
    "mask_contrast": ("masks of others", lambda f: plate(f, inside=0.2), HOW, "cells are 0.8 times as bright as"),
    "equal_channels": ("one file for two", lambda f: plate(f, statistics=SAME), HOW, "equal in 100% of fields"),
    "rank_kept": ("too high a rate", lambda f: training(f, effective_rank=10 * (FALLING - 0.6)), HOW, "is 33% of its"),
    "agreement_fall": ("too long", lambda f: training(f, agreement=FALLING), HOW, "is 0.70, it was 0.90"),
    "collapse": ("all cells alike", lambda f: training(f, feature_sd=0.01), HOW, "collapsed"),
    "undecidable": ("one class", lambda f: asked(f, reason="one class in all 20 rows"), HOW, "one class in all"),
    "chance": ("noise", lambda f: asked(f, low=0.1), HOW, "chance gives as much as model tiny"),
    "baseline": ("an encoder that lost", lambda f: ladder(f, BELOW), HOW, "tiny is not above random"),
    "cell_count": ("a toxic screen", lambda f: ladder(f, EXPLAINED), HOW, "explained by cell count"),
}


def asked(folder, **options):
    return {"tasks": [answers(folder, **options)]}


def full(folder):
    inputs = plate(folder, fields=1, area=30.0)
    objects = table_files.read(inputs["objects"][0], "objects")
    table_files.write(objects.loc[np.arange(1001) % len(objects)], inputs["objects"][0], "objects")
    return inputs


def empty(folder):
    inputs = plate(folder, fields=5)
    objects = table_files.read(inputs["objects"][0], "objects")
    table_files.write(objects.assign(field=objects["field"] % 2), inputs["objects"][0], "objects")
    return inputs


def dirty(folder):
    inputs = plate(folder)
    inputs["rejected"] = [str(folder / "P1" / "rejected.parquet")]
    rejected = table_files.read(inputs["objects"][0], "objects")[["field"]].assign(reason="haze")
    table_files.write(rejected, inputs["rejected"][0], "rejected")
    return inputs


def test_every_rule_has_a_slip():
    assert set(SLIPS) | {"nuclei_channel"} == set(LIMITS)


@pytest.mark.parametrize("code", SLIPS)
def test_a_slip_is_seen(tmp_path, code):
    _, make, how, seen = SLIPS[code]
    assert seen in sounded(make(tmp_path), how)[code]


@pytest.mark.dag
def test_another_channel_in_the_place_of_nuclei_is_seen(plate, tmp_path):
    home = tmp_path / "P1"
    home.mkdir()
    for name in ("fields.parquet", "calibration.npz"):
        (home / name).symlink_to(plate / name)
    objects = table_files.read(plate / "objects.parquet", "objects")
    objects["nucleus_area"] *= np.where(np.arange(len(objects)) % 2, 3, 1)
    table_files.write(objects, home / "objects.parquet", "objects")
    inputs = {kind: [str(home / name)] for kind, name in (("fields", "fields.parquet"), ("objects", "objects.parquet"))}
    inputs["calibration"] = [str(home / "calibration.npz")]
    segment = {"otsu_watershed": {"nucleus": "Mito", "cell": "RNA"}}
    how = dataset(channels=list(layout.CHANNELS), segment=segment, pixel_size=None)
    assert "DNA looks more like nuclei" in sounded(inputs, how)["nuclei_channel"]
