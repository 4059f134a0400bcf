"""What wells tables cannot answer is refused by the plan: columns, classes, controls, doses, replicates."""

import pandas as pd
import pytest
from wellread.plan import demands
from wellread.plan.dag import Plan
from wellread.runtime.errors import InputError
from wellread.runtime.registry import choices

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

    def plan(table=None, *, measure=None, draw=None, steps=None, level="well", dataset=None, model=None, plates=None):
        table = wells() if table is None else table
        table.to_csv(tmp_path / "wells.csv", index=False)
        images = wells()[["plate", "well"]] if plates is None else wells(plates)[["plate", "well"]]
        for name in images["well"].unique():
            (tmp_path / f"{name}.tif").touch()
        images.assign(DNA=images["well"] + ".tif").to_csv(tmp_path / "images.csv", index=False)
        source = {"table": {"path": str(tmp_path / "images.csv"), "root": str(tmp_path)}}
        section = {"images": source, "wells": str(tmp_path / "wells.csv"), "channels": ["DNA"]} | (dataset or {})
        config = {"datasets": {"d": section}, "models": {"m": model or {"encoder": {"random": {}}}}}
        if measure:
            config["tasks"] = {"t": {"level": level, "measure": measure}}
        if draw:
            config["figures"] = {"f": {"level": level, "draw": draw}}
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
    {"measure": {"nearest_class": {}}},
    {"measure": {"nearest_class": {}}, "level": "treatment"},
    {"measure": {"average_precision": {}}},
    {"measure": {"mixing": {"batch": "plate"}}},
    {"measure": {"matching": {}}, "level": "treatment"},
    {"measure": {"average_precision": {"negatives": "others"}}},
    {"measure": {"replicating": {"sameby": ["treatment", "dose"]}}},
    {"measure": {"assay_quality": {}}, "level": "fov"},
    {"measure": {"dose_response": {}}, "level": "fov"},
    {"measure": {"knn": {"label": "replicates", "exclude": ["dose"]}}, "level": "treatment"},
    {"draw": {"umap": {"label": "moa", "by": "control_use"}}},
    {"draw": {"similarity": {"label": "object_count"}}, "level": "treatment"},
    {"steps": [{"standardize": {"fit": "controls"}}, {"sphering": {}}, {"coral": {"by": "plate"}}, {"harmony": {}}]},
    {"model": {"train": {"supervised": {"label": "moa"}}, "probe": "treatment"}},
]


@pytest.mark.parametrize("case", EVERYTHING, ids=str)
def test_a_table_that_has_everything_is_refused_nothing(planned, case):
    planned(**case)


COLUMNS = [
    ({"measure": {"knn": {"label": "MOA"}}}, "tasks.t.measure.knn.label", "did you mean moa?"),
    ({"measure": {"knn": {"exclude": ["plate+wel"]}}}, "tasks.t.measure.knn.exclude", "did you mean well?"),
    ({"measure": {"nearest_class": {"label": "mao"}}}, "nearest_class.label", "did you mean moa?"),
    ({"measure": {"nearest_class": {"compound": "Treatment"}}}, "nearest_class.compound", "did you mean treatment?"),
    ({"measure": {"nearest_class": {"batch": "batches"}}}, "nearest_class.batch", "did you mean batch?"),
    ({"measure": {"average_precision": {"sameby": ["tretment", "dose"]}}}, "average_precision.sameby", "treatment?"),
    ({"measure": {"matching": {"label": "mao"}}}, "matching.label", "did you mean moa?"),
    ({"measure": {"mixing": {"batch": "weak"}}}, "mixing.batch", "found     weak"),
    ({"measure": {"replicating": {"sameby": ["gene"]}}}, "replicating.sameby", "found     gene"),
    ({"measure": {"dose_response": {"by": "compound"}}}, "dose_response.by", "found     compound"),
    ({"measure": {"knn": {"label": "site"}}}, "knn.label", "found     site"),
    ({"draw": {"umap": {"label": "Moa"}}}, "figures.f.draw.umap.label", "did you mean moa?"),
    ({"draw": {"umap": {"by": "Plate"}}}, "figures.f.draw.umap.by", "did you mean plate?"),
    ({"draw": {"similarity": {"label": "moas"}}}, "figures.f.draw.similarity.label", "did you mean moa?"),
    ({"model": {"train": {"supervised": {"label": "mao"}}}}, "models.m", "did you mean moa?"),
    ({"model": {"probe": "Moa"}}, "models.m", "did you mean moa?"),
    (
        {"draw": {"umap": {}}, "level": "treatment", "dataset": {"consensus": {"by": ["compound"]}}},
        "consensus.by",
        "found     compound",
    ),
]


@pytest.mark.parametrize(("case", "where", "edit"), COLUMNS, ids=str)
def test_columns_that_no_table_has_are_named(planned, case, where, edit):
    refused(planned, ["a column of the wells table", where, edit], **case)


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
    (only(moa=""), {"measure": {"knn": {"label": "moa"}}}, "no value in 22 rows"),
    (only(moa="x"), {"measure": {"knn": {"label": "moa"}}}, "only x"),
    (only(), {"measure": {"knn": {"label": "control"}}}, "write controls: true in tasks.t.measure.knn"),
    (only(batch="1"), {"measure": {"knn": {"exclude": ["batch"]}}}, "one batch in all 22 rows"),
    (only(moa="x"), {"model": {"train": {"supervised": {"label": "moa"}}}}, "only x"),
    (only(moa=""), {"model": {"probe": "moa"}}, "no value in 30 rows"),
    (only(moa=""), {"measure": {"nearest_class": {}}}, "none among 0 classes"),
    (only(moa=wells()["treatment"]), {"measure": {"matching": {}}}, "none among 4 classes of 4 compounds"),
    (only(moa=wells()["treatment"]), {"measure": {"nearest_class": {}}}, "none among 4 classes of 4 compounds"),
    (
        only(moa=wells()["treatment"]),
        {"measure": {"nearest_class": {}}, "level": "treatment"},
        "none among 4 classes of 4 compounds",
    ),
    (only(batch="1"), {"measure": {"mixing": {}}}, "1 of batch; 4 of treatment with two wells or more"),
    (unmarked("positive"), {"measure": {"assay_quality": {}}}, "0 positive and 8 negative on 2 plates"),
    (unmarked("negative"), {"measure": {"assay_quality": {}}}, "4 positive and 0 negative on 2 plates"),
    (unmarked("negative"), {"measure": {"dose_response": {}}}, "none; 0 of 30 rows have a dose"),
    (only(dose=""), {"measure": {"dose_response": {}}}, "none; 0 of 30 rows have a dose"),
    (only(dose=1), {"measure": {"dose_response": {}}}, "a treatment of three doses or more"),
    (wells().drop(columns="dose"), {"measure": {"dose_response": {}}}, "a column dose of the wells table"),
    (unmarked("negative"), {"measure": {"average_precision": {}}}, "0 wells can be negatives"),
    (only(treatment=""), {"measure": {"average_precision": {}}}, "none in 30 wells"),
    (only(control="negative"), {"measure": {"replicating": {}}}, "none of 0"),
    (unmarked("negative"), {"steps": [{"sphering": {}}]}, "0, half of the 0 wells"),
    (one_negative().query("plate == 'P1'"), {"steps": [{"sphering": {}}], "plates": ("P1",)}, "half of the 1 wells"),
    (unmarked("negative"), {"steps": [{"standardize": {}}, {"coral": {}}]}, "corrections.c.1 of d.coral"),
    (unmarked("negative"), {"steps": [{"standardize": {"fit": "controls"}}]}, "0 on plate P1, 0 on plate P2"),
    (one_negative(), {"steps": [{"standardize": {"fit": "controls"}}]}, "two fitting controls or more in every plate"),
]


@pytest.mark.parametrize(("table", "case", "words"), NEEDS, ids=[f"{case} {words}" for _, case, words in NEEDS])
def test_what_would_stop_after_training_is_refused(planned, table, case, words):
    refused(planned, ["expected", "found", "where", "edit", words], table, **case)


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
    monkeypatch.setattr(demands, "MAX_ROWS", 29)
    refused(planned, ["30 rows", "figures.f.draw.similarity"], draw={"similarity": {}})
    planned(draw={"similarity": {}}, level="treatment")


def test_every_need_that_is_declared_is_known():
    declared = {need for section in SECTIONS for one in choices(section).values() for need in one.needs}
    assert declared == set(demands.NEEDS)


def test_columns_are_read_from_every_shape_of_option():
    assert demands.names("") == []
    assert demands.names("moa") == ["moa"]
    assert demands.names(["plate+well", "moa"]) == ["plate", "well", "moa"]
