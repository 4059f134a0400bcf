"""The page of several datasets: answers of each with a link to its page, all tables, and the figures of all."""

import re
from copy import deepcopy

import made_run
import pandas as pd
import pytest
from PIL import Image
from wellread.measure.tabulate import KEYS, NUMBERS
from wellread.report.overview import overview
from wellread.runtime import table_files

NAMES = ("demo", "demo 2")


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A finished run, beside it the same as another dataset, with an alarm, and a table of both."""
    folder = tmp_path_factory.mktemp("overview")
    made_run.write(folder)
    home = folder / "results"
    (home / NAMES[0]).rename(home / NAMES[1])
    made_run.write(folder / "again")
    (folder / "again/results/demo").rename(home / NAMES[0])
    alarm = {"code": "x", "of": "plate P1", "found": "it is <dark>", "limit": "", "edit": "look"}
    for name, alarms in zip(NAMES, ([], [alarm]), strict=True):
        table_files.write(pd.DataFrame(alarms, columns=list(alarm)), home / name / "alarms.parquet", "alarms")
    rows = [(name, "moa", "nsc", "tiny", "none", value) for name, value in zip(NAMES, (0.25, 0.75), strict=True)]
    table = pd.DataFrame(rows, columns=[*KEYS, "value"]).reindex(columns=[*KEYS, *NUMBERS])
    table = table.assign(repeats=1, n=4, note="", published_of="", source="").astype(dict.fromkeys(NUMBERS, float))
    for path in home.glob("*/figures/*/*.png"):
        Image.new("RGB", (20, 10), "red" if path.is_relative_to(home / NAMES[0]) else "blue").save(path)
    (home / "tables").mkdir()
    table_files.write(table, home / "tables/both.parquet", "collected")
    Image.new("RGB", (20, 10)).save(home / "tables/both.png")
    return folder


def page(folder, **left_out):
    """The page of both datasets."""
    home = folder / "results"
    inputs = {
        "alarms": [home / name / "alarms.parquet" for name in NAMES],
        "tasks": sorted(home.glob("*/tasks/*/*.parquet")),
        "profiles": sorted(home.glob("*/profiles/*/*/well.parquet")),
        "figures": sorted(home.glob("*/figures/*/*.png")),
        "tables": [home / "tables/both.parquet"],
        "charts": [home / "tables/both.png"],
    } | left_out
    config = deepcopy(made_run.CONFIG)
    config["datasets"] = dict.fromkeys(NAMES, config["datasets"]["demo"])
    overview(home / "overview.html", home, inputs, config)
    return (home / "overview.html").read_text(encoding="utf-8")


def section(text, name):
    return re.search(f'<section id="{name}">(.*?)</section>', text, re.DOTALL).group(1)


def test_answers_of_every_dataset_stand_below_a_link_to_its_page(folder):
    found = section(page(folder), "answers")
    parts = re.split("<h3>", found)[1:]
    assert [re.search('href="(.*?)"', part).group(1) for part in parts] == [
        "reports/demo.html",
        "reports/demo%202.html",
    ]
    for part in parts:
        assert "tiny with sphering" in part
        assert [name for name in made_run.CONFIG["tasks"] if f'<td class="name">{name}<' in part] == ["moa", "activity"]


def test_an_alarm_is_told_of_its_dataset_alone(folder):
    first, second = re.split("<h3>", section(page(folder), "answers"))[1:]
    assert "alarm" not in first
    assert "1 alarm<" in second
    assert "<b>plate P1</b>: it is &lt;dark&gt;." in second


def test_tables_with_their_charts_and_figures_of_every_dataset_are_there(folder):
    text = page(folder)
    tables, figures = section(text, "tabulate"), section(text, "figures")
    assert "<h3>both</h3>" in tables
    assert "0.25" in tables
    assert "0.75" in tables
    assert tables.count("<img") == 1
    n = len(list((folder / "results").glob("*/figures/*/*.png")))
    assert figures.count("<img") == n > 0
    uris = {name: set() for name in NAMES}
    for part in re.split("<h3>", figures)[1:]:
        uris[part.split(": ")[0]] |= set(re.findall('src="(.*?)"', part))
    first, second = uris.values()  # one colour each
    assert len(first) == len(second) == len(first | second) / 2 == 1


def test_what_there_is_not_is_left_out(folder):
    text = page(folder, tables=[], charts=[], figures=[])
    assert re.findall('<section id="(.*?)">', text) == ["answers"]
    assert re.findall('<li><a href="#(.*?)">', text) == ["answers"]


def test_it_needs_no_other_file_and_is_the_same_every_time(folder):
    text = page(folder)
    assert text == page(folder)
    assert not re.findall(r'(?:src|href)="(?!data:|#|reports/)', text)
