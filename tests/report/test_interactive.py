"""What the interactive half of the page is given: numbers of wells, pictures of the right cells, bounded bytes."""

import io
import json
import math
import re
import zlib
from base64 import b64decode
from pathlib import Path

import made_run
import numpy as np
import pandas as pd
import pytest
from PIL import Image
from wellread.measure import tidy
from wellread.pictures import montage
from wellread.report import doses, field_pictures, interactive, plates, plots, sprites, tasks, wells
from wellread.report.run import Run
from wellread.runtime import table_files

pytestmark = pytest.mark.dag


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    return made_run.explorable(tmp_path_factory.mktemp("run"))


@pytest.fixture
def run(made):
    return Run.from_inputs("demo", made.inputs, made.wells, made.config)


def unpacked(packed: str):
    return json.loads(zlib.decompress(b64decode(packed)))


def picture(uri: str) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(b64decode(uri.split(",", 1)[1]))).convert("RGB")).astype(float)


def test_the_numbers_of_wells_are_those_of_their_tables(made, run):
    table = wells.well_table(run).set_index(["plate", "well"])
    fields = pd.concat([pd.read_parquet(path) for path in made.inputs["fields"]])
    objects = pd.concat([pd.read_parquet(path) for kind in ("cells", "lost") for path in made.inputs[kind]])
    points = pd.read_parquet(made.inputs["maps"][0]).query("kind == 'well'").set_index(["plate", "well"])
    listed = pd.read_parquet(made.inputs["hits"][0])
    active = {f"{row.treatment} @ {row.dose:g}": row.active for row in listed.itertuples()}
    for (plate, well), row in table.iterrows():
        own = fields[(fields["plate"] == plate) & (fields["well"] == well) & (fields["status"] == "ok")]
        if own.empty:
            assert (plate, well) == ("P1", made_run.UNSEEN)
            assert math.isnan(row["number cells"])
            continue
        assert row["number cells"] == ((objects["plate"] == plate) & (objects["well"] == well)).sum()
        assert row["number intensity of ER"] == pytest.approx(own["mean_ER"].mean())
        assert (row["row"], row["column"]) == (ord(well[0]) - 65, int(well[1:]) - 1)
        if (plate, well) in points.index:
            assert row["number distance"] == pytest.approx(points.loc[(plate, well), "distance"], nan_ok=True)
        undecided = pd.isna(active.get(row["item"], pd.NA))
        assert math.isnan(row["number active"]) if undecided else row["number active"] == active[row["item"]]


def test_focus_is_relative_to_the_median_of_the_plate(made, run):
    table = wells.well_table(run)
    fields = pd.read_parquet(made.inputs["fields"][0])
    means = fields.groupby("well")[[f"focus_{c}" for c in made_run.CHANNELS]].mean()
    expected = (means / means.median()).mean(axis=1)
    own = table[(table["plate"] == "P1") & table["well"].isin(expected.index)].set_index("well")["number focus"]
    assert own.to_dict() == pytest.approx(expected[own.index].to_dict())


def test_columns_are_treatment_and_control_then_numbers_then_what_differs(run):
    titles = [wells.title(name) for name in wells.columns(run)]
    assert titles[:4] == ["treatment", "control", "cells found", "focus (1: median of the plate)"]
    assert {"batch", "moa", "dose"} <= set(titles)
    assert "control_use" not in titles


def test_the_position_effect_is_that_of_row_and_column_as_a_share_of_the_plate():
    places = [(plate, row, column) for plate in ("a", "b") for row in range(3) for column in range(5)]
    table = pd.DataFrame(places, columns=["plate", "row", "column"])
    base = table["plate"].map({"a": 100.0, "b": 10.0})
    added = 0.2 * (table["row"] - 1) - 0.05 * (table["column"] - 2)
    table["number cells"] = base * (1 + added)
    np.testing.assert_allclose(wells.position_effect(table, "number cells"), added, atol=1e-12)
    assert wells.position_effect(table, "number distance") is None


def flag(made, tmp_path, flagged: set) -> Run:
    """The run, with fields of these wells of both plates that have a warning of quality, and of no others."""
    paths = []
    for path in map(Path, made.inputs["fields"]):
        fields = table_files.read(path, "fields")
        paths.append(tmp_path / path.parent.name / "fields.parquet")
        paths[-1].parent.mkdir()
        table_files.write(fields.assign(flags=np.where(fields["well"].isin(flagged), "focus", "")), paths[-1], "fields")
    return Run.from_inputs("demo", made.inputs | {"fields": paths}, made.wells, made.config)


def test_wells_with_a_warning_of_quality_are_known_and_pictured_among_the_first(made, run, tmp_path, monkeypatch):
    last = {
        run.once(wells.well_table).loc[number, "well"]
        for number in list(field_pictures.field_pictures(run, 10**7))[-2:]
    }
    found = flag(made, tmp_path, last)
    table = found.once(wells.well_table)
    assert set(table.loc[wells.is_flagged(table), "well"]) == last
    assert "number flagged" in wells.columns(found)
    assert "number flagged" not in wells.columns(run)
    order = table.loc[list(field_pictures.field_pictures(found, 10**7)), "well"].tolist()
    assert set(order[:8]) & last
    monkeypatch.setattr(sprites, "MOST", 30)
    monkeypatch.setattr(sprites, "PER_TREATMENT", 2)
    assert (sprites.sprites(found).cells.query("flagged").groupby("plate").size() >= 2).all()


def test_styles_of_labels_are_distinct_also_from_those_of_controls_and_of_others(run):
    styles = interactive.data(run)["styles"]
    own = styles["labels"]
    assert len(own) == len(set(own)) == 40
    assert not set(own) & {styles["none"], styles["other"], styles["controls"]}
    assert len({colour for colour, _ in own}) == 40
    assert len({marker for _, marker in own[:9]}) == 2  # the ninth has a shape of its own


def test_a_picture_in_a_sheet_is_that_of_its_cell(made, run):
    seen = sprites.sprites(run)
    sheet = picture(seen.sheets[0])
    crops = {path.split("/")[-2]: np.load(path) for path in made.inputs["crops"]}
    size = (sprites.SIDE, sprites.SIDE)
    tiles = []
    for row in seen.cells.itertuples():
        tile = Image.fromarray(montage.composite(crops[row.plate][row.row] / 255, made_run.CHANNELS))
        tiles.append(np.asarray(tile.resize(size, Image.Resampling.LANCZOS)).astype(float))
    assert len(tiles) > 100
    for number in (0, 1, 25, len(tiles) - 1):
        (_, at) = sprites.place(number)
        left, top = (-int(one.removesuffix("px")) for one in at.split())
        found = sheet[top : top + sprites.SIDE, left : left + sprites.SIDE]
        errors = [np.abs(found - tile).mean() for tile in tiles]
        assert np.argmin(errors) == number


def test_cells_of_hits_and_controls_come_first(run, monkeypatch):
    monkeypatch.setattr(sprites, "MOST", 30)
    monkeypatch.setattr(sprites, "PER_TREATMENT", 3)
    monkeypatch.setattr(sprites, "FIRST", 1.0)
    cells = sprites.sprites(run).cells
    assert len(cells) == 30
    listed = list(wells.item_names(pd.read_parquet(run.inputs["hits"][0])))
    assert len(listed) == 4
    counts = cells["item"].value_counts()
    assert all(counts[name] >= 3 for name in listed)
    assert (cells[cells["control"]].groupby("plate").size() >= 3).all()


def test_strips_show_cells_of_the_treatment_and_controls_of_its_plates(run):
    cells = run.once(sprites.sprites).cells
    number = {sprites.place(i): i for i in range(len(cells))}
    items = sorted(set(cells["item"]) - {""})
    found = sprites.strips(run, items)
    assert list(found)
    for item, strip in found.items():
        own, controls = (cells.loc[[number[one] for one in strip[kind]]] for kind in ("own", "controls"))
        assert set(own["item"]) == {item}
        assert controls["control"].all()
        assert len(controls)
        assert set(controls["plate"]) <= set(cells.loc[cells["item"] == item, "plate"])


def test_rows_of_cells_are_in_the_order_of_the_hits(made, tmp_path):
    listed = table_files.read(made.inputs["hits"][0], "hits").iloc[::-1]
    table_files.write(listed, tmp_path / "hits", "hits")
    run = Run.from_inputs("demo", made.inputs | {"hits": tmp_path / "hits"}, made.wells, made.config)
    names = [group["name"] for group in plates.crops(run)["groups"]]
    assert names == ["negative control", *filter(None, listed["moa"].unique()), "no label"] != sorted(names)


def test_fields_fit_into_their_room_and_begin_with_hits_and_controls(run):
    every = field_pictures.field_pictures(run, 10**7)
    table = run.once(wells.well_table)
    usable = table[table["number cells"].notna()].index
    assert set(every) == set(usable)
    sizes = [len(one["uri"]) + len(one["outlines"]) for one in every.values()]
    some = field_pictures.field_pictures(run, sum(sizes[:6]) + 1)
    assert list(some) == list(every)[:6]
    strongest = wells.item_names(pd.read_parquet(run.inputs["hits"][0]))[0]
    assert {strongest, "DMSO @ 0"} <= set(table.loc[list(some), "item"])
    assert field_pictures.field_pictures(run, 10) == {}


def test_a_field_has_all_channels_and_its_outlines(made, run):
    found = field_pictures.field_pictures(run, 10**7)
    number, one = next(iter(found.items()))
    tiles = picture(one["uri"])
    assert tiles.shape == (64, 64 * 6, 3)
    table = run.once(wells.well_table).loc[number]
    fields = pd.read_parquet(next(path for path in made.inputs["fields"] if f"/{table['plate']}/" in path))
    field = fields[(fields["well"] == table["well"]) & (fields["status"] == "ok")].iloc[0]["field"]
    masks = next(path for path in made.inputs["masks"] if f"/{table['plate']}/" in path)
    expected = np.zeros((64, 64, 3), np.uint8)
    montage.draw_outlines(expected, montage.read_masks(masks, field))
    drawn = Image.open(io.BytesIO(b64decode(one["outlines"].split(",", 1)[1]))).convert("RGBA")
    assert np.array_equal(np.asarray(drawn)[..., 3] > 0, expected.any(axis=2))


def test_images_that_have_moved_leave_no_pictures(made, tmp_path):
    paths = []
    for path in map(Path, made.inputs["fields"]):
        fields = pd.read_parquet(path).replace(r".*\.tif", "gone.tif", regex=True)
        target = tmp_path / path.parent.name / "fields.parquet"
        target.parent.mkdir()
        table_files.write(fields, target, "fields")
        paths.append(str(target))
    run = Run.from_inputs("demo", made.inputs | {"fields": paths}, made.wells, made.config)
    assert field_pictures.field_pictures(run, 10**7) == {}


def test_maps_name_every_point_and_fit_into_their_room(made, run):
    packed = interactive.packed_maps(run, 10**7)
    assert [one["title"] for one in packed] == ["tiny, none", "tiny, sphering"]  # the hits are of none
    table, points = run.once(wells.well_table), pd.read_parquet(made.inputs["maps"][0])
    found, seen = unpacked(packed[0]["packed"]), run.once(sprites.sprites).cells
    for kind in ("well", "cell"):
        own = points[points["kind"] == kind]
        places = table.loc[found[f"{kind}s"]["of"], ["plate", "well"]]
        assert places.to_numpy().tolist() == own[["plate", "well"]].to_numpy().tolist()
        x = own["x"].to_numpy()
        assert np.allclose(found[f"{kind}s"]["x"], 2000 * (x - x.min()) / (x.max() - x.min()), atol=0.5001)
    shown = [(i, row) for i, row in zip(found["cells"]["picture"], own.itertuples(), strict=True) if i >= 0]
    assert shown
    assert all((seen.loc[i, "plate"], seen.loc[i, "row"]) == (row.plate, row.row) for i, row in shown)
    assert [one["title"] for one in interactive.packed_maps(run, len(packed[0]["packed"]))] == ["tiny, none"]


@pytest.mark.slow
def test_the_bytes_are_the_same_every_time(made, run):
    again = Run.from_inputs("demo", made.inputs, made.wells, made.config)
    assert interactive.pack(interactive.data(run)) == interactive.pack(interactive.data(again))
    names = ["plates", "map"]
    assert plots.plots(names) == plots.plots(names)
    roots = {name: plot["root"] for name, plot in plots.plots(names).items()}
    assert list(roots) == names
    assert len(set(roots.values())) == 2


def test_json_in_a_script_element_cannot_end_it():
    text = interactive.as_json({"</script><!--": "&amp;<b>"})
    assert not re.search("[<>&]", text)
    assert json.loads(text) == {"</script><!--": "&amp;<b>"}


def series(values: dict) -> pd.DataFrame:
    rows = [(name, dose, value) for name, own in values.items() for dose, value in own.items()]
    frame = pd.DataFrame(rows, columns=["treatment", "dose", "mahalanobis"])
    active = pd.array(frame["mahalanobis"] > 2, "boolean")
    limits = {"mahalanobis_low": frame["mahalanobis"] - 0.5, "mahalanobis_high": frame["mahalanobis"] + 0.5}
    return frame.assign(model="tiny", correction="none", mahalanobis_active=active, **limits)


def test_curves_are_of_treatments_of_three_doses_on_a_logarithmic_axis(made):
    table = series({"a": {0.1: 1.0, 10.0: 4.0, 1.0: 3.0}, "b": {1.0: 1.0, 2.0: 1.0}, "c": {1.0: 1, 2.0: 2, 4.0: 3}})
    run = Run.from_inputs("demo", {}, None, made.config)
    found = doses.dose_curves(run, table, 1)
    assert [curve["name"] for curve in found["curves"]] == ["a"]
    assert (found["more_curves"], found["fitted"]) == (1, "")
    circles = re.findall(r'class="(\w+)" cx="([\d.]+)" cy="([\d.]+)"', found["curves"][0]["svg"])
    assert [kind for kind, *_ in circles] == ["open", "value", "value"]
    x, y = (np.array([float(one[i]) for one in circles]) for i in (1, 2))
    assert x[1] == pytest.approx((x[0] + x[2]) / 2, abs=0.11)  # 1 lies in the middle of 0.1 and 10
    assert (y[0] - y[1]) / (y[0] - y[2]) == pytest.approx(2 / 3, abs=0.01)
    assert doses.dose_curves(run, table.drop(columns="dose"), 9)["curves"] == []


def test_a_fitted_curve_is_drawn_in_its_interval_with_the_wells_and_the_dose_of_half_the_effect(tmp_path, made):
    curve = {"curve_dose": [0.1, 1, 10], "curve": [1, 2, 4], "curve_low": [0.5, 1, 3], "curve_high": [2, 3, 5]}
    drawn = curve | {"well_dose": [0.1, 10], "well_distance": [1, 4]}
    rows = [tidy.row(f"ec50{end}", dose, 9, "a") for end, dose in (("", 1.0), ("_low", 0.1), ("_high", 10.0))]
    rows += [tidy.row(metric, v, 9, "a", i) for metric, own in drawn.items() for i, v in reversed(list(enumerate(own)))]
    (tmp_path / "curve").mkdir()
    table_files.write(tidy.table(rows), tmp_path / "curve/tiny_none.parquet", "answers")
    config = made.config | {"tasks": {"curve": {"level": "well", "measure": {"dose_response": {}}}}}
    run = Run.from_inputs("demo", {"tasks": [tmp_path / "curve/tiny_none.parquet"]}, None, config)
    found = doses.dose_curves(run, series({"a": {0.1: 1.0, 1.0: 3.0, 10.0: 4.0}}), 1)
    assert (found["fitted"], found["curves"][0]["told"]) == ("curve", "half the effect at 1 (0.1 to 10)")
    line, area = (
        np.array(
            [pair.split(",") for pair in re.search(f'{mark} points="([^"]+)"', found["curves"][0]["svg"])[1].split()],
            float,
        )
        for mark in ("<polyline", 'class="area"')
    )
    bottom, scale = doses.HEIGHT, (doses.HEIGHT - 8) / 5  # px of distance 0, and of 1: the highest is 5
    np.testing.assert_allclose(line[:, 1], bottom - scale * np.array(curve["curve"]), atol=0.06)
    np.testing.assert_allclose(area[:, 1], bottom - scale * np.array([0.5, 1, 3, 5, 3, 2]), atol=0.06)
    circles = np.array(re.findall(r'cx="([\d.]+)" cy="([\d.]+)"', found["curves"][0]["svg"]), float)
    np.testing.assert_allclose(circles, line[[0, 2]], atol=0.06)
    span = re.search(r'class="span" x="([\d.]+)" y="[\d.]+" width="([\d.]+)"', found["curves"][0]["svg"])
    assert [float(span[1]), float(span[1]) + float(span[2])] == pytest.approx(list(line[[0, 2], 0]), abs=0.11)
    assert tasks._items({("tiny", "none"): tidy.table(rows)})[-1]["metric"] == "ec50_high"
