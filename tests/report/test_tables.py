"""The chapter of tables: all cells of the table as it is printed, and what is to say of published values."""

import re
from html import unescape

import pandas as pd
from PIL import Image
from wellread.measure.tabulate import KEYS, NUMBERS, wide
from wellread.report import templates
from wellread.report.run import Run
from wellread.report.tables import tables
from wellread.runtime import table_files


def collected(path):
    rows = [("d", "places", "f1", model, "none", value) for model, value in (("ours", 0.5), ("other", 0.7))]
    table = pd.DataFrame(rows, columns=[*KEYS, "value"]).reindex(columns=[*KEYS, *NUMBERS])
    table = table.assign(repeats=[1, 3], n=20, note="", published=[0.9, 0.8], published_sd=float("nan"))
    table = table.assign(published_of="X <b>", source="A & B 2020").astype(dict.fromkeys(NUMBERS, float))
    table_files.write(table, path, "collected")
    return table


def rendered(run):
    return templates.environment().get_template("chapters/tabulate.html").render(run=run, c=tables(run))


def test_every_cell_is_on_the_page_with_sources_and_another_order(tmp_path):
    table = collected(tmp_path / "probes.parquet")
    run = Run.from_inputs("d", {"tables": [tmp_path / "probes.parquet"]}, None, {})
    text = rendered(run)
    cells = [unescape(cell) for cell in re.findall("<td>(.*?)</td>", text)]
    assert cells == wide(table).to_numpy().ravel().tolist()
    assert "0.9 (X <b>)" in cells
    assert "Published: A &amp; B 2020." in text
    assert "f1 of ours 0.5 is not above that of other 0.7" in text
    assert "20 observations, 1 to 3 repeats" in text


def test_the_chart_stands_below_its_table(tmp_path):
    for name in ("a", "b"):
        collected(tmp_path / f"{name}.parquet")
    Image.new("RGB", (20, 10)).save(tmp_path / "b.png")
    paths = {"tables": [tmp_path / "a.parquet", tmp_path / "b.parquet"], "charts": [tmp_path / "b.png"]}
    text = rendered(
        Run.from_inputs("d", paths, None, {"tables": {"a": {"title": ""}, "b": {"title": "Table 2 & more"}}})
    )
    assert text.count("<img") == 1
    assert re.findall("<h3>(.*?)</h3>", text) == ["a", "Table 2 &amp; more"]
    assert text.index("<h3>Table 2") < text.index("<img")
