"""Every rule sounds where it should, at its threshold, and nowhere else."""

import logging

import numpy as np
import pandas as pd
import pytest
import tifffile
from wellread.alarms.alarms import alarms
from wellread.measure import tidy
from wellread.measure.compare import COLUMNS as LADDER
from wellread.plan import settings
from wellread.runtime import table_files

LIMITS = settings.schema()["$defs"]["alarms"]["properties"]
LIMITS = {code: entry["default"] for code, entry in LIMITS.items()}
SEGMENT = {"otsu_watershed": {"nucleus": "DNA", "cell": "RNA"}}
DATASET = {"channels": ["DNA", "RNA"], "pixel_size": 0.5, "segment": SEGMENT}
HOW = {"dataset": DATASET, "baselines": ["random", "count"], "counts": ["count"], "mixed": ["batches"], "headlines": {}}
N = 40  # objects


def plate(folder, name="P1", fields=2, area=900.0, nucleus=200.0, side=48, inside=0.5, statistics=()):
    """The files of a plate of images of 200 px, with N objects spread over its fields."""
    home = folder / name
    home.mkdir(exist_ok=True)
    tifffile.imwrite(home / "image.tif", np.zeros((200, 200), np.uint16))
    paths = dict.fromkeys(["path_DNA", "path_RNA"], str(home / "image.tif"))
    rows = pd.DataFrame([{"status": "ok", **paths}] * fields)
    for index, channel in enumerate(DATASET["channels"]):
        for place, statistic in enumerate(("mean", "p99", "background", "focus")):
            rows[f"{statistic}_{channel}"] = 100.0 + place + 10 * index
    rows = rows.assign(**dict(statistics))
    objects = pd.DataFrame({"field": np.arange(N) % fields, "area": area, "nucleus_area": nucleus, "at_edge": False})
    objects[["intensity_DNA", "intensity_RNA"]] = inside
    tables = {"fields": rows, "objects": objects, "cells": pd.DataFrame({"side": [side] * N})}
    for kind, table in tables.items():
        table_files.write(table, home / f"{kind}.parquet", kind)
    np.savez(home / "calibration.npz", limits=np.array([[50.0, 250.0], [50.0, 250.0]]))
    paths = {kind: home / f"{kind}.parquet" for kind in tables} | {"calibration": home / "calibration.npz"}
    return {kind: [str(path)] for kind, path in paths.items()}


def sounded(inputs, how=HOW, limits=LIMITS):
    """{code: what was found} of all alarms."""
    table = alarms(inputs, how, limits)
    return dict(zip(table["code"], table["found"], strict=True))


def dataset(**changes):
    return HOW | {"dataset": DATASET | changes}


def test_a_good_plate_is_silent(tmp_path):
    assert sounded(plate(tmp_path)) == {}


@pytest.mark.parametrize(
    ("options", "how", "code", "found"),
    [
        ({"nucleus": 29.0}, HOW, "nucleus_area", "nuclei of 29 px²"),
        ({"nucleus": 28.0, "area": 60.0}, dataset(pixel_size=None), "nucleus_area", "nuclei of 28 px²"),
        ({}, dataset(pixel_size=0.1), "nucleus_diameter", "nuclei of 1.6 µm"),
        ({}, dataset(pixel_size=650.0), "pixel_size", "pixels of 650 µm"),
        ({}, dataset(pixel_size=0.04), "pixel_size", "pixels of 0.04 µm"),
        ({"area": 240.0}, HOW, "nuclei_as_cells", "83% of a cell is its nucleus"),
        ({"side": 23}, HOW, "crop_per_nucleus", "crops of 1.4 nuclear diameters"),
        ({"area": 1820.0}, HOW, "foreground", "91% of a field is within cells"),
        ({"inside": 0.2}, HOW, "mask_contrast", "cells are 0.8 times as bright as their field"),
        ({"statistics": {"mean_RNA": 100.0, "p99_RNA": 101.0, "background_RNA": 102.0, "focus_RNA": 103.0}}, HOW,
         "equal_channels", "two channels are equal in 100% of fields"),
    ],
)  # fmt: skip
def test_a_slip_is_named_with_its_figure(tmp_path, options, how, code, found):
    assert sounded(plate(tmp_path, **options), how)[code] == found


@pytest.mark.parametrize(
    "options",
    [{"nucleus": 30.0, "area": 60.0}, {"side": 24}, {"area": 1800.0}, {"inside": 0.26}, {"area": 250.0}],
    ids=str,
)
def test_at_its_threshold_a_rule_is_silent(tmp_path, options):
    assert sounded(plate(tmp_path, **options), dataset(pixel_size=None)) == {}


GROWN = {"otsu_watershed": {"nucleus": "DNA", "cell": "", "reach": 1.5}}


@pytest.mark.parametrize(
    ("segment", "silent"),
    [
        (GROWN, True),
        ({"precomputed": {"nucleus": "{stem}.png", "cell": "", "reach": 3.0}}, True),
        ({"precomputed": {"nucleus": "{stem}.png", "cell": "", "reach": 0}}, False),
        ({"precomputed": {"nucleus": "", "cell": "{stem}.png", "reach": 0}}, False),
        ({"hpa": {"microtubules": "RNA"}}, False),
    ],
    ids=str,
)
def test_nuclei_that_were_grown_say_nothing_of_cells(tmp_path, segment, silent):
    found = sounded(plate(tmp_path, area=1820.0, inside=0.2), dataset(segment=segment))
    assert set(found) == (set() if silent else {"foreground", "mask_contrast"})


def test_most_of_a_grown_cell_may_be_its_nucleus(tmp_path):
    assert sounded(plate(tmp_path, area=240.0), dataset(segment=GROWN)) == {}


def test_too_many_cells_in_a_field(tmp_path):
    inputs = plate(tmp_path, fields=1)
    assert "cells_per_field" not in sounded(inputs, limits=LIMITS | {"cells_per_field": N})
    assert sounded(inputs, limits=LIMITS | {"cells_per_field": N - 1})["cells_per_field"] == "40 cells in a field"


@pytest.mark.parametrize(("n", "told"), [(10, None), (11, "22% of what was found is no nucleus")])
def test_much_that_is_no_nucleus(tmp_path, n, told):
    inputs = plate(tmp_path)
    inputs["rejected"] = [str(tmp_path / "P1" / "rejected.parquet")]
    table_files.write(pd.DataFrame({"reason": ["haze"] * n}), inputs["rejected"][0], "rejected")
    assert sounded(inputs).get("rejected") == told


def at_edge(folder, lost, cells):
    """A plate of which `lost` objects get no crop as it would leave the field, 2 for another reason, `cells` one."""
    inputs = plate(folder)
    inputs["lost"] = [str(folder / "P1" / "lost.parquet")]
    table_files.write(pd.DataFrame({"reason": ["edge"] * lost + ["flagged"] * 2}), inputs["lost"][0], "lost")
    table_files.write(pd.DataFrame({"side": [48] * cells}), inputs["cells"][0], "cells")
    return inputs


@pytest.mark.parametrize(
    ("lost", "told"), [(20, None), (21, "52% of what was found gets no crop, as that would leave the field")]
)
def test_most_objects_lost_at_the_edge(tmp_path, lost, told):
    assert sounded(at_edge(tmp_path, lost, 38 - lost)).get("lost_at_edge") == told


def test_plates_are_named_together_with_the_worst_figure(tmp_path):
    inputs = {}
    for number, nucleus in enumerate([25, 200, 20, 28, 29]):
        for kind, paths in plate(tmp_path, f"P{number}", nucleus=float(nucleus)).items():
            inputs.setdefault(kind, []).extend(paths)
    row = alarms(inputs, HOW, LIMITS).set_index("code").loc["nucleus_area"]
    assert (row["of"], row["found"]) == ("plates P0, P2, P3 and 1 more", "nuclei of 20 px²")


def test_few_objects_tell_nothing(tmp_path):
    inputs = plate(tmp_path, nucleus=5.0, inside=0.0)
    table_files.write(table_files.read(inputs["objects"][0], "objects").head(19), inputs["objects"][0], "objects")
    assert sounded(inputs) == {}


def test_ready_profiles_have_no_plates():
    assert sounded({}) == {}


def test_a_rule_is_switched_off(tmp_path):
    inputs = plate(tmp_path, nucleus=5.0)
    codes = {"nucleus_area", "nucleus_diameter"}
    assert codes <= set(sounded(inputs))
    assert not codes & set(sounded(inputs, limits=LIMITS | dict.fromkeys(codes)))


def test_alarms_are_warnings_in_the_log(tmp_path, caplog):
    with caplog.at_level(logging.WARNING, "wellread"):
        alarms(plate(tmp_path, nucleus=5.0), HOW, LIMITS)
    assert "nucleus_area: plate P1: nuclei of 5 px²; at least 30 expected: look at the fields" in caplog.text


def training(folder, **columns):
    """A training run of twenty logged steps."""
    table = pd.DataFrame({"step": range(20), "feature_sd": 0.9, "effective_rank": 10.0, "entropy": 0.4} | columns)
    (folder / "tiny").mkdir(exist_ok=True)
    table_files.write(table, folder / "tiny" / "training.parquet", "training")
    return {"training": [str(folder / "tiny" / "training.parquet")]}


def test_training_that_collapsed_or_lost_its_rank(tmp_path):
    assert sounded(training(tmp_path)) == {}
    assert "collapsed" in sounded(training(tmp_path, feature_sd=0.01))["collapse"]
    halved = np.r_[np.full(18, 10.0), 4.9, 4.9]
    assert sounded(training(tmp_path, effective_rank=halved)) == {
        "rank_kept": "at its end the effective rank of the embeddings is 49% of its highest"
    }
    assert sounded(training(tmp_path, effective_rank=np.r_[np.full(18, 10.0), 5.0, 5.0])) == {}


def test_training_after_which_the_cells_of_a_well_agree_less(tmp_path):
    epochs = np.full(20, np.nan)
    epochs[[4, 9, 14, 19]] = 0.7, 0.9, 0.9, 0.84
    assert sounded(training(tmp_path, agreement=epochs)) == {
        "agreement_fall": "at its end the agreement of a well's cells is 0.84, it was 0.90"
    }
    epochs[19] = 0.86
    assert sounded(training(tmp_path, agreement=epochs)) == {}


def answers(folder, pair="tiny_none", task="mechanism", value=0.8, low=0.6, chance=(0.2, 0.3, 0.25), reason=""):
    """A task's answer: a metric with its interval and what chance gives, or why there is none."""
    rows = [tidy.row("nsc", value, 20), tidy.row("nsc_low", low, 20), tidy.row("nsc_high", 0.9, 20)]
    rows += [tidy.row("nsc_chance", by_chance, 20, repeat=i) for i, by_chance in enumerate(chance)]
    rows = [tidy.undecidable("nsc", reason, 20)] if reason else rows
    (folder / task).mkdir(exist_ok=True)
    table_files.write(tidy.table(rows), folder / task / f"{pair}.parquet", "answers")
    return str(folder / task / f"{pair}.parquet")


@pytest.mark.parametrize(
    ("options", "is_chance"), [({}, False), ({"low": 0.25}, True), ({"value": 0.29, "low": 0.28}, True)]
)
def test_an_answer_that_chance_also_gives(tmp_path, options, is_chance):
    found = sounded({"tasks": [answers(tmp_path), answers(tmp_path, "tiny_sphering", **options)]})
    assert found == ({"chance": "chance gives as much as model tiny with sphering"} if is_chance else {})


@pytest.mark.parametrize(("pair", "task"), [("random_none", "mechanism"), ("tiny_none", "batches")])
def test_chance_is_no_alarm_of_baselines_and_mixed_batches(tmp_path, pair, task):
    assert sounded({"tasks": [answers(tmp_path, pair, task, low=0.1)]}) == {}


def test_what_a_design_cannot_answer(tmp_path):
    found = alarms({"tasks": [answers(tmp_path, reason="one class in all 20 rows")]}, HOW, LIMITS)
    assert found[["code", "of", "found"]].to_numpy().tolist() == [
        ["undecidable", "task mechanism", "one class in all 20 rows"]
    ]


def test_a_headline_that_a_design_cannot_answer(tmp_path):
    path = answers(tmp_path)
    rows = [table_files.read(path, "answers"), tidy.table([tidy.undecidable("fraction_active", "6 positions", 20)])]
    table_files.write(pd.concat(rows), path, "answers")
    headlines = HOW | {"headlines": {"mechanism": "fraction_active"}}
    assert sounded({"tasks": [path]}, headlines) == {"undecidable": "6 positions"}


def test_a_further_metric_may_be_undecidable(tmp_path):
    path = answers(tmp_path)
    rows = [table_files.read(path, "answers"), tidy.table([tidy.undecidable("nscb", "one batch", 20)])]
    table_files.write(pd.concat(rows), path, "answers")
    assert sounded({"tasks": [path]}) == {}


def ladder(folder, rows):
    """A ladder of one task: rows of correction, model, baseline, difference, low."""
    table = pd.DataFrame(rows, columns=["correction", "model", "baseline", "difference", "low"])
    table = table.assign(task="mechanism", metric="nsc", high=table["difference"] + 0.1, items=24, compounds=12)
    table = table.assign(baseline_value=0.4, value=table["difference"] + 0.4)
    table_files.write(table.reindex(columns=LADDER), folder / "ladder.parquet", "ladder")
    return {"ladder": [str(folder / "ladder.parquet")]}


def test_a_model_that_is_above_a_baseline_with_no_correction(tmp_path):
    below = [("none", "tiny", "random", -0.2, -0.3), ("sphering", "tiny", "random", 0.0, -0.1)]
    assert sounded(ladder(tmp_path, below))["baseline"] == "tiny is not above random with any correction (+0 at best)"
    worse = [*below, ("none", "other", "random", -0.25, -0.5), ("none", "third", "random", -0.1, -0.2)]
    both = "tiny, other and third are not above random with any correction (-0.25 to +0 at best)"
    assert sounded(ladder(tmp_path, worse))["baseline"] == both
    assert sounded(ladder(tmp_path, [below[0], ("sphering", "tiny", "random", 0.1, -0.1)])) == {}
    assert sounded(ladder(tmp_path, [("none", "random", "count", -0.2, -0.3)])) == {}


@pytest.mark.parametrize(("value", "fires"), [(1.0, False), (0.9, True)])
def test_a_tie_is_an_alarm_unless_nothing_can_be_better(tmp_path, value, fires):
    inputs = ladder(tmp_path, [("none", "tiny", "random", 0.0, 0.0), ("sphering", "tiny", "random", -0.1, -0.2)])
    table = table_files.read(inputs["ladder"][0], "ladder").assign(value=value, baseline_value=value)
    table.loc[1, "value"] -= 0.1
    table_files.write(table, inputs["ladder"][0], "ladder")
    assert ("baseline" in sounded(inputs)) == fires


def test_a_task_that_the_number_of_cells_explains(tmp_path):
    rows = [("none", "tiny", "count", -0.1, -0.2), ("none", "tiny", "shuffled labels", 0.5, 0.3)]
    rows += [("none", "count", "shuffled labels", 0.6, 0.4)]
    assert sounded(ladder(tmp_path, rows))["cell_count"] == "explained by cell count"
    rows[0] = ("none", "tiny", "count", 0.3, 0.1)
    assert "cell_count" not in sounded(ladder(tmp_path, rows))
