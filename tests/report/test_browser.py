"""The page in Chromium, driven by Playwright: what is clicked, pointed at, selected, sorted and downloaded."""

import csv
import json
import shutil

import made_run
import pandas as pd
import pytest
from PIL import Image
from wellread.pictures import matrices
from wellread.pictures.draw import shorten
from wellread.profiles.consensus import consensus
from wellread.profiles.ledger import build_ledger
from wellread.report import hits
from wellread.report.page import report
from wellread.runtime import table_files

playwright = pytest.importorskip("playwright.sync_api", reason="Playwright is not installed")
CHROMIUM = shutil.which("chromium")
PATIENCE = 180_000  # ms; a test asks what is there, not how soon
LONG = "x" * 200
HOSTILE = {"cost $5_a$": "<img src=x onerror=window.hacked=1>", "plain": "😀 \u202e‮שלום‬ 'quoted' &amp;", "other": LONG}

pytestmark = [
    pytest.mark.system,
    pytest.mark.slow,
    pytest.mark.skipif(not CHROMIUM, reason="no Chromium on this machine: the page is not tried in a browser"),
]


@pytest.fixture(scope="module")
def html(tmp_path_factory):
    """A page of a small run with hits and maps, whose names are hostile."""
    folder = tmp_path_factory.mktemp("run")
    run = made_run.explorable(folder, HOSTILE)
    run.config["datasets"]["demo"]["pixel_size"] = 0.5
    likeness = folder / "likeness/tiny_none.png"
    likeness.parent.mkdir()
    profiles = consensus(table_files.read(folder / "results/demo/profiles/tiny/none/well.parquet", "profiles"))
    matrices.similarity(profiles, 0, likeness).to_csv(likeness.with_suffix(".csv"), index=False)
    run.inputs["figures"] = [likeness]
    ledger = build_ledger(run.images, run.plates, run.wells, run.profiles)
    table_files.write(ledger, folder / "ledger.parquet", "ledger")
    run.inputs["ledger"] = [folder / "ledger.parquet"]
    report(folder / "page.html", "demo", run.inputs, run.wells, run.config)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(hits, "FIRST", 2)
        report(folder / "short.html", "demo", run.inputs, run.wells, run.config)
    return folder / "page.html"


@pytest.fixture(scope="module")
def browser():
    with playwright.sync_playwright() as started:
        browser = started.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"], timeout=PATIENCE)
        yield browser
        browser.close()


def new_page(browser, **options):
    """An empty page of a browser, which waits as long as a busy machine may take."""
    page = browser.new_context(**options).new_page()
    page.set_default_timeout(PATIENCE)
    return page


@pytest.fixture
def page(browser, html):
    """The page, opened from disk without a network; no error in its console."""
    page, errors = new_page(browser, viewport={"width": 1200, "height": 900}, offline=True), []
    page.on("console", lambda message: errors.append(message.text) if message.type == "error" else None)
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.on(
        "request",
        lambda sent: errors.append(sent.url) if not sent.url.startswith(("file:", "data:", "blob:")) else None,
    )
    page.goto(html.as_uri())
    page.wait_for_selector("html[data-ready=yes]")
    page.evaluate("Promise.all(['plates', 'map'].map(window.wellread.draw))")
    yield page
    assert not errors
    assert page.evaluate("window.hacked") is None
    page.context.close()


def at(page, plot: str, kind: str, row: int) -> tuple[float, float]:
    """Where a point of a plot is on the screen."""
    return page.evaluate(
        """async ([plot, kind, row]) => {
            document.querySelector(`#plot-${plot}`).scrollIntoView({ block: "center", behavior: "instant" });
            await new Promise((done) => setTimeout(done, 300));
            const view = Object.values(Bokeh.index.roots ?? Bokeh.index).find((one) => one.model.name === plot);
            const data = window.wellread.model(`${plot} ${kind}`).data;
            const box = view.el.getBoundingClientRect(), scale = view.frame;
            return [box.x + scale.x_scale.compute(data.x[row]), box.y + scale.y_scale.compute(data.y[row])];
        }""",
        [plot, kind, row],
    )


def selected(page, name: str) -> list[int]:
    return page.evaluate("name => [...window.wellread.model(name).selected.indices]", name)


def tip(page) -> str:
    page.wait_for_selector(".tip:visible")
    return page.inner_text(".tip")


def lasso(page, plot: str) -> None:
    """Around all of a plot."""
    page.locator(f"#plot-{plot} .bk-ToolButton, #plot-{plot} [class*=tool-icon-lasso]").first.wait_for()
    page.evaluate(
        """plot => { const figure = window.wellread.model(plot);
        figure.toolbar.gestures.pan.active = null;
        figure.toolbar.tools.find((tool) => tool.type === "LassoSelectTool").active = true; }""",
        plot,
    )
    page.evaluate(
        "plot => document.querySelector(`#plot-${plot}`).scrollIntoView({block: 'center', behavior: 'instant'})", plot
    )
    page.wait_for_timeout(300)
    box = page.locator(f"#plot-{plot}").bounding_box()
    left, right = box["x"] + 8, box["x"] + box["width"] - 8
    top, bottom = box["y"] + 34, box["y"] + box["height"] - 8
    page.mouse.move(left, top)
    page.mouse.down()
    for x, y in [(right, top), (right, bottom), (left, bottom), (left, top)]:
        page.mouse.move(x, y, steps=8)
    page.mouse.up()


def test_a_click_on_a_well_opens_its_numbers_and_its_field(page):
    page.mouse.click(*at(page, "plates", "wells", 5))
    page.wait_for_selector("#plates .well-shown h3")
    assert page.inner_text("#plates .well-shown h3").startswith("P1 C03: ")
    told = page.inner_text("#plates .well-shown dl")
    assert "cells found\n8" in told  # four in each of two fields
    assert page.inner_text("#plates .scale") == "5 µm"  # a field is 32 µm wide
    field = page.locator("#plates .field")
    before = field.evaluate("one => one.style.backgroundPosition")
    page.select_option("#plates .well-shown select", label="Mito")
    assert before == "0% 0px"
    assert field.evaluate("one => one.style.backgroundPosition") == "100% 0px"
    page.uncheck("#plates .well-shown input[type=checkbox]")
    assert not page.is_visible("#plates .field img")


def test_plots_of_few_plates_are_drawn_wherever_the_window_is(browser, html):
    page = new_page(browser, viewport={"width": 1200, "height": 300})
    page.goto(html.as_uri())
    for name in ("plates", "map"):
        page.wait_for_selector(f"#plot-{name}[data-drawn=yes]", state="attached")
    page.close()


def test_a_plot_is_drawn_when_it_comes_near_the_window_or_is_asked_of(browser, html):
    page = new_page(browser, viewport={"width": 1200, "height": 300})
    page.goto(html.as_uri())
    page.wait_for_selector("html[data-ready=yes]")
    assert page.evaluate("typeof Bokeh") == "undefined"  # nor is it run
    page.locator("#plot-plates").evaluate("one => one.scrollIntoView({behavior: 'instant'})")
    page.wait_for_selector("#plot-plates[data-drawn=yes]")
    assert page.evaluate("window.wellread.model('plates wells').data.x.length") > 0
    page.select_option("#map .kind", "cells")
    page.wait_for_selector("#plot-map[data-drawn=yes]", state="attached")
    assert page.evaluate("window.wellread.model('map cells').data.x.length") > 0
    page.close()


def test_names_are_text_wherever_one_points(page):
    wells = page.evaluate("window.wellread.wells.item.map((item) => window.wellread.data.items[item])")
    for name in (*HOSTILE.values(), made_run.ODD):
        row = next(i for i, item in enumerate(wells) if item.startswith(name))
        page.mouse.move(*at(page, "plates", "wells", row))
        assert name.split("\u202e")[0] in tip(page)
        page.mouse.move(5, 5)
    assert not page.locator(".tip img, .tip script, .selection img, .legend img").count()


def test_pointing_at_a_cell_shows_its_crop(page):
    page.select_option("#map .kind", "cells")
    page.mouse.move(*at(page, "map", "cells", 3))
    tip(page)
    sheet = page.locator(".tip .sprite").evaluate("one => getComputedStyle(one).backgroundImage")
    assert sheet.startswith('url("data:image/webp')


def test_the_lasso_selects_on_plates_map_and_hits_and_colouring_keeps_it(page, tmp_path):
    lasso(page, "map")
    page.wait_for_selector("#map .selection b")
    found = selected(page, "map wells")
    assert len(found) == page.evaluate("window.wellread.maps[0].points.wells.of.length")
    assert len(selected(page, "plates wells")) == len(found)
    assert page.locator("#hits tr.picked").count() == page.locator("#hits tbody tr").count()
    page.select_option("#map .colour", label="moa")
    assert selected(page, "map wells") == found
    page.select_option("#map .kind", "treatments")
    assert len(selected(page, "map treatments")) == page.evaluate("window.wellread.maps[0].points.treatments.of.length")
    with page.expect_download() as download:
        page.click("#map .selection button:has-text('Download')")
    download.value.save_as(tmp_path / "selection.csv")
    rows = list(csv.DictReader((tmp_path / "selection.csv").open(newline="", encoding="utf-8")))
    assert len(rows) == len(found)
    assert {row["treatment and dose"] for row in rows} >= {f"{name} @ 1.5" for name in HOSTILE.values()}
    page.click("#map .selection button:has-text('Clear')")
    assert selected(page, "plates wells") == []


def test_a_hit_is_found_on_plates(page):
    page.click("#hits tbody tr:first-child .find")
    item = page.get_attribute("#hits tbody tr:first-child", "data-item")
    shown = page.evaluate("[...window.wellread.picked()].map(window.wellread.item)")
    assert shown
    assert set(shown) == {item}
    assert len(selected(page, "plates wells")) == len(shown)


def test_colours_follow_the_column(page):
    colours = "window.wellread.model('plates wells').data.colour"
    by_treatment = page.evaluate(colours)
    page.select_option("#plates .colour", label="cells found")
    by_count, counts = (
        page.evaluate(colours),
        page.evaluate("window.wellread.columns.find((one) => one.title === 'cells found').values"),
    )
    assert by_count != by_treatment
    pairs = {(count, colour) for count, colour in zip(counts, by_count, strict=False) if count is not None}
    assert len({count for count, _ in pairs}) == len({colour for _, colour in pairs}) > 1
    assert "≤" in page.inner_text("#plates .legend")


def test_the_correction_is_switched(page):
    places = "window.wellread.model('map wells').data.x"
    before = page.evaluate(places)
    page.select_option("#map .pair", label="tiny, sphering")
    page.wait_for_function("window.wellread.maps[1].points")
    assert page.evaluate(places) != before
    assert page.evaluate(places) == page.evaluate("window.wellread.maps[1].points.wells.x")
    page.select_option("#map .kind", "cells")
    assert page.is_visible("#map .missing")


def test_hits_are_sorted_searched_and_downloaded(page, tmp_path):
    column = "#hits tbody tr:not([hidden]) td:nth-child(5)"
    click = lambda: page.click("#hits th[data-key=distance] button")  # noqa: E731
    for descending in (True, False):
        click()
        values = [float(cell.get_attribute("data-value")) for cell in page.locator(column).all()]
        assert len(values) == 4
        assert values == sorted(values, reverse=descending)
    named = [
        row.get_attribute("data-item") for row in page.locator("#hits tbody tr").all() if LONG in row.text_content()
    ]
    page.fill("#hits input[type=search]", LONG[:60].upper())
    shown = page.locator("#hits tbody tr:not([hidden])").all()
    assert [row.get_attribute("data-item") for row in shown] == named
    assert 0 < len(named) < 4
    with page.expect_download() as download:
        page.click("#hits .tools button:has-text('Download')")
    download.value.save_as(tmp_path / "hits.csv")
    rows = list(csv.DictReader((tmp_path / "hits.csv").open(newline="", encoding="utf-8")))
    assert [row["treatment"] for row in rows] == named
    assert f"{LONG} @ 1.5" in named
    assert all(float(row["distance"]) > 0 for row in rows)


def test_the_cells_of_a_pair_are_side_by_side_when_the_most_similar_other_of_a_hit_is_clicked(page):
    button = page.locator("#hits button.other").last
    pair = [button.locator("xpath=ancestor::tr").get_attribute("data-item"), button.get_attribute("data-other")]
    button.click()
    chosen = [page.locator(f"#beside .{side} option:checked").inner_text() for side in ("one", "other")]
    assert chosen == pair
    assert pair[0] != pair[1]
    item = "(i) => window.wellread.item(window.wellread.data.sprites.well[i])"
    for side, name in enumerate(pair):
        n = page.evaluate(
            f"window.wellread.data.sprites.well.filter((_, i) => ({item})(i) === {json.dumps(name)}).length"
        )
        cells = page.locator("#beside .cells").nth(side).locator(".sprite")
        assert cells.count() == min(n, 24) > 0
    places = page.evaluate(
        "[...document.querySelectorAll('#beside .cells')].map((c) => c.firstChild.style.backgroundPosition)"
    )
    assert places[0] != places[1]


def on_matrix(page, picture, html, row: int, column: int) -> tuple[float, float]:
    """Where a cell of the matrix is on the screen, in its picture, enlarged or not."""
    with Image.open(html.parent / "likeness/tiny_none.png") as file:
        left, top, right, bottom = map(float, file.info["matrix"].split())
    n = len(pd.read_csv(html.parent / "likeness/tiny_none.csv"))
    x, y, width, height = picture.evaluate(
        """one => { const box = one.getBoundingClientRect(), edge = parseFloat(getComputedStyle(one).paddingLeft);
        const [w, h] = [box.width - 2 * edge, box.height - 2 * edge];
        const scale = Math.min(w / one.naturalWidth, h / one.naturalHeight);
        const [width, height] = [scale * one.naturalWidth, scale * one.naturalHeight];
        return [box.x + edge + (w - width) / 2, box.y + edge + (h - height) / 2, width, height]; }"""
    )
    across, down = (left + (right - left) * (column + 0.5) / n, top + (bottom - top) * (row + 0.5) / n)
    return x + width * across, y + height * down


@pytest.mark.parametrize("enlarged", [False, True])
def test_a_cell_of_the_matrix_tells_its_pair_and_a_click_shows_their_cells(page, html, enlarged):
    numbers = pd.read_csv(html.parent / "likeness/tiny_none.csv")
    picture = page.locator("#mechanisms img[data-matrix]")
    picture.evaluate("one => one.scrollIntoView({ block: 'center', behavior: 'instant' })")
    if enlarged:
        picture.press("Enter")
        picture = page.locator("dialog.enlarged[open] img")
    row, column = 0, len(numbers) - 1
    place = on_matrix(page, picture, html, row, column)
    page.mouse.move(*place)
    names = [numbers["name"][at] for at in (row, column)]
    told = tip(page).split("\n")
    assert [shorten(name) for name in told[:2]] == names
    assert told[2] == f"cosine {numbers.iloc[row, column - len(numbers)]:.2f}"
    page.mouse.click(*place)
    chosen = [page.locator(f"#beside .{side} option:checked").inner_text() for side in ("one", "other")]
    assert [shorten(name) for name in chosen] == names
    assert page.locator("dialog.enlarged[open]").count() == 0
    assert all(page.locator("#beside .cells").nth(side).locator(".sprite").count() for side in (0, 1))


def test_a_click_beside_the_matrix_enlarges_it(page):
    picture = page.locator("#mechanisms img[data-matrix]")
    picture.click(position={"x": 3, "y": 3})
    assert page.locator("dialog.enlarged[open]").count() == 1


def test_in_print_and_without_scripts_map_and_plates_are_still_pictures(page, browser, html):
    shown = [page.locator(f"{place} .printed {what}").first for place, what in (("#map", "img"), ("#plates", "svg"))]
    assert not any(one.is_visible() for one in shown)
    page.emulate_media(media="print")
    assert all(one.is_visible() for one in shown)
    assert not page.is_visible("#plot-map")
    still = new_page(browser, java_script_enabled=False)
    still.goto(html.as_uri())
    assert still.is_visible("#map .printed img")
    assert still.is_visible("#plates .printed svg")
    still.close()


def test_in_print_nothing_that_heads_a_figure_is_parted_from_it(page):
    """Heading, note and figure: none of them ends a page or goes over two."""
    page.emulate_media(media="print")
    style = "(place, name) => getComputedStyle(document.querySelector(place))[name]"
    for place in ("#mechanisms h3", "#mechanisms h3 + .note", "#mechanisms figcaption", "#map h2 + p"):
        assert page.evaluate(f"([place, name]) => ({style})(place, name)", [place, "breakAfter"]) == "avoid", place
    for place in ("#mechanisms h3 + .note", "#mechanisms .drawn figure", "#map h2 + p", "#map figure.printed"):
        assert page.evaluate(f"([place, name]) => ({style})(place, name)", [place, "breakInside"]) == "avoid", place


def test_in_print_cells_are_there_and_the_heads_of_tables_at_their_tops(page):
    """Browsers leave backgrounds out of print, which the pictures of cells are, unless they are told to keep them."""
    page.emulate_media(media="print")
    styles = ("#hits .sprite", "printColorAdjust", "exact"), ("#hits thead th", "position", "static")
    for place, name, value in styles:
        assert page.evaluate("([p, n]) => getComputedStyle(document.querySelector(p))[n]", [place, name]) == value


WIDER = """[...document.querySelectorAll("main table")]
    .filter((table) => table.offsetWidth > table.parentElement.clientWidth + 1).map((table) => table.innerText)"""
WIDEN = """() => document.querySelectorAll("#measure table tr").forEach((row) => {
    for (let i = row.children.length; i < 21; i++) row.append(row.lastElementChild.cloneNode(true));
})"""


def test_in_print_the_widest_tables_stay_on_the_page_with_all_their_columns(page):
    """A page of A4 is 718 px wide; a table of a measure has 21 columns at most."""
    page.emulate_media(media="print")
    page.set_viewport_size({"width": 718, "height": 1000})
    assert page.evaluate(WIDER) == []
    page.evaluate(WIDEN)
    assert page.locator("#measure thead tr").first.locator("th").count() == 21
    assert page.evaluate(WIDER) == []


def test_in_print_the_heads_of_a_table_that_sort_it_are_text(page):
    """A button is painted once, and not at the top of every page on which its table goes on."""
    page.emulate_media(media="print")
    assert page.evaluate("getComputedStyle(document.querySelector('#hits thead button')).display") == "contents"


def test_one_plate_alone_is_shown(page):
    page.select_option("#plates select.plate", label="P2")
    names = page.evaluate("window.wellread.model('plates names').data.name")
    assert names == [*"BCDEFGH", *map(str, range(2, 13))]  # from the first well to the last
    page.mouse.move(*at(page, "plates", "wells", 12))
    assert "P2" in tip(page)


@pytest.mark.parametrize("width", [390, 768, 1440])
def test_nothing_is_wider_than_the_screen(browser, html, width):
    page = new_page(browser, viewport={"width": width, "height": 800})
    page.goto(html.as_uri())
    page.wait_for_selector("html[data-ready=yes]")
    reasons = page.locator("#measure .why").all()  # why a task is undecidable, in several lines
    assert reasons
    assert all(one.evaluate("one => getComputedStyle(one).whiteSpace") == "normal" for one in reasons)
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    page.close()


def test_the_flow_of_the_ledger_is_legible_on_a_phone(browser, html):
    page = new_page(browser, viewport={"width": 390, "height": 800})
    page.goto(html.as_uri())
    texts = "[...document.querySelectorAll('#ledger .flow text')]"
    sizes = page.evaluate(f"{texts}.map((one) => one.getBoundingClientRect().height)")
    assert len(sizes) > 6
    assert min(sizes) > 10
    page.close()


def test_without_scripts_the_hits_are_there(browser, html):
    page = new_page(browser, java_script_enabled=False)
    page.goto(html.as_uri())
    assert page.locator("#hits tbody tr").count() == 4
    assert "need JavaScript" in page.inner_text("#plates")
    page.goto(html.with_name("short.html").as_uri())
    assert [row.is_visible() for row in page.locator("#hits tbody tr").all()] == [True] * 4
    page.context.close()


def test_of_many_hits_the_first_are_laid_out_and_all_are_sorted_searched_and_downloaded(browser, html, tmp_path):
    page = new_page(browser)
    page.goto(html.with_name("short.html").as_uri())
    page.wait_for_selector("html[data-ready=yes]")
    shown, column = "#hits tbody tr:not([hidden])", "td:nth-child(5)"
    distance = lambda rows: [  # noqa: E731
        float(row.locator(column).get_attribute("data-value")) for row in page.locator(rows).all()
    ]
    every = distance("#hits tbody tr")
    assert (len(every), distance(shown)) == (4, every[:2])
    for lowest in (False, True):
        page.click("#hits th[data-key=distance] button")
        assert distance(shown) == sorted(every, reverse=not lowest)[:2]
    assert page.inner_text("#hits output") == "4 of 4 rows, the first 2 of them shown"
    with page.expect_download() as download:
        page.click("#hits .tools button:has-text('Download')")
    download.value.save_as(tmp_path / "hits.csv")
    assert len((tmp_path / "hits.csv").read_text(encoding="utf-8").splitlines()) == 5
    page.click("#hits .tools button:has-text('Show all')")
    assert (len(distance(shown)), page.locator("#hits button:has-text('Show all')").is_visible()) == (4, False)
    page.close()


@pytest.mark.parametrize(("width", "scheme"), [(1440, "light"), (390, "dark")])
def test_axe_finds_no_problem(browser, html, width, scheme):
    axe = pytest.importorskip("axe_playwright_python.sync_playwright", reason="axe is not installed")
    page = new_page(browser, viewport={"width": width, "height": 900}, color_scheme=scheme, offline=True)
    page.goto(html.as_uri())
    page.wait_for_selector("html[data-ready=yes]")
    found = axe.Axe().run(page).response["violations"]
    assert [(one["id"], one["impact"], one["nodes"][0]["html"]) for one in found] == []
    page.context.close()


def test_pictures_are_enlarged_by_click_and_by_key_and_shrink_again(page):
    pictures = page.locator("main figure > img, main .group > img")
    assert pictures.count() > 3
    for i in [i for i in range(pictures.count()) if pictures.nth(i).is_visible()][:6]:
        picture = pictures.nth(i)
        before = picture.bounding_box()["width"]
        picture.click()
        large = page.locator("dialog.enlarged[open] img")
        assert large.get_attribute("src") == picture.get_attribute("src")
        assert large.bounding_box()["width"] > before
        page.keyboard.press("Escape")
        assert page.locator("dialog.enlarged[open]").count() == 0
    pictures.first.focus()
    page.keyboard.press("Enter")
    page.locator("dialog.enlarged[open]").click()
    assert page.locator("dialog.enlarged[open]").count() == 0
