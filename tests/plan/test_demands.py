"""What wells tables cannot answer is refused by the plan: columns, classes, controls, doses, replicates."""

import numpy as np
import pandas as pd
import pytest
import tifffile
from wellread.plan import demands, needs
from wellread.plan.dag import Plan
from wellread.profiles import controls
from wellread.runtime.errors import InputError
from wellread.runtime.registry import choices

pytestmark = pytest.mark.dag

SECTIONS = ("measure", "draw", "correction")


def wells(plates=("P1", "P2")):
    """Per plate 4 negative and 2 positive controls, then treatments a, b (moa x), c (moa y), 3 doses each."""
    rows = [("DMSO", "negative", "", "")] * 4 + [("pos", "positive", "", "")] * 2
    rows += [(name, "", moa, dose) for name, moa in (("a", "x"), ("b", "x"), ("c", "y")) for dose in (1, 2, 3)]
    table = pd.DataFrame(rows, columns=["treatment", "control", "moa", "dose"])
    table["well"] = [f"A{i + 1:02d}" for i in range(len(table))]
    return pd.concat([table.assign(plate=plate) for plate in plates], ignore_index=True)


@pytest.fixture
def planned(tmp_path):
    """A function that plans a config on a wells table; the images table has all wells of wells()."""

    def plan(
        table=None,
        *,
        measure=None,
        draw=None,
        steps=None,
        level="well",
        dataset=None,
        model=None,
        plates=None,
        where=None,
        pool=(),
        other=None,
    ):
        table = wells() if table is None else table
        table.to_csv(tmp_path / "wells.csv", index=False)
        images = wells()[["plate", "well"]] if plates is None else wells(plates)[["plate", "well"]]
        for name in images["well"].unique():
            (tmp_path / f"{name}.tif").touch()
        images.assign(DNA=images["well"] + ".tif").to_csv(tmp_path / "images.csv", index=False)
        source = {"table": {"path": str(tmp_path / "images.csv"), "root": str(tmp_path)}}
        section = {"images": source, "wells": str(tmp_path / "wells.csv"), "channels": ["DNA"]} | (dataset or {})
        config = {"datasets": {"d": section}, "models": {"m": model or {"encoder": {"random": {}}}}}
        if other is not None:  # a second dataset of the same images, with a wells table of its own
            other.to_csv(tmp_path / "other.csv", index=False)
            config["datasets"]["e"] = section | {"wells": str(tmp_path / "other.csv")}
        looked_at = {"level": level, "where": where or {}} | ({"pool": list(pool)} if pool else {})
        if measure:
            config["tasks"] = {"t": looked_at | {"measure": measure}}
        if draw:
            config["figures"] = {"f": looked_at | {"draw": draw}}
        if steps:
            config["corrections"] = {"none": [], "c": steps}
        return Plan.of(config)

    return plan


def refused(planned, words, *args, **kwargs):
    with pytest.raises(InputError) as error:
        planned(*args, **kwargs)
    assert all(word in str(error.value) for word in words), error.value
    return str(error.value)


EVERYTHING = [
    {"measure": {"knn": {"label": "moa"}}},
    {"measure": {"knn": {"label": "control", "controls": True}}},
    {"measure": {"nearest_class": {"batch": "well"}}},
    {"measure": {"nearest_class": {"batch": "well"}}, "level": "treatment"},
    {"measure": {"average_precision": {}}},
    {"measure": {"mixing": {"batch": "plate"}}},
    {"measure": {"matching": {}}, "level": "treatment"},
    {"measure": {"average_precision": {"negatives": "others"}}},
    {"measure": {"replicating": {"sameby": ["treatment", "dose"]}}},
    {"measure": {"retrieval": {"strictness": ["well", "plate", "dose"]}}},
    {
        "measure": {"retrieval": {"sameby": ["moa"], "diffby": ["treatment"], "strictness": ["well", "column"]}},
        "level": "fov",
    },
    {"measure": {"linear": {}}, "level": "cell"},
    {"measure": {"low_shot": {"held_out": "well"}}, "level": "fov"},
    {"measure": {"moa_mlp": {"held_out": "well"}}},
    {"measure": {"assay_quality": {}}, "level": "fov"},
    {"measure": {"dose_response": {}}, "level": "fov"},
    {"measure": {"knn": {"label": "replicates", "diffby": ["dose"]}}, "level": "treatment"},
    {"draw": {"umap": {"label": "moa", "by": "control_use"}}},
    {"draw": {"similarity": {"label": "object_count"}}, "level": "treatment"},
    {"steps": [{"standardize": {"fit": "controls"}}, {"sphering": {}}, {"coral": {"by": "plate"}}, {"harmony": {}}]},
    {"model": {"train": {"supervised": {"label": "moa"}}, "probe": "treatment"}},
    {"model": {"fit": {"balance": ["plate", "moa"]}}},
]


@pytest.mark.parametrize("case", EVERYTHING, ids=str)
def test_a_table_that_has_everything_is_refused_nothing(planned, case):
    assert "undecidable" not in "".join(planned(**case).notes)


COLUMNS = [
    ({"measure": {"knn": {"label": "MOA"}}}, "tasks.t.measure.knn.label", "did you mean moa?"),
    ({"measure": {"knn": {"diffby": ["plate+wel"]}}}, "tasks.t.measure.knn.diffby", "did you mean well?"),
    ({"measure": {"nearest_class": {"label": "mao"}}}, "nearest_class.label", "did you mean moa?"),
    ({"measure": {"nearest_class": {"compound": "Treatment"}}}, "nearest_class.compound", "did you mean treatment?"),
    ({"measure": {"nearest_class": {"batch": "batches"}}}, "nearest_class.batch", "did you mean batch?"),
    ({"measure": {"average_precision": {"sameby": ["tretment", "dose"]}}}, "average_precision.sameby", "treatment?"),
    ({"measure": {"matching": {"label": "mao"}}}, "matching.label", "did you mean moa?"),
    ({"measure": {"mixing": {"batch": "weak"}}}, "mixing.batch", "found     weak"),
    ({"measure": {"replicating": {"sameby": ["gene"]}}}, "replicating.sameby", "found     gene"),
    ({"measure": {"retrieval": {"strictness": ["postion"]}}}, "retrieval.strictness", "did you mean position?"),
    ({"measure": {"dose_response": {"by": "compound"}}}, "dose_response.by", "found     compound"),
    ({"measure": {"knn": {"label": "site"}}}, "knn.label", "found     site"),
    ({"draw": {"umap": {"label": "Moa"}}}, "figures.f.draw.umap.label", "did you mean moa?"),
    ({"draw": {"umap": {"by": "Plate"}}}, "figures.f.draw.umap.by", "did you mean plate?"),
    ({"draw": {"similarity": {"label": "moas"}}}, "figures.f.draw.similarity.label", "did you mean moa?"),
    ({"steps": [{"harmony": {"by": "mao"}}]}, "corrections.c.0 of d.harmony.by", "did you mean moa?"),
    ({"model": {"train": {"supervised": {"label": "mao"}}}}, "models.m", "did you mean moa?"),
    ({"model": {"probe": "Moa"}}, "models.m", "did you mean moa?"),
    ({"model": {"fit": {"balance": ["plate", "Moa"]}}}, "models.m.fit.balance", "did you mean moa?"),
    (
        {"draw": {"umap": {}}, "level": "treatment", "dataset": {"consensus": {"by": ["compound"]}}},
        "consensus.by",
        "found     compound",
    ),
]


@pytest.mark.parametrize(("case", "where", "edit"), COLUMNS, ids=str)
def test_columns_that_no_table_has_are_named(planned, case, where, edit):
    what = "a level" if "strictness" in str(case) else "a column of the wells table"
    refused(planned, [what, where, edit], **case)


def test_dose_may_be_missing_beside_other_columns_only(planned):
    table = wells().drop(columns="dose")
    planned(table, measure={"replicating": {"sameby": ["treatment", "dose"]}}, level="well")
    planned(table, draw={"similarity": {}}, level="treatment")
    refused(planned, ["found     dose"], table, measure={"replicating": {"sameby": ["dose"]}})


def test_all_columns_are_told_at_once(planned):
    text = refused(planned, ["MOA", "gene"], measure={"knn": {"label": "MOA"}}, draw={"umap": {"label": "gene"}})
    assert text.count("expected") == 2


def only(**columns):
    return wells().assign(**columns)


def unmarked(control):
    return wells().assign(control=lambda f: f["control"].replace(control, ""))


def one_negative(count=1):
    table = wells()
    negatives = table.index[table["control"] == "negative"]
    keep = table.loc[negatives].groupby("plate").head(count).index
    table.loc[negatives.difference(keep), "control"] = ""
    return table


NEEDS = [
    (only(), {"measure": {"knn": {"label": "control"}}}, "write controls: true in tasks.t.measure.knn"),
    (only(moa="x"), {"model": {"train": {"supervised": {"label": "moa"}}}}, "only x"),
    (only(moa=""), {"model": {"probe": "moa"}}, "no value in 30 rows"),
    (only(moa="x"), {"model": {"fit": {"balance": ["moa"]}}}, "two groups of cells"),
    (unmarked("negative"), {"steps": [{"sphering": {}}]}, "0, half of the 0 wells"),
    (one_negative().query("plate == 'P1'"), {"steps": [{"sphering": {}}], "plates": ("P1",)}, "half of the 1 well "),
    (unmarked("negative"), {"steps": [{"standardize": {}}, {"coral": {}}]}, "corrections.c.1 of d.coral"),
    (unmarked("negative"), {"steps": [{"standardize": {"fit": "controls"}}]}, "0 on plate P1, 0 on plate P2"),
    (one_negative(), {"steps": [{"standardize": {"fit": "controls"}}]}, "two fitting controls or more in every plate"),
]


@pytest.mark.parametrize(("table", "case", "words"), NEEDS, ids=[f"{case} {words}" for _, case, words in NEEDS])
def test_what_would_stop_after_training_is_refused(planned, table, case, words):
    refused(planned, ["expected", "found", "where", "edit", words], table, **case)


PER_COMPOUND = wells()["treatment"]
TREATMENTS = {"level": "treatment"}
UNDECIDABLE = [
    (only(moa=""), {"measure": {"knn": {"label": "moa"}}}, "no value in 22 rows"),
    (only(moa="x"), {"measure": {"knn": {"label": "moa"}}}, "only x"),
    (only(batch="1"), {"measure": {"knn": {"diffby": ["batch"]}}}, "one batch in all 22 rows"),
    (only(moa=""), {"measure": {"nearest_class": {}}}, "none among 0 classes"),
    (only(moa=PER_COMPOUND), {"measure": {"nearest_class": {}}}, "none among 4 classes of 4 compounds"),
    (only(moa=PER_COMPOUND), {"measure": {"nearest_class": {}}} | TREATMENTS, "none among 4 classes of 4 compounds"),
    (only(moa="x"), {"measure": {"nearest_class": {}}}, "two classes or more in the column moa"),
    (only(batch="1"), {"measure": {"nearest_class": {}}}, "for nscb two values of treatment"),
    (only(moa=PER_COMPOUND), {"measure": {"matching": {}}}, "none among 4 classes of 4 compounds"),
    (only(batch="1"), {"measure": {"mixing": {}}}, "1 of batch; 4 of treatment with two wells or more"),
    (unmarked("positive"), {"measure": {"assay_quality": {}}}, "0 positive and 8 negative on 2 plates"),
    (unmarked("negative"), {"measure": {"assay_quality": {}}}, "4 positive and 0 negative on 2 plates"),
    (one_negative(2), {"measure": {"assay_quality": {}}}, "4 positive and 4 negative on 2 plates"),
    (unmarked("negative"), {"measure": {"dose_response": {}}}, "none; 0 of 30 rows have a dose"),
    (only(dose=""), {"measure": {"dose_response": {}}}, "none; 0 of 30 rows have a dose"),
    (only(dose=1), {"measure": {"dose_response": {}}}, "a treatment of three doses or more"),
    (wells().drop(columns="dose"), {"measure": {"dose_response": {}}}, "a column dose of the wells table"),
    (
        unmarked("negative"),
        {"measure": {"average_precision": {}}},
        "none in 30 wells; 0 negative controls to compare with",
    ),
    (only(treatment=""), {"measure": {"average_precision": {}}}, "none in 30 wells"),
    (only(control="negative"), {"measure": {"replicating": {}}}, "none of 0"),
    (
        only().query("control != 'positive'"),
        {"measure": {"retrieval": {"sameby": ["treatment", "dose"]}}},
        "found: batch: one batch in all 18 profiles; source: no column source in the wells table; "
        "position: no two profiles of one treatment and dose differ in position",
    ),
    (only(control="negative"), {"measure": {"retrieval": {"strictness": ["well"]}}}, "no profile to compare"),
]


@pytest.mark.parametrize(("table", "case", "words"), UNDECIDABLE, ids=[f"{c} {words}" for _, c, words in UNDECIDABLE])
def test_what_a_design_cannot_answer_is_noted_and_stops_nothing(planned, table, case, words):
    (note,) = [note for note in planned(table, **case).notes if "undecidable" in note]
    part = "in part " if "nscb" in words else ""
    assert note.startswith(f"tasks.t of d: {part}undecidable; wanted: ")
    assert words in note


def test_one_negative_control_on_a_plate_is_told_with_what_the_draw_makes_of_it(planned):
    def noted(table, plates=("P1", "P2")):
        notes = planned(table, measure={"average_precision": {}}, plates=plates).notes
        return [note for note in notes if "draw" in note]

    assert not noted(one_negative(2))
    (both,) = noted(one_negative())
    assert both.startswith("datasets.d.wells: 2 plates (P1, P2) have a single negative control, which either fits")
    assert both.endswith("mark two wells or more on every plate")
    use = one_negative()
    use["use"] = controls.control_use(use, 0)
    for plate, of in use.loc[use["use"] != "", ["plate", "use"]].itertuples(index=False):
        single, *undecided = noted(use[use["plate"] == plate], (plate,))
        assert f"plate {plate} has a single negative control" in single
        assert ("here it fits" in single) == (of == "fit") == bool(undecided)
        assert all("with the halves of the controls drawn otherwise (`seed`) it could be" in note for note in undecided)


def test_what_a_table_of_cells_lacks_is_not_asked_of_a_wells_table(planned, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    tifffile.imwrite("cell.tif", np.zeros((8, 8), np.uint8))
    pd.DataFrame({"path": ["cell.tif"] * 3, "plate": "P1", "kind": "x"}).to_csv(tmp_path / "cells.csv", index=False)
    crops = {"images": {"crops": {"cells": str(tmp_path / "cells.csv"), "path": "path"}}, "wells": "", "object": "crop"}
    (note,) = [n for n in planned(measure={"knn": {"label": "kind"}}, dataset=crops).notes if "undecidable" in n]
    assert f"(fill in the column kind of {tmp_path / 'cells.csv'}, name another, or remove this)" in note


def test_a_plate_of_one_well_cannot_be_standardised(planned):
    table = pd.concat([wells(("P1",)), wells(("P2",)).head(1)])
    let = {"dataset": {"min_joined": 0}}
    refused(planned, ["two wells or more in every plate", "1 on plate P2"], table, steps=[{"standardize": {}}], **let)
    planned(table, steps=[{"standardize": {"by": "batch"}}], **let)


def test_only_wells_with_images_count(planned):
    """Controls on a plate without images are none."""
    table = pd.concat([unmarked("negative").query("plate == 'P1'"), wells(("P2",))])
    refused(planned, ["half of the 0 wells"], table, steps=[{"sphering": {}}], plates=("P1",))
    planned(table, steps=[{"sphering": {}}], plates=("P1", "P2"))


def test_a_model_learns_labels_of_its_own_plates(planned):
    table = wells().assign(moa=lambda f: f["moa"].where(f["plate"] == "P2", "x"))
    learner = {"train": {"supervised": {"label": "moa"}}}
    planned(table, model=learner)
    refused(planned, ["only x"], table, model=learner | {"plates": ["P1"]})


def test_a_heat_map_of_too_many_rows_is_refused(planned, monkeypatch):
    monkeypatch.setattr(needs, "MAX_ROWS", 29)
    refused(planned, ["30 rows", "figures.f.draw.similarity"], draw={"similarity": {}})
    planned(draw={"similarity": {}}, level="treatment")


def test_values_that_no_row_has_are_refused(planned):
    asked = {"heterogeneity": {"label": "moa", "values": ["x", "lost"]}}
    refused(planned, ["values of moa", "x", "found     lost", "heterogeneity.values"], draw=asked, level="cell")


def test_a_pool_is_asked_as_one(planned):
    """Of two datasets each has one class; together they have two."""
    halves = {"table": only(moa="x"), "other": only(moa="y")}
    knn = {"measure": {"knn": {"label": "moa", "diffby": ["dataset"]}}}
    plan = planned(pool="de", **halves, **knn)
    assert "undecidable" not in "".join(plan.notes)
    assert plan.results("d", "tasks", "measure") == [("t", "m", "none")]
    assert plan.results("e", "tasks", "measure") == []  # the page of the first one shows it
    planned(pool="de", **halves, level="treatment", where={"dataset": ["d", "e"]}, **knn)
    planned(pool="de", **halves, level="treatment", where={"dataset": "d"}, measure={"knn": {}})
    planned(pool="de", **halves, level="well", where={"plate": ["d/P1", "e/P1"]}, **knn)
    refused(planned, ["found     P1", "d/P1"], pool="de", **halves, where={"plate": "P1"}, **knn)
    notes = [n for n in planned(pool="de", **halves, where={"dataset": "e"}, **knn).notes if "undecidable" in n]
    assert ["only y" in note for note in notes] == [True, False]
    assert all(note.startswith("tasks.t of d + e: ") for note in notes)
    assert "one dataset in all 22 rows" in notes[1]
    lacks = {"table": wells(), "other": wells().drop(columns="moa")}
    refused(planned, ["found     moa", "tasks.t.measure.knn.label"], pool="de", **lacks, **knn)


def test_a_pool_that_no_model_embeds_is_refused(planned):
    ask = {"other": wells(), "measure": {"knn": {}}}
    one = {"encoder": {"random": {}}, "embed_on": ["d"]}
    refused(planned, ["a model that embeds d, e", "tasks.t.pool"], pool="de", model=one, **ask)
    refused(planned, ["one of d, e", "found     f", "tasks.t.pool"], pool="df", **ask)
    both = {"measure": {"segmentation": {"truth": "x"}}, "other": wells()}
    refused(planned, ["pool of tasks and figures of profiles only"], pool="de", **both)


def test_cells_are_asked_without_corrections_only(planned):
    plan = planned(measure={"knn": {"label": "moa"}}, level="cell", steps=[{"standardize": {}}])
    assert plan.results("d", "tasks", "measure") == [("t", "m", "none")]
    plan = planned(draw={"umap": {"label": "site"}}, level="cell", steps=[{"standardize": {}}])
    assert plan.results("d", "figures", "draw") == [("f", "m", "none")]
    refused(planned, ["nearest_class of fov or well or treatment"], measure={"nearest_class": {}}, level="cell")
    by = {"dataset": {"sample": {"by": ["compound"]}}}
    refused(planned, ["sample.by", "found     compound"], measure={"knn": {}}, level="cell", **by)
    planned(measure={"knn": {}}, level="well", **by)


@pytest.mark.parametrize("measure", ["linear", "low_shot", "moa_mlp"])
def test_what_is_held_out_is_on_one_side_of_a_split_and_of_several_values(planned, measure):
    ask = {"measure": {measure: {"label": "moa", "split": "part"}}}
    sets = wells()["treatment"].map({"a": "train", "b": "test", "c": "train"}).fillna("test")
    planned(only(part=sets), **ask)
    leaking = sets.where(wells()["dose"] != 1, "train")
    refused(
        planned,
        ["no treatment in test", "1 in both: b", f"tasks.t.measure.{measure}.held_out"],
        only(part=leaking),
        **ask,
    )
    if measure != "moa_mlp":
        planned(only(part=leaking), measure={measure: {"label": "moa", "split": "part", "held_out": ""}})
    notes = planned(only(line="U2OS"), measure={measure: {"label": "moa", "held_out": "line"}}).notes
    assert "U2OS, which cannot be held out" in "".join(notes)


def test_sets_that_a_split_names_are_there(planned):
    sets = wells()["treatment"].map({"a": "train", "b": "test"}).fillna("validation")
    for measure in ("knn", "nearest_class"):
        ask = {"measure": {measure: {"label": "moa", "split": "part"}}}
        planned(only(part=sets), **ask)
        words = ["the values train and test", "found     train, validation", f"tasks.t.measure.{measure}.split"]
        refused(planned, words, only(part=sets.replace("test", "train")), **ask)
        refused(planned, [f"{measure}.split", "did you mean parts?"], only(parts=sets), **ask)
    folds = {"measure": {"knn": {"label": "moa", "folds": {"by": "tretment"}}}}
    refused(planned, ["knn.folds", "did you mean treatment?"], **folds)
    planned(measure={"knn": {"label": "moa", "folds": {}, "sameby": ["plate"]}})


KNN, MAP = {"measure": {"knn": {}}}, {"draw": {"umap": {}}}
BY_TREATMENT = {"level": "treatment", "dataset": {"consensus": {"by": ["treatment"]}}}
WHERE = [
    ({"Dose": "max"}, KNN, ["tasks.t.where", "found     Dose", "did you mean dose?"]),
    ({"dosage": "max"}, MAP, ["figures.f.where", "did you mean dose?"]),
    ({"object_count": 3}, KNN, ["found     object_count"]),
    ({"site": "1"}, KNN, ["found     site"]),
    ({"moa": "max"}, KNN, ["numbers in the column moa", "tasks.t.where.moa"]),
    ({"treatment": "pso"}, KNN, ["a value of the column treatment: DMSO, a, b, c, pos", "did you mean pos?"]),
    ({"plate": ["P3", "P4"]}, KNN, ["P1, P2", "found     P3, P4"]),
    ({"treatment": "a", "moa": "y"}, KNN, ["rows that fit every condition", "none of 30"]),
    ({"plate": "P1"}, KNN | {"level": "treatment"}, ["4 of 8 wells of DMSO", "add plate to consensus.by"]),
    ({"dose": "max"}, KNN | BY_TREATMENT, ["2 of 6 wells of a", "level: well"]),
]


@pytest.mark.parametrize(("where", "case", "words"), WHERE, ids=str)
def test_conditions_that_leave_nothing_are_refused(planned, where, case, words):
    refused(planned, words, where=where, **case)


@pytest.mark.parametrize("level", ["well", "treatment"])
@pytest.mark.parametrize(
    "where", [{"dose": "max"}, {"dose": [2, 3]}, {"moa": ["x", "y", "z"]}, {"control": ["", "negative"], "dose": "min"}]
)
def test_conditions_that_leave_rows_are_not(planned, where, level):
    planned(where=where, level=level, **KNN)
    planned(where=where, level=level, **MAP)


def test_needs_are_asked_of_the_rows_that_are_left(planned):
    """The highest dose of each treatment is one dose, and moa x alone one class."""
    planned(measure={"dose_response": {}}, where={"dose": [1, 2, 3]})
    for words, measure, where in (
        ("three doses", {"dose_response": {}}, {"dose": "max"}),
        ("only x", {"knn": {"label": "moa"}}, {"moa": "x"}),
    ):
        assert words in "".join(planned(measure=measure, where=where).notes)


def test_every_need_that_is_declared_is_known():
    declared = {need for section in SECTIONS for one in choices(section).values() for need in one.needs}
    assert declared == set(demands.NEEDS)


def test_columns_are_read_from_every_shape_of_option():
    assert demands.names("") == []
    assert demands.names("moa") == ["moa"]
    assert demands.names(["plate+well", "moa"]) == ["plate", "well", "moa"]
