"""The configs of the paper's experiments: each on a miniature of the published layout."""

import re

import pandas as pd
import pytest
import yaml
from made_layouts import cpg0004, cpg0012, jump_moa, table, write
from paths import ROOT
from wellread.plan import collected, demands
from wellread.plan.dag import Plan
from wellread.runtime.errors import InputError

CONFIG = ROOT / "config"

pytestmark = pytest.mark.dag


def hpa():
    """Fields of the challenge of 2018: a file of every colour, named by the field."""
    rows = []
    for number in range(20):
        files = {colour: f"train/{number:04d}-bbb_{colour}.png" for colour in ("red", "yellow", "blue", "green")}
        for path in files.values():
            write(f"hpa/{path}")
        keys = {"plate": "HPA", "well": f"{'ABCDEFGH'[number % 8]}{number // 8 + 1:02d}", "site": 1}
        rows.append(keys | dict(zip(("microtubules", "ER", "nucleus", "protein"), files.values(), strict=True)))
    images = pd.DataFrame(rows)
    table("hpa/images.csv", images)
    part = ["train", "train", "validation", "test"] * 5
    wells = images[["plate", "well"]].assign(treatment=[f"g{i}" for i in range(20)], control="", set=part)
    wells["antibody"], wells["cell_line"] = wells["treatment"] + "-1", ["U-2 OS", "A-431"] * 10
    table("hpa/wells.csv", wells.assign(location=["nucleoli", "cytosol|nucleoli", "cytosol", "golgi"] * 5))
    channels = ["microtubules", "protein", "nucleus", "ER"]
    source = {"table": {"path": "hpa/images.csv", "root": "hpa"}}
    section = {"images": source, "wells": "hpa/wells.csv", "channels": channels, "object": "field"}
    return {"datasets": {"hpa": section | {"crops": {"size": 512, "fit": "resize"}}}}


def merged(config, other):
    """Two configs as Snakemake puts them together."""
    both = {key: merged(config[key], value) if isinstance(value, dict) and key in config else value
            for key, value in other.items()}  # fmt: skip
    return {**config, **both}


CASES = {  # configs before that of the paper; what makes their files
    "lincs": (["datasets/cpg0004", "presets/cell_painting"], [cpg0004]),
    "jump_cp": (["datasets/jump_moa", "presets/cell_painting"], [jump_moa]),
    "combined_cp": (["datasets/cpg0004", "datasets/cpg0012", "presets/cell_painting"], [cpg0004, cpg0012]),
    "hpa_fov": (["presets/hpa_fov"], [hpa]),
}


def read(name):
    return yaml.safe_load((CONFIG / f"{name}.yaml").read_text())


@pytest.mark.parametrize("name", CASES)
def test_every_experiment_is_planned_on_a_miniature(tmp_path, monkeypatch, name):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(demands, "of_correction", lambda *_: [])  # one control well a plate is too few
    before, makers = CASES[name]
    config = {}
    for made in filter(None, [make() for make in makers]):
        config = merged(config, made)
    for one in [*before, f"paper/{name}"]:
        config = merged(config, read(one))
    plan = Plan.of(config)
    tables = plan.config["tables"]
    assert tables
    assert all(collected.answers(plan, one) for one in tables)
    for one, section in tables.items():
        told = {(entry["model"], entry["task"]) for entry in section["published"]}
        assert told <= {(model, task) for _, task, model, _ in collected.answers(plan, one)}


def test_the_published_split_may_not_divide_an_antibody(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    config = merged(merged(hpa(), read("presets/hpa_fov")), read("paper/hpa_fov"))
    wells = pd.read_csv("hpa/wells.csv")
    wells.assign(antibody="one").to_csv("hpa/wells.csv", index=False)
    with pytest.raises(InputError, match="no antibody in test"):
        Plan.of(config)


MINIATURES = {  # configs, tables, trainings
    "miniature": (["miniature"], {*(f"table_{i}" for i in range(1, 7)), "table_1_treatments", "figure_6"}, 21),
    "seeds": (["miniature", "miniature_seeds"], {"seeds"}, 37),
}


@pytest.mark.parametrize("name", MINIATURES)
def test_miniatures_have_their_tables_and_few_trainings(monkeypatch, name):
    monkeypatch.chdir(ROOT)
    names, tables, trainings = MINIATURES[name]
    config = {}
    for one in names:
        config = merged(config, read(f"paper/{one}"))
    plan = Plan.of(config)
    assert tables <= set(plan.config["tables"])
    assert all(collected.answers(plan, one) for one in tables)
    assert len(plan.trained()) == trainings


def test_the_miniature_has_every_figure(monkeypatch):
    """Some are charts of tables, and named in their titles."""
    monkeypatch.chdir(ROOT)
    plan = Plan.of(read("paper/miniature"))
    titles = [plan.config["tables"][name]["title"] for name in collected.charted(plan)]
    assert {number for title in titles for number in re.findall(r"Figure (\d)", title)} == set("4567")
    asked = [(dataset, verb) for dataset in plan.config["datasets"] for verb in ("draw", "patches")]
    drawn = {name for dataset, verb in asked for name, *_ in plan.results(dataset, "figures", verb)}
    assert drawn == {"figure_3", "figure_8a", "figure_8b", "figure_9_tokens", "figure_9_matches"}


def test_no_stand_in_has_the_name_of_what_it_stands_for():
    published = ("openphenom", "subcell", "cp-cnn", "cellprofiler")
    names = read("paper/miniature")["models"]
    assert not [name for name in names for other in published if other in name]


def test_no_command_names_its_target_as_if_it_were_another_config():
    files = [*ROOT.glob("*.md"), *CONFIG.rglob("*.md"), *CONFIG.rglob("*.yaml")]
    swallowed = re.compile(r"--configfile( \S+)* results/")  # --configfile takes all words up to the next option, or --
    found = {path.name: swallowed.findall(path.read_text().replace(" -- ", " --\n")) for path in files}
    assert not [name for name, commands in found.items() if commands]
