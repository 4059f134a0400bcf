"""Every number of the chapter Answer is one of the tables beside the page."""

import math
import re
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from wellread.alarms.alarm import COLUMNS
from wellread.measure import tidy
from wellread.measure.compare import CHANCE
from wellread.measure.three_tests import TESTS
from wellread.report import templates
from wellread.report.answer import _active, above_chance, answer
from wellread.report.doubt import doubt
from wellread.report.mechanisms import class_tables, classes, share_no_class
from wellread.report.run import Run
from wellread.report.wells import known_as
from wellread.report.words import number
from wellread.runtime import table_files

MOA = {"a": "one", "b": "one", "c": "two", "d": "two|three", "e": "three"}
CONFIG = {
    "models": {"count": {"encoder": {"cell_count": {}}}, "net": {"encoder": {"vit": {}}}},
    "corrections": {"none": [], "sphered": [{"sphering": {}}]},
    "tasks": {"mechanism": {"level": "treatment", "measure": {"nearest_class": {"label": "moa"}}}},
    "hits": {"threshold": 0.1},
    "datasets": {"d": {"object": "profile", "headline": "sphered"}},
}


@pytest.fixture
def run(tmp_path):
    return made(tmp_path, low=0.5)


def made(folder, low) -> Run:
    """Two models with two corrections; `low` is the lower end of the interval of nsc, chance is 0.3."""
    paths = {"tasks": [], "profiles": []}
    for shift, (model, correction) in enumerate((m, c) for m in CONFIG["models"] for c in CONFIG["corrections"]):
        path = folder / "mechanism" / f"{model}_{correction}.parquet"
        path.parent.mkdir(exist_ok=True)
        table_files.write(answers(0.6 + shift / 100, low), path, "answers")
        profile = folder / "profiles" / model / correction / "well.parquet"
        profile.parent.mkdir(parents=True)
        table_files.write(pd.DataFrame({"Metadata_Plate": ["P"], "f": [0.0]}), profile, "profiles")
        paths["tasks"].append(path)
        paths["profiles"].append(profile)
    rows = [
        ("mechanism", "nsc", "sphered", "net", other, gain, gain - 0.1)
        for other, gain in (("count", 0.05), (CHANCE, 0.3))
    ]
    ladder = pd.DataFrame(rows, columns=["task", "metric", "correction", "model", "baseline", "difference", "low"])
    ladder = ladder.assign(high=0.4, compounds=9, value=0.6, baseline_value=0.3)
    table_files.write(ladder, folder / "ladder.parquet", "ladder")
    table_files.write(hits(), folder / "hits.parquet", "hits")
    return Run.from_inputs(
        "d", paths | {"ladder": folder / "ladder.parquet", "hits": folder / "hits.parquet"}, None, CONFIG
    )


def answers(value, low) -> pd.DataFrame:
    rows = [tidy.row("nsc", value, 5), tidy.row("nsc_low", low, 5), tidy.row("nsc_high", 0.9, 5)]
    rows += [tidy.row("nsc_chance", 0.3, 5, repeat=i) for i in range(3)]
    shares = {"one": (1.0, 2), "two": (0.5, 2), "three": (0.0, 3), "four": (1.0, 1)}
    return tidy.table(rows + [tidy.row("nsc_class", *pair, name) for name, pair in shares.items()])


def hits() -> pd.DataFrame:
    table = pd.DataFrame({"treatment": list(MOA), "active": pd.array([3, 2, 2, 0, None], "Int64")})
    nearest = {"nearest_1": ["b", "c", "b", "e", "a"], "nearest_1_cosine": [0.9, 0.8, 0.8, 0.7, 0.6]}
    decided = {f"{name}_active": pd.array([True, True, True, False, None], "boolean") for name in TESTS}
    return table.assign(model="net", correction="sphered", reason="", **decided, **nearest, moa=list(MOA.values()))


def test_active_treatments_are_counted_and_the_strongest_named(run):
    told, table = answer(run)["active"], hits()
    assert told["by_tests"] == [(n, int((table["active"] >= n).sum())) for n in (3, 2, 1)]
    assert (told["of"], told["undecided"], told["threshold"]) == (4, 1, 0.1)
    assert (told["strongest"], told["tests"], told["doses"]) == ([("a", 3), ("b", 2), ("c", 2)], 3, False)


def test_positive_controls_are_no_treatments_that_were_found():
    """Of a, c and d two are active, at least one of three tests says; b was known to be."""
    table = hits().assign(item=list(MOA), called=list(MOA), control=["", "positive", "", "", ""])
    told = _active(SimpleNamespace(config={"hits": {}}), table)
    assert (told["of"], told["undecided"], told["positive"]) == (3, 1, 1)
    assert told["strongest"] == [("a", 3), ("c", 2)]
    assert told["by_tests"] == [(3, 1), (2, 2), (1, 2)]


def test_a_test_that_decides_nothing_is_named(run):
    table = hits().assign(item=list(MOA), called=list(MOA), map_active=pd.array([None] * 5, "boolean"))
    told = _active(SimpleNamespace(config={"hits": {}}), table)
    assert told["silent"] == ["mean average precision"]
    chapter = templates.environment().get_template("chapters/answer.html")
    words = "by all three, as none can be decided by mean average precision"
    assert words in chapter.render(run=run, c=answer(run) | {"active": told})
    assert words not in chapter.render(run=run, c=answer(run))


def test_a_treatment_is_called_by_its_name_where_an_identifier_has_one():
    table = pd.DataFrame({"treatment": ["BRD-1", "BRD-2", "taxol"], "pert_iname": ["SU3327", None, "taxol"]})
    assert known_as(table) == ["SU3327", "", ""]
    assert known_as(table[["treatment"]]) == ["", "", ""]


def test_classes_that_gather_are_those_of_which_most_profiles_are_retrieved(run):
    (told,) = answer(run)["gathered"]
    assert told["above"]
    assert (told["yes"], told["no"]) == ([("one", 2, 2)], [("three", 0, 3), ("two", 1, 2)])
    assert told["of"] == 3  # a class of one profile cannot gather
    (table,) = class_tables(run)
    assert (len(table["rows"]), table["several"]) == (4, 3)
    chapter = templates.environment().get_template("chapters/answer.html").render(run=run, c=answer(run))
    assert "1 of 3 classes of two profiles or more gathers" in chapter


def test_no_class_is_named_where_the_interval_includes_chance(tmp_path):
    told = answer(made(tmp_path, low=0.29))
    assert not told["gathered"][0]["above"]
    assert told["doubt"]["kind"] == "chance"


def test_pairs_across_labels_are_active_and_of_classes_without_a_common_one(run):
    told = answer(run)["alike"]
    assert told["pairs"] == [(("b", "one"), ("c", "two"), 0.8)]
    assert share_no_class("two|three", "one")
    assert not share_no_class("two|three", "three")
    assert not share_no_class("", "three")


@pytest.mark.dag
def test_the_main_model_and_correction_stand_beside_baselines_and_others(run):
    assert run.main == ("net", "sphered")
    (row,) = answer(run)["rows"]
    tables = {path.stem: table_files.read(path, "answers") for path in run.paths("tasks")}
    of = {name: table.query("metric == 'nsc'")["value"].item() for name, table in tables.items()}
    assert row["value"]["value"] == of["net_sphered"]
    assert {name: own["value"] for name, own in row["corrections"].items()} == {"none": of["net_none"]}
    ladder = table_files.read(run.paths("ladder")[0], "ladder").set_index("baseline")
    assert {name: told.difference for name, told in row["less"].items()} == ladder["difference"].to_dict()
    assert row["exceeds"] == [CHANCE]  # of the number of cells the interval includes 0
    assert answer(run)["exceeds_all"] == []


@pytest.mark.dag
def test_every_number_on_the_page_is_in_the_tables_beside_it(run):
    """Numbers of hits.parquet, the answers and the ladder, their differences, and how many there are of what."""
    chapter = templates.environment().get_template("chapters/answer.html").render(run=run, c=answer(run))
    shown = re.findall(r"(?<![\w.−-])[+−]?\d[\d,.]*\d|(?<![\w.−-])\d", re.sub("<code>.*?</code>|<[^>]*>", " ", chapter))
    answers = [table_files.read(path, "answers") for path in run.paths("tasks")]
    values = {value for table in answers for value in table.loc[table["item"] == "", "value"]}
    values |= {round(share * n) for share, n in answers[0].loc[answers[0]["item"] != "", ["value", "n"]].to_numpy()}
    values |= {one - other for one in values for other in values} | {*answers[0]["n"]}
    values |= set(table_files.read(run.paths("ladder")[0], "ladder")[["difference", "low", "high"]].to_numpy().ravel())
    values |= set(table_files.read(run.paths("hits")[0], "hits")["nearest_1_cosine"]) | set(range(len(MOA) + 1))
    known = {number(value) for value in values} | {"95", "0.1"}  # % of intervals, the false-discovery rate
    assert len(shown) > 30
    assert [text for text in shown if text.lstrip("+") not in known] == []


@pytest.mark.parametrize(
    ("interval", "chance", "above"),
    [((0.4, 0.8), (0.1, 0.3, 0.5), True), ((0.2, 0.8), (0.1, 0.3, 0.5), False), ((0.4, 0.8), (0.1, 0.3, 0.7), False),
     (None, (0.1, 0.3, 0.5), True), (None, None, False)],
)  # fmt: skip
def test_what_is_above_chance(interval, chance, above):
    assert above_chance({"value": 0.6, "interval": interval, "chance": chance}) is above
    assert not above_chance({"undecidable": "one batch", "n": 3})


def test_classes_of_every_level_of_strictness(tmp_path):
    rows = [tidy.row("nsc", 0.5, 4), tidy.row("nsc_class", 0.25, 4, "x"), tidy.row("nscb_class", 0.75, 4, "y")]
    (tmp_path / "mechanism").mkdir()
    path = tmp_path / "mechanism" / "net_sphered.parquet"
    table_files.write(tidy.table(rows), path, "answers")
    (tmp_path / "other").mkdir()
    run = made(tmp_path / "other", 0.5)
    run.inputs["tasks"] = [path]
    told = classes(run, "mechanism")
    assert told["metrics"] == ["nsc", "nscb"]
    assert told["rows"] == [{"name": "x", "cells": [(0.25, 4), None]}, {"name": "y", "cells": [None, (0.75, 4)]}]


def row(**other) -> dict:
    """A row of the chapter as `answer` makes it: above chance, and above the number of cells."""
    less = {"count": SimpleNamespace(baseline="count", low=0.1, difference=0.2, best=False)}
    return {"task": "mechanism", "value": {"value": 0.6, "chance": (0, 0.1, 0.2)}, "above": True, "less": less} | other


@pytest.mark.parametrize(
    ("alarms", "rows", "kind", "n"),
    [
        (["focus", "cell_count"], [row(above=False)], "grave", 1),
        (["focus", "rank_kept"], [row()], "alarm", 2),
        (["focus"], [row(above=False)], "chance", 1),
        ([], [row(less={})], "alone", 1),
        ([], [row(), row(value={"undecidable": "one batch"}, above=False)], "undecidable", 1),
    ],
)
def test_the_main_doubt_is_the_gravest_of_what_there_is(tmp_path, alarms, rows, kind, n):
    table = [(code, "plate P", "so", "not so", "edit") for code in alarms]
    table_files.write(pd.DataFrame(table, columns=COLUMNS), tmp_path / "alarms", "alarms")
    told = doubt(Run.from_inputs("d", {"alarms": tmp_path / "alarms"}, None, CONFIG), rows, None)
    assert (told["kind"], told["n"]) == (kind, n)
    if kind == "grave":
        assert [alarm["code"] for alarm in told["found"]] == ["cell_count"]


def test_of_every_task_the_smallest_difference_from_a_baseline_is_the_doubt():
    least = SimpleNamespace(baseline="untrained", low=-0.2, difference=0.1, best=False)
    other = SimpleNamespace(baseline="pixels", low=-0.1, difference=0.3, best=False)
    less = row()["less"] | {"pixels": other, "untrained": least}
    told = doubt(Run.from_inputs("d", {}, None, CONFIG), [row(less=less), row()], None)
    assert (told["kind"], told["n"], told["of"]) == ("baseline", 1, 2)
    assert told["found"] == [{"task": "mechanism", "less": least}]


def test_a_baseline_that_is_as_high_as_can_be_is_nearer_than_one_that_is_lower():
    tie = SimpleNamespace(baseline="untrained", low=math.nan, difference=0.0, best=True)
    far = SimpleNamespace(baseline="pixels", low=math.nan, difference=0.5, best=False)
    told = doubt(Run.from_inputs("d", {}, None, CONFIG), [row(less={"untrained": tie, "pixels": far})], None)
    assert (told["kind"], told["found"]) == ("baseline", [{"task": "mechanism", "less": tie}])


def test_a_baseline_that_has_the_highest_value_too_is_the_mildest_doubt(run):
    tie = SimpleNamespace(baseline="untrained", low=0.0, difference=0.0, best=True)
    told = doubt(Run.from_inputs("d", {}, None, CONFIG), [row(less=row()["less"] | {"untrained": tie}), row()], None)
    assert (told["kind"], told["n"], told["of"]) == ("best", 1, 2)
    chapter = answer(run) | {"doubt": told}
    html = templates.environment().get_template("chapters/answer.html").render(run=run, c=chapter)
    assert "these data cannot tell net from it: <b>mechanism</b> by untrained" in html


def test_a_metric_that_is_no_mean_over_items_has_plain_differences_and_says_why(tmp_path):
    """Z' of the net is 0.5, that of the number of cells 0.2; the ladder cannot compare them."""
    run = made(tmp_path, 0.5)
    config = CONFIG | {"tasks": CONFIG["tasks"] | {"assay": {"level": "well", "measure": {"assay_quality": {}}}}}
    (tmp_path / "assay").mkdir()
    for model, value in (("net", 0.5), ("count", 0.2)):
        path = tmp_path / "assay" / f"{model}_sphered.parquet"
        table_files.write(tidy.table([tidy.row("z_prime", value, 1)]), path, "answers")
        run.inputs["tasks"].append(path)
    run = Run("d", run.inputs, run.wells, config)
    told = answer(run)
    assert [row["plain"] for row in told["rows"]] == [{}, {"count": pytest.approx(0.3)}]
    chapter = templates.environment().get_template("chapters/answer.html").render(run=run, c=told)
    assert "<td>+0.300<small>no interval</small></td>" in chapter
    assert "Of assay the z prime is no mean over treatments" in chapter


def test_what_a_share_of_active_treatments_counts_is_said_beside_it(tmp_path):
    """Two of three treatments with all their doses, though the list of hits tests four at a dose."""
    run = made(tmp_path, 0.5)
    options = {"level": "well", "measure": {"average_precision": {}}}
    (tmp_path / "activity").mkdir()
    path = tmp_path / "activity" / "net_sphered.parquet"
    table_files.write(tidy.table([tidy.row("fraction_active", 2 / 3, 3)]), path, "answers")
    table_files.write(hits().assign(dose=[1, 2, 1, 1, 1]), tmp_path / "hits.parquet", "hits")
    for entry, words in (
        (options, "2 of 3 treatments, all doses of one tested together"),
        (options | {"where": {"dose": "max"}}, "2 of 3 treatments, where dose: max"),
        (
            options | {"measure": {"average_precision": {"sameby": ["treatment", "dose"]}}},
            "2 of 3 treatments, told apart by treatment and dose",
        ),
    ):
        run = Run("d", run.inputs | {"tasks": [path]}, run.wells, CONFIG | {"tasks": {"activity": entry}})
        told = answer(run)
        assert [row["counted"] for row in told["rows"]] == [words]
        chapter = templates.environment().get_template("chapters/answer.html").render(run=run, c=told)
        assert ("The two count different things" in chapter) == ("together" in words)


@pytest.mark.parametrize("listed", [True, False])
def test_a_share_of_active_treatments_says_of_how_many_nothing_can_be_said(tmp_path, listed):
    """One of five is decided, a positive control, and there are 40 fakes; with and without a list of hits."""
    run = made(tmp_path, 0.5)
    (tmp_path / "activity").mkdir()
    path = tmp_path / "activity" / "net_sphered.parquet"
    rows = [("fraction_active", 1.0, 1), ("fakes", 40, 40), ("fraction_decidable", 0.2, 5)]
    table_files.write(tidy.table([tidy.row(*row) for row in rows]), path, "answers")
    control = ["positive", "", "", "", ""]
    table_files.write(hits().assign(control=control), tmp_path / "hits.parquet", "hits")
    wells = pd.DataFrame({"plate": "P", "well": list("abcde"), "treatment": list(MOA), "control": control})
    inputs = run.inputs | {"tasks": [path]} | ({} if listed else {"hits": []})
    config = CONFIG | {"tasks": {"activity": {"level": "well", "measure": {"average_precision": {}}}}}
    told = answer(Run("d", inputs, wells, config if listed else config | {"hits": None}))
    assert [row["counted"] for row in told["rows"]] == [
        "1 of 1 treatment, positive controls counted too; 4 more undecidable"
    ]


def test_ready_profiles_are_told_of_baselines_that_they_can_have(tmp_path):
    inputs = {kind: paths for kind, paths in made(tmp_path, 0.6).inputs.items() if kind != "ladder"}
    for kind, possible, other in (("profile", "baseline: true", "untrained"), ("cell", "untrained", "baseline: true")):
        run = Run.from_inputs("d", inputs, None, CONFIG | {"datasets": {"d": {"object": kind, "headline": "sphered"}}})
        chapter = templates.environment().get_template("chapters/answer.html").render(run=run, c=answer(run))
        assert possible in chapter
        assert other not in chapter


@pytest.mark.parametrize(
    ("strongest", "words"),
    [
        ([("a", 3), ("b", 2), ("c", 2)], "a, b (by two tests) and c (by two tests)."),
        ([("a", 2), ("b", 2)], "a and b (by two tests)."),
        ([("a", 3), ("b", 3)], "a and b."),
        ([("a", 1)], "a (by one test)."),
    ],
)
def test_by_how_many_tests_is_told_once_where_it_is_the_same(run, strongest, words):
    told = answer(run)
    told["active"]["strongest"] = strongest
    chapter = templates.environment().get_template("chapters/answer.html").render(run=run, c=told)
    assert words in re.sub("</?b>", "", chapter)


@pytest.mark.parametrize(("most", "kind"), [(2, "tests"), (3, "none"), (0, "none")])
def test_hits_by_some_tests_only_are_a_doubt_where_nothing_else_is(most, kind):
    active = {"tests": most, "by_tests": [(3, int(most == 3)), (2, int(most > 1)), (1, int(most > 0))]}
    assert doubt(Run.from_inputs("d", {}, None, CONFIG), [row()], active)["kind"] == kind


def laid_out(wells_of: dict[str, list[str]]) -> pd.DataFrame:
    """A wells table: the position of every treatment on each of the plates."""
    rows = [(f"P{plate}", well, name) for name, wells in wells_of.items() for plate, well in enumerate(wells)]
    table = pd.DataFrame(rows, columns=["plate", "well", "treatment"])
    return table.assign(control=np.where(table["treatment"] == "DMSO", "negative", ""))


@pytest.mark.parametrize(
    ("wells", "steps", "kind"),
    [
        ({"a": ["A01", "A01"], "b": ["A02", "A02"], "c": ["A03", "B03"]}, [], "layout"),
        ({"a": ["A01", "A01"], "b": ["A02", "A02"], "c": ["A03", "B03"]}, [{"position": {}}], "none"),
        ({"a": ["A01", "A01"], "b": ["A02", "A02"]}, [{"standardize": {}}, {"sphering": {"of": "positions"}}], "none"),
        ({"a": ["A01", "A01"], "b": ["A02", "B02"], "DMSO": ["A03", "A03"]}, [{"sphering": {}}], "none"),
        ({"a": ["A01"], "b": ["A02"]}, [], "none"),
        ({"a": ["A01", "A01"]}, {"choose": {"among": ["none", "p"], "by": "t"}}, "none"),
    ],
)
def test_treatments_that_keep_their_positions_are_a_doubt_unless_these_are_taken_out(wells, steps, kind):
    config = CONFIG | {"corrections": {"none": [], "p": [{"position": {}}], "sphered": steps}}
    told = doubt(Run.from_inputs("d", {}, laid_out(wells), config), [row()], None)
    assert told["kind"] == kind
    assert kind == "none" or told["found"] == [{"kept": 2, "several": 3}]


def test_the_page_tells_how_many_treatments_keep_their_positions(tmp_path):
    inputs = {kind: paths for kind, paths in made(tmp_path, 0.6).inputs.items() if kind != "ladder"}
    run = Run("d", inputs, laid_out({"a": ["A01", "A01"], "b": ["A02", "A02"]}), CONFIG)
    chapter = templates.environment().get_template("chapters/answer.html").render(run=run, c=answer(run))
    assert "2 of 2 treatments on several plates have the same positions on all of them" in chapter
