"""What a preview says of a painted screen, of slips in its config, and of what a run would take."""

from types import SimpleNamespace

import pandas as pd
import pytest
import tifffile
from wellread.networks import device
from wellread.painted import layout
from wellread.plan.dag import NO_GPU
from wellread.preview import costs as costing
from wellread.preview import finding, later, page, preview, sample, tables, terminal
from wellread.runtime.errors import InputError

SMALL = {"wells": 6, "fields": 2, "size": 192, "cells": 9.0, "seed": 3}
ENCODER = {"vit": {"dim": 32, "depth": 1, "heads": 2, "patch": 8, "image": 32}}


@pytest.fixture
def config(painted, tmp_path, monkeypatch):
    """A config of the painted plate, its tables beside it."""
    monkeypatch.chdir(tmp_path)
    painted[1].to_csv("images.csv", index=False)
    wells = layout.layout(plates=1, wells=SMALL["wells"])
    wells.loc[wells.index[:2], ["treatment", "control"]] = ["DMSO", "negative"]
    wells.to_csv("wells.csv", index=False)
    dataset = {
        "images": {"table": {"path": "images.csv"}},
        "wells": "wells.csv",
        "channels": list(layout.CHANNELS),
        "segment": {"otsu_watershed": {"nucleus": "DNA", "cell": "RNA"}},
        "crops": {"size": 40},
    }
    fit = {"batch": 16, "epochs": 2, "warmup_epochs": 1}
    models = {"m": {"encoder": ENCODER, "train": {"simclr": {}}, "fit": fit}}
    return {"device": "cpu", "datasets": {"d": dataset}, "models": models, "corrections": {"none": []}}


def looked(config, folder):
    return preview.preview(config, "mine.yaml", folder / "samples", 2)


def codes(shown):
    return {one.code: one.severity for one in shown.findings}


@pytest.mark.dag
def test_what_is_right_is_understood_without_a_doubt(config, tmp_path):
    shown = looked(config, tmp_path)
    assert not shown.failed
    assert set(codes(shown)) == {"plan"}
    told = terminal.text(shown)
    assert "plate P1: 6 wells with images, 12 fields (2 a well), " in told
    assert "Y 192 x X 192, uint16" in told
    fields = pd.concat([one.table("fields") for one in shown.samples["d"]])
    assert len(fields) == 3
    cells = sum(len(one.table("cells")) for one in shown.samples["d"])
    assert shown.costs.cells == {"d": round(12 * cells / 3)}
    page.write(shown, tmp_path / "page.html")
    assert (tmp_path / "page.html").read_text().count("data:image/webp") == 5 + 3


@pytest.mark.dag
@pytest.mark.parametrize(
    ("changes", "code", "severity"),
    [
        ({"pixel_size": 650}, "pixel_size", "error"),
        ({"crops": {"size": 12}}, "crop_per_nucleus", "error"),
        (
            {"segment": {"otsu_watershed": {"nucleus": "RNA", "cell": "DNA"}}, "crops": {"size": 64}},
            "nuclei_as_cells",
            "warning",
        ),
        ({"segment": {"otsu_watershed": {"nucleus": "Mito", "cell": "RNA"}}}, "nuclei_channel", "warning"),
        ({"crops": {"size": 128}}, "lost_at_edge", "warning"),
        ({"wells": "none.csv"}, "input", "error"),
        ({"segment": {"otsu_watershed": {"nucleus": "DAN"}}}, "input", "error"),
    ],
    ids=str,
)
def test_a_slip_is_found(config, tmp_path, changes, code, severity):
    config["datasets"]["d"] |= changes
    config["models"]["m"]["encoder"]["vit"]["image"] = "auto"
    shown = looked(config, tmp_path)
    assert codes(shown).get(code) == severity
    assert shown.failed == (severity == "error")


@pytest.mark.dag
def test_a_wells_table_without_treatments_or_controls_is_told(config, tmp_path):
    wells = pd.read_csv("wells.csv", keep_default_na=False)
    plan = preview.Plan.of(config)
    assert not list(preview._of_tables(plan, "d"))
    slips = {"no_controls": {"control": ""}, "no_treatments": {"control": "", "treatment": ""}}
    for code, columns in [*slips.items(), ("no_treatments", {"control": "negative"})]:
        wells.assign(**columns).to_csv("wells.csv", index=False)
        assert [one.code for one in preview._of_tables(preview.Plan.of(config), "d")] == [code]


@pytest.mark.dag
def test_fields_that_cannot_be_used_are_told_and_stop_if_they_are_all(config, tmp_path, own_rows):
    own_rows.to_csv("images.csv", index=False)
    for path in own_rows["DNA"]:
        tifffile.imwrite(path, tifffile.imread(path) * 0)
    shown = looked(config, tmp_path)
    assert codes(shown)["unusable_fields"] == "error"
    assert "every pixel of DNA has the same value" in terminal.text(shown)


@pytest.mark.dag
def test_what_stops_a_step_on_one_of_several_plates_is_told(config, tmp_path, monkeypatch):
    images, wells = (pd.read_csv(f"{name}.csv", dtype=str, keep_default_na=False) for name in ("images", "wells"))
    images.loc[images.index[6:], "plate"] = "P2"
    images.to_csv("images.csv", index=False)
    pd.concat([wells, wells.assign(plate="P2")]).to_csv("wells.csv", index=False)

    def stop(plan, dataset, one):
        raise InputError("a step that goes on", f"none on {one.plate}", "here", "mend it")

    monkeypatch.setattr(sample, "_segment", stop)
    shown = looked(config, tmp_path)
    assert codes(shown)["sample"] == "error"
    assert "none on P1" in terminal.text(shown)


@pytest.mark.dag
@pytest.mark.parametrize(("blank", "severity"), [(range(1), "warning"), (range(2), "warning"), (range(12), "error")])
def test_fields_that_cannot_be_used_are_an_error_only_if_a_run_would_refuse_their_plate(
    blank, severity, config, tmp_path, own_rows, monkeypatch
):
    monkeypatch.setattr(sample, "FIELDS", 2)  # the first field and the last one
    own_rows.to_csv("images.csv", index=False)
    for number in blank:
        path = own_rows["DNA"].iloc[-number]
        tifffile.imwrite(path, tifffile.imread(path) * 0)
    shown = looked(config, tmp_path)
    assert codes(shown)["unusable_fields"] == severity
    assert bool(shown.costs.cells["d"]) == (severity == "warning")


@pytest.mark.parametrize(
    ("failed", "of", "n", "most", "refused"),
    [(2, 3, 12, 0.2, False), (3, 3, 12, 0.2, True), (3, 3, 400, 0.2, False), (9, 9, 400, 0.2, True),
     (9, 9, 400, 1.0, False), (1, 1, 1, 0.9, True)],
)  # fmt: skip
def test_whether_a_run_refuses_a_plate(failed, of, n, most, refused):
    fields = pd.DataFrame({"status": ["blank"] * failed + ["ok"] * (of - failed)})
    assert preview._refused(fields, n, most) == refused


def test_a_config_that_is_not_there_or_no_yaml_is_told(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert preview.show_file("config/mine.yaml", 1)
    assert "ERROR yaml: CONFIG: no file at config/mine.yaml" in capsys.readouterr().out
    (tmp_path / "a.yaml").write_text("seed: 0\nseed: 1\n")
    assert preview.show_file("a.yaml", 1)
    assert "a.yaml, line 2: seed again" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("note", "code", "remedy"),
    [
        (
            "datasets.d.images: 2 fields name an image of DNA that another has; give each its own",
            "repeated_images",
            "give",
        ),
        (
            "w.csv: DMSO is a negative control in 1 of its wells and not in 2; mark these, too",
            "controls_partly",
            "mark",
        ),
        (f"{NO_GPU}; jobs stop that have none either; write `device: auto` or cpu", "no_gpu", "write"),
    ],
)
def test_some_notes_of_planning_are_warnings(note, code, remedy):
    found = finding.of_note(note)
    assert found[:2] == ("warning", code)
    assert found.remedy.startswith(remedy)
    assert found.of == note.partition(": ")[0]


@pytest.mark.parametrize("there", [True, False])
def test_a_graphics_card_that_is_not_there_is_told_unless_a_job_asks(there, config, monkeypatch):
    monkeypatch.setattr(device, "has_gpu", lambda: there)
    config["device"] = "cuda"
    for job in (None, True):
        told = [note for note in preview.Plan.of(config, job=job).notes if NO_GPU in note]
        assert len(told) == (not there and not job)


def test_every_error_of_several_is_a_finding():
    errors = [InputError("a", "b", f"c{i}", "d") for i in range(3)]
    found = finding.of_error("input", InputError.together([InputError.together(errors[:2]), errors[2]]))
    assert [one.of for one in found] == ["c0", "c1", "c2"]


def test_the_most_severe_finding_comes_first_and_each_once():
    one, two = (finding.Finding(severity, "code", "of", "found") for severity in ("note", "error"))
    assert finding.in_order([one, two, one]) == [two, one]


def test_a_map_has_the_sign_of_every_well_where_it_lies():
    signs = tables.signs(
        pd.DataFrame({"plate": "P", "well": ["A01", "A02", "B03", "C01"]}),
        pd.DataFrame({"plate": "P", "well": ["A01", "A02", "H12", "C01"], "control": ["negative", "", "", "positive"]}),
        "P",
    )
    assert signs == {"A01": "-", "A02": "o", "B03": "?", "C01": "+", "H12": "x"}
    lines = tables.map_lines(signs)
    assert lines[1].split() == ["A", "-", "o", *"." * 10]
    assert lines[8].split() == ["H", *"." * 11, "x"]


def test_treatments_that_keep_their_wells_are_one_layout_and_others_several():
    rows = [(p, w, f"t{i}") for p in "PQ" for i, w in enumerate(["A01", "A02", "A03", "A04"])]
    wells = pd.DataFrame(rows, columns=["plate", "well", "treatment"]).assign(control="")
    told = tables.design(wells, wells)
    assert told == {"treatments": 4, "replicates": (2, 2.0, 2), "layouts": 1, "plates": 2}
    wells.loc[wells["plate"] == "Q", "treatment"] = ["t1", "t2", "t3", "t0"]
    assert tables.design(wells, wells)["layouts"] == 2


@pytest.mark.dag
def test_costs_grow_with_fields_epochs_and_crops(config, tmp_path):
    samples = preview.samples(preview.Plan.of(config), "d", tmp_path / "samples")
    before = costing.costs(preview.Plan.of(config), {"d": samples}, 2)
    config["models"]["m"]["fit"]["epochs"] = 20
    trained = costing.costs(preview.Plan.of(config), {"d": samples}, 2)
    assert trained.seconds["train"] > 5 * before.seconds["train"]
    config["models"]["m"]["embed"] = {"turn": True}
    turned = costing.costs(preview.Plan.of(config), {"d": samples}, 2)
    assert turned.seconds["embed"] > 4 * before.seconds["embed"]
    assert before.crops == before.cells["d"] * 40**2 * 6
    rows = pd.read_csv("images.csv")
    pd.concat([rows, rows.assign(site=rows["site"] + 2)]).to_csv("images.csv", index=False)
    more = costing.costs(preview.Plan.of(config), {"d": samples}, 2)
    assert more.cells["d"] == pytest.approx(2 * before.cells["d"], abs=1)
    assert more.seconds["segment"] == pytest.approx(2 * before.seconds["segment"])
    config["datasets"]["d"]["crops"]["max_per_well"] = 1
    assert costing.costs(preview.Plan.of(config), {"d": samples}, 2).cells == {"d": 6}


@pytest.mark.parametrize(("fields", "expected"), [((9, 1), 28), ((1, 9), 92), ((5, 5), 60)])
def test_fields_of_a_large_plate_tell_more_of_the_cells_than_those_of_a_small_one(fields, expected):
    """Two cells a field on the plates A, ten on the plate B."""
    images = pd.DataFrame({"plate": ["A"] * fields[0] + ["B"] * fields[1], "well": "A01"})
    plan = SimpleNamespace(images={"d": images}, config={"datasets": {"d": {"crops": {"max_per_well": 0}}}})
    tables = {"A": {"fields": [0, 0, 0], "cells": [0] * 6}, "B": {"fields": [0], "cells": [0] * 10}}
    samples = [SimpleNamespace(plate=name, has=bool, table=own.get) for name, own in tables.items()]
    assert costing.cells_of(plan, "d", samples) == expected
    assert costing.cells_of(plan, "d", []) == 0


@pytest.mark.dag
def test_disk_holds_models_profiles_pictures_and_pages(config, tmp_path):
    samples = {"d": preview.samples(preview.Plan.of(config), "d", tmp_path / "samples")}

    def disk(**sections):
        found = costing.costs(preview.Plan.of(config | sections), samples, 2)
        return found.disk - found.crops

    plain = disk()
    assert plain > costing.PAGE
    figure = {"figures": {"f": {"look": {"plates": {}}}}}
    assert disk(**figure) - plain == pytest.approx(costing.PICTURES["look"] + costing.PICTURES["page"])
    fit = config["models"]["m"]["fit"]
    step = costing._step(preview.Plan.of(config), "m", {"d": 40})
    state = 12 * step.weights + 4 * step.frozen
    kept = [disk(models={"m": config["models"]["m"] | {"fit": fit | more}})
            for more in ({"keep_last": False}, {"snapshot_epochs": 1})]  # fmt: skip
    assert [round(other - plain) for other in kept] == [-state, 2 * state]
    assert disk(corrections={"none": [], "s": [{"standardize": {}}]}) > plain + costing.TABLES
    wide, cells = {"features": "cls_pooled"}, costing.cells_of(preview.Plan.of(config), "d", samples["d"])
    assert disk(models={"m": config["models"]["m"] | {"embed": wide}}) > plain + cells * 4 * 3 * 32


@pytest.mark.parametrize("found", ["none in 2 wells", "only drug (controls take no part)"])
def test_a_task_that_cannot_be_answered_is_a_warning_with_its_remedy(found):
    told = finding.of_note(
        f"tasks.a of d: undecidable; wanted: two classes; found: {found} (fill in (both), or remove it)"
    )
    assert told == ("warning", "undecidable", "tasks.a of d", f"wanted: two classes; found: {found}", told.remedy)
    assert told.remedy == "fill in (both), or remove it"
    assert finding.of_note("a.csv: 3 rows").severity == "note"


@pytest.mark.dag
def test_maps_and_hits_are_counted_by_their_points(config):
    def spent(cells, **sections):
        return later.seconds(preview.Plan.of(config | sections), {"d": cells})

    plain, asked = spent(900), spent(900, map={"method": "tsne"}, hits={})
    assert "map" not in plain
    assert "hits" not in plain
    first, each = later.MAPS["tsne"]
    treatments = layout.layout(plates=1, wells=SMALL["wells"])["treatment"].iloc[2:].nunique() + 1
    assert asked["map"] == pytest.approx(first + later.START + each * (900 + SMALL["wells"] + treatments))
    assert asked["hits"] == later.SECONDS["hits"] + later.START
    assert asked["other"] == plain["other"]
    assert spent(900, map={"method": "tsne", "cells": 100})["map"] == pytest.approx(asked["map"] - 800 * each)


def test_charts_and_figures_of_patches_are_counted(config):
    config["tasks"] = {"k": {"measure": {"knn": {}}}}
    figures = {"f": {"patches": {"pca": {"label": "moa"}}}}
    tables = {"t": {}, "u": {"chart": {"bars": {}}}}
    plain = later.jobs(preview.Plan.of(config))
    asked = later.jobs(preview.Plan.of(config | {"figures": figures, "tables": tables}))
    more = {step: asked[step] - plain[step] for step in asked if asked[step] != plain[step]}
    assert more == {"patches": 1, "tokens": 1, "tabulate": 2, "chart": 1}


def test_results_that_cannot_be_written_are_told(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "results").write_text("a file")
    (tmp_path / "c.yaml").write_text("models: {}\n")
    assert preview.show_file("c.yaml", 1)
    assert "No page, as results cannot be written" in capsys.readouterr().out


def test_one_of_a_kind_is_told_in_the_singular():
    design = {"treatments": 1, "replicates": (1, 1.0, 1), "layouts": 1, "plates": 1}
    assert terminal.design_lines(design, []) == ["1 treatment in 1 well each; 1 layout on 1 plate"]
    design |= {"treatments": 2, "replicates": (1, 2.0, 3), "layouts": 2, "plates": 2}
    told = ["2 treatments in 1 to 3 wells each (median 2); 2 layouts on 2 plates"]
    assert terminal.design_lines(design, []) == told
