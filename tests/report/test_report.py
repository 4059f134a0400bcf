"""The report is one small, complete, harmless file, whatever the run lacks."""

import json
import re
import shutil
import zlib
from base64 import b64decode
from copy import deepcopy
from html.parser import HTMLParser
from pathlib import Path

import made_run
import numpy as np
import pandas as pd
import pytest
from wellread.alarms.alarm import COLUMNS
from wellread.measure import tidy
from wellread.measure.compare import CHANCE, compare
from wellread.measure.hits import hits
from wellread.profiles import controls
from wellread.profiles.ledger import build_ledger
from wellread.report import interactive, plates, svg, tasks
from wellread.report.page import CHAPTERS, report
from wellread.report.run import Run
from wellread.report.words import number
from wellread.runtime import table_files

pytestmark = pytest.mark.dag

PLATE = ("fields", "calibration", "masks", "crops", "cells", "lost")
KINDS = ("ledger", "profiles", "tasks", "masks", "model", "training", "figures")
VOID = {"meta", "link", "img"}


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    folder = tmp_path_factory.mktemp("run")
    run = made_run.write(folder)
    table_files.write(
        build_ledger(run.images, run.plates, run.wells, run.profiles), folder / "ledger.parquet", "ledger"
    )
    run.inputs["ledger"] = str(folder / "ledger.parquet")
    moa = [path for path in run.inputs["tasks"] if "/moa/" in path]
    table_files.write(compare(moa, ["other"], {"moa": {"nsc": "nsc_treatment"}}, seed=0), folder / "ladder", "ladder")
    run.inputs["ladder"] = str(folder / "ladder")
    profiles = table_files.read(folder / "results/demo/profiles/tiny/sphering/well.parquet", "profiles")
    found = hits(profiles, controls.swapped(profiles), 3, model="tiny", correction="sphering", null_size=20)
    table_files.write(found, folder / "hits.parquet", "hits")
    run.inputs["hits"] = str(folder / "hits.parquet")
    run.config = run.config | {"hits": {"threshold": 0.05}}
    sounded = [
        ("chance", made_run.ODD, "chance gives as much", "an interval above chance expected", "report no effect")
    ]
    table_files.write(pd.DataFrame(sounded, columns=COLUMNS), folder / "alarms", "alarms")
    run.inputs["alarms"] = str(folder / "alarms")
    return run


@pytest.fixture(scope="module")
def page(run, tmp_path_factory):
    return written(tmp_path_factory.mktemp("page"), run.inputs, run.wells, run.config)


def without_pictures(run) -> dict:
    """The inputs of a page whose cells and fields are not drawn."""
    return {kind: paths for kind, paths in run.inputs.items() if kind not in ("masks", "crops", "looks", "training")}


def written(folder, inputs, wells, config) -> str:
    report(folder / "demo.html", "demo", inputs, wells, config)
    return (folder / "demo.html").read_text()


class Tags(HTMLParser):
    """Collects tags and text, and refuses tags that are not closed in order."""

    def __init__(self, page):
        super().__init__()
        self.open, self.tags, self.text = [], [], []
        self.feed(page)
        assert not self.open

    def handle_starttag(self, tag, attributes):
        self.tags.append((tag, dict(attributes)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attributes):
        self.tags.append((tag, dict(attributes)))

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.text.append(data)


def text(page) -> str:
    return " ".join(" ".join(Tags(page).text).split())


def section(page, name) -> str:
    """The text of a section of the page."""
    return text(page[page.index(f'<section id="{name}">') :].split("</section>")[0] + "</section>")


def test_alarms_stand_above_all_else_and_only_where_there_are_some(run, page, tmp_path):
    assert page.index('id="alarms"') < page.index('id="answer"')
    assert "chance gives as much; an interval above chance expected. Report no effect." in page
    inputs = {kind: paths for kind, paths in without_pictures(run).items() if kind != "alarms"}
    assert 'alarms"' not in re.sub(
        "<style>.*</style>", "", written(tmp_path, inputs, run.wells, run.config), flags=re.S
    )


def test_chapters_are_in_the_words_of_readers_and_sections_have_the_verbs_as_anchors(page):
    tags = Tags(page).tags
    sections = [attributes["id"] for tag, attributes in tags if tag == "section"]
    links = [attributes["href"] for tag, attributes in tags if tag == "a" and attributes["href"].startswith("#")]
    unasked = {"tabulate", "patches", "look", "map"}
    shown = {title: [name for name in chapter if name not in unasked] for title, chapter in CHAPTERS.items()}
    assert sections == [name for names in shown.values() for name in names]
    assert links == [f"#{names[0]}" for names in shown.values() if names]


def linked(page) -> dict[str, str]:
    """What the navigation lists: {words: anchor}."""
    nav = page[page.index("<nav") : page.index("</nav>")]
    return {words: anchor for anchor, words in re.findall('<a href="#(.*?)">(.*?)</a>', nav)}


def test_the_navigation_calls_sections_as_their_headings_do(page):
    headings = dict(re.findall(r'<section id="(\w+)"[^>]*><h2>(.*?)</h2>', page))
    assert linked(page) == {headings[anchor]: anchor for anchor in linked(page).values()}
    assert linked(page)["Figures of profiles"] == "draw"  # there is no map, which else begins that chapter


def test_the_ledger_is_told(page):
    page_text = text(page)
    assert "Of 48 fields of view, 46 could be used. They hold 169 cells, of which 127 were cut out whole" in page_text
    for lost in ("−1 missing", "−1 blank", "−20 edge", "−6 not in wells table", "−1 below min_cells", "−1 no cells"):
        assert lost in page_text


def test_results_come_with_interval_and_chance(run, page):
    table = pd.read_parquet(next(p for p in run.inputs["tasks"] if p.endswith("moa/tiny_sphering.parquet")))
    every = table[table["item"] == ""].groupby("metric")["value"].mean()
    assert f"nsc {number(every.nsc)}" in text(page)
    assert f"{number(every.nsc_low)} to {number(every.nsc_high)} chance {number(every.nsc_chance)}" in text(page)


def test_what_a_design_cannot_answer_stands_in_words(run, tmp_path):
    """For one pair: nsc cannot be decided, so it has no number there, no picture and no claim to be the highest."""
    undecided = "tiny_sphering.parquet"
    inputs = dict(without_pictures(run), tasks=[], hits=[])
    for path in (p for p in map(Path, run.inputs["tasks"]) if p.parent.name == "moa"):
        copied = tmp_path / "moa" / path.name
        copied.parent.mkdir(exist_ok=True)
        answers = pd.read_parquet(path)
        if path.name == undecided:
            answers = tidy.table(
                [tidy.undecidable("nsc", "one compound <of> 1 class: x", 7), tidy.row("nscb", 0.125, 7)]
            )
        table_files.write(answers, copied, "answers")
        inputs["tasks"].append(str(copied))
    page = written(tmp_path, inputs, run.wells, run.config)
    told, measured = section(page, "answer"), section(page, "measure")
    assert "tiny sphering undecidable: one compound <of> 1 class: x 0.125" in measured
    assert measured.count("undecidable") == 1
    assert "moa nsc undecidable one compound <of> 1 class: x" in told  # though nscb, and other pairs, have numbers
    assert tidy.undecided(tidy.table([tidy.undecidable("nsc", "a: b", 7)])) == {"nsc": ("a: b", 7)}


def test_headlines_are_what_measures_declare_of_the_main_model_and_correction_alone(run, tmp_path):
    """Activity: the share of active treatments, and of fakes, though other metrics come first or others are higher."""
    shares = {("tiny", "none"): (0.4, 0.02), ("tiny", "sphering"): (0.125, 0.5), ("other", "sphering"): (0.75, 0.03)}
    for (model, correction), (active, fakes) in shares.items():
        values = {"mean_average_precision": 1 - active, "fraction_active": active, "fakes_active": fakes}
        (tmp_path / "activity").mkdir(exist_ok=True)
        path = tmp_path / "activity" / f"{model}_{correction}.parquet"
        table_files.write(tidy.table([tidy.row(*pair, 9) for pair in values.items()]), path, "answers")
    tasks_of = {"activity": {"level": "well", "measure": {"average_precision": {}}}}
    config = deepcopy(run.config) | {"tasks": tasks_of}
    inputs = dict(without_pictures(run), tasks=sorted(map(str, (tmp_path / "activity").iterdir())), hits=[])
    inputs["ladder"] = []
    answer = section(written(tmp_path, inputs, run.wells, config), "answer")
    assert "activity fraction active 0.125 1 of 9 treatments fakes active 0.500" in answer  # the last correction
    assert "none value, minus sphering activity fraction active 0.125 0.400 +0.275" in answer
    assert "other value, minus tiny activity fraction active 0.125 0.750 +0.625" in answer
    config["models"]["other"]["baseline"] = True
    config["datasets"]["demo"]["headline"] = "none"
    answer = section(written(tmp_path, inputs, run.wells, config), "answer")
    assert "activity fraction active 0.400 4 of 9 treatments fakes active 0.0200" in answer
    assert "0.750" not in answer


def test_the_page_tells_what_tasks_and_figures_look_at(run, page, tmp_path):
    told = [section(page, name).count("profiles of every treatment") for name in ("measure", "draw", "mechanisms")]
    assert told == [1, 1, 1]
    config = deepcopy(run.config)
    for entry in (config["tasks"]["moa"], config["figures"]["map"]):
        entry |= {"pool": ["demo", "other"], "where": {"dose": "max", "plate": ["P1", "P2"]}}
    told = text(written(tmp_path, without_pictures(run), run.wells, config))
    words = "profiles of every treatment of demo and other, where dose: max; plate: P1, P2"
    assert told.count(words) == 3  # at the task, at the figure and in the methods


def test_differences_from_baselines_are_beside_the_task(run, page):
    rows = table_files.read(run.inputs["ladder"], "ladder")
    assert len(rows) == 6
    for row in rows.itertuples():
        assert f"{row.model} {row.baseline} {row.correction} {number(row.difference)} 4" in text(page)
    assert "– to –" not in text(page)


def test_what_is_explained_by_the_number_of_cells_is_said_of_its_task(tmp_path):
    rows = [("moa", "nsc", "none", *pair) for pair in (("net", "count", -1.0), ("count", CHANCE, 0.5))]
    rows += [("activity", "map", "none", "net", "count", 0.5), ("activity", "map", "none", "net", CHANCE, 0.5)]
    ladder = pd.DataFrame(rows, columns=["task", "metric", "correction", "model", "baseline", "low"])
    ladder = ladder.assign(compounds=9, value=0.5, baseline_value=0.5)
    table_files.write(ladder, tmp_path / "ladder.parquet", "ladder")
    config = {"models": {"net": {"encoder": {"vit": {}}}, "count": {"encoder": {"cell_count": {}}}}}
    run = Run.from_inputs("d", {"ladder": tmp_path / "ladder.parquet"}, None, config)
    words = {task: tasks._verdict(run, task) for task in ("moa", "activity", "other")}
    assert words == {"moa": "explained by cell count", "activity": "beyond cell count: net", "other": ""}


def test_both_effective_ranks_say_what_they_are_of(page):
    assert "effective rank of cells number of independent directions of the tokens of single cells" in section(
        page, "train"
    )
    words = section(page, "embed")
    assert (
        "The effective rank of wells is the number of independent directions in which these profiles of wells" in words
    )
    assert "effective rank of wells SHA-256" in words


def test_names_of_users_are_text(page):
    assert "<script>alert" not in page
    assert "&lt;script&gt;alert(" in page
    packed = re.search('id="data">(.*?)</script>', page)[1]
    assert made_run.ODD in json.loads(zlib.decompress(b64decode(packed)))["items"]
    assert made_run.ODD in text(page)
    assert "P2 <b>B02</b>" in text(page)
    assert "cost $5_a$" in text(page)


def without_scripts(page) -> str:
    return re.sub(r"<script(?! type=.application/json).*?</script>", "", page, flags=re.S)


def test_it_needs_no_other_file(page):
    tags = Tags(page).tags
    sources = [a[key] for _, a in tags for key in ("src", "href") if key in a]
    beside = "demo.run.json"  # to be clicked, not needed
    assert all(source.startswith(("data:", "#")) or source == beside for source in sources)
    assert not re.findall(r"https?://|url\((?!data:)|@import", without_scripts(page))
    assert "default-src 'none'; connect-src 'none'" in page


def test_scripts_are_our_own_and_those_of_bokeh_once_as_text(page):
    kinds = re.findall(r'<script(| type="text/plain" class="library")>(.*?)</script>', page, flags=re.S)
    library = [script.lstrip()[:24] for kind, script in kinds if kind]
    assert library == ["/* BEGIN bokeh.min.js */", "/* BEGIN bokeh-gl.min.js"]
    own = [path.read_text() for path in (interactive.SCRIPTS / f"{name}.js" for name in interactive.OWN)]
    assert [script for kind, script in kinds if not kind] == own


@pytest.mark.dag
def test_it_is_small_and_the_same_every_time(run, page, tmp_path):
    assert len(without_scripts(page).encode()) < 700_000  # two plates, two models, eight figures
    assert len(page.encode()) < 2_400_000
    assert page == written(tmp_path, run.inputs, run.wells, run.config)


@pytest.mark.slow
@pytest.mark.parametrize("missing", KINDS)
def test_a_missing_kind_of_result_leaves_a_page(run, tmp_path, missing):
    inputs = {kind: paths for kind, paths in run.inputs.items() if kind != missing}
    Tags(written(tmp_path, inputs, run.wells, run.config))


def test_an_empty_run_without_wells_is_still_a_page(run, tmp_path):
    page = written(tmp_path, {}, None, run.config)
    assert re.findall('<section id="(.*?)"', page) == ["answer", "methods", "provenance", "files"]
    assert [*linked(page).values()] == ["answer", "methods", "files"]
    assert "map: {} in the config asks for one" in text(page)


def test_ready_profiles_have_no_chapters_of_images(run, tmp_path):
    config = run.config | {"datasets": {"demo": {"object": "profile"}}}
    page = written(tmp_path, {"profiles": run.inputs["profiles"]}, run.wells, config)
    assert [*linked(page).values()] == [
        "answer",
        "plates",
        "correct",
        "embed",
        "methods",
        "files",
    ]  # and none that are empty
    assert linked(page)["Encoders"] == "embed"
    assert "2 plates · ready profiles" in text(page)
    assert "they were read from feature tables" in text(page)


def test_a_plate_without_cells_is_reported(run, tmp_path):
    plate = tmp_path / "P1"
    shutil.copytree(run.plates["P1"]["fields"].parent, plate)
    for kind in ("cells", "lost"):
        table_files.write(pd.read_parquet(plate / f"{kind}.parquet").iloc[:0], plate / f"{kind}.parquet", kind)
    np.save(plate / "crops.npy", np.load(plate / "crops.npy")[:0])
    inputs = {kind: [str(path) for path in sorted(plate.glob(f"{kind}.*"))] for kind in PLATE}
    page = written(tmp_path, inputs, run.wells, run.config)
    assert "P1 24 24 0, 0, 0 – –" in text(page)
    assert '<section id="crops">' not in page


def test_images_moved_away_since_are_reported(run, tmp_path):
    plate = tmp_path / "P1"
    shutil.copytree(run.plates["P1"]["fields"].parent, plate)
    fields = pd.read_parquet(plate / "fields.parquet")
    table_files.write(fields.replace(r".*\.tif", "gone.tif", regex=True), plate / "fields.parquet", "fields")
    inputs = {kind: [str(path) for path in sorted(plate.glob(f"{kind}.*"))] for kind in PLATE}
    assert "no longer where they were" in text(written(tmp_path, inputs, run.wells, run.config))


@pytest.mark.slow
def test_many_plates_stay_small(run, tmp_path):
    """Forty plates: pictures of four of them only."""
    page_of_two = len(written(tmp_path, run.inputs, run.wells, run.config))
    inputs = dict(run.inputs)
    for i in range(40):
        folder = tmp_path / f"Q{i:02d}"
        folder.symlink_to(run.plates["P1"]["fields"].parent)
        for kind in PLATE:
            name = run.inputs[kind][0].rsplit("/", 1)[1]
            inputs[kind] = [*inputs[kind], str(folder / name)]
    page = written(tmp_path, inputs, run.wells, run.config)
    assert "4 of 42 plates are shown" in text(page)
    assert len(page) < 2 * page_of_two


@pytest.mark.parametrize(
    ("value", "shown"),
    [(0, "0"), (1234567, "1,234,567"), (0.12345, "0.123"), (0.5, "0.500"), (-3.0, "−3"), (12345.6, "12,346"),
     (0.0000123, "1.23e−05"), (None, "–"), (float("nan"), "–"), (99.96, "100."), (2.2e-17, "0")],
)  # fmt: skip
def test_numbers_are_written_as_one_would(value, shown):
    assert number(value) == shown.rstrip(".")


def test_plate_maps_choose_their_format_and_bear_any_name():
    assert svg.plate_map({"A01": 1, "H12": 2}, 0, 2).count("<circle") == 2
    assert ">24<" in svg.plate_map({"P24": 1}, 0, 1)
    assert ">AF<" in svg.plate_map({"AF48": 1}, 0, 1)
    assert "<circle" not in svg.plate_map({"<b>": 1}, 0, 1)


def test_a_plate_without_a_usable_field_has_no_examples():
    assert plates._example_fields(pd.Series(dtype=int), 0, "P1") == {}
    assert plates._example_fields(pd.Series([4], index=[2]), 0, "P1") == {"most objects": 2}


def test_hits_are_listed_with_what_is_known_of_them(run, page):
    table = table_files.read(run.inputs["hits"], "hits")
    words = text(page[page.index('<section id="hits">') : page.index('<section id="plates">')])
    assert "<script>" not in page[page.index('<section id="hits">') :].split("</section>")[0]
    for name in table["treatment"]:
        assert name in words
    for row in table.itertuples():
        assert f"{row.treatment} {row.reason or row.moa}" in words
    assert "For none of them can it be decided" in words  # too few wells
    assert "results/demo/hits.csv" in words


def test_a_page_without_hits_says_how_to_get_them(run, tmp_path):
    without = {kind: paths for kind, paths in without_pictures(run).items() if kind != "hits"}
    assert "hits: {} in the config asks for one" in text(written(tmp_path, without, run.wells, run.config))
