"""The config to start from, edited as it says, on a plate that nobody has prepared, from images to a report."""

import json

import pandas as pd
import pytest
import yaml
from flow import clone, snakemake
from paths import ROOT
from wellread.painted import layout
from wellread.painted.paint import paint
from wellread.plan.dag import Plan

pytestmark = pytest.mark.dag

NAMES = {"DNA": "Hoechst 33342", "ER": "ConA-488"}
SIZE = {"wells": 24, "fields": 1, "size": 240, "cells": 15.0}


def unprepared(folder):
    """A plate with names of files and a wells table as a lab has them."""
    paint("P1", folder / "painted", **SIZE)
    (folder / "screen" / "plate A").mkdir(parents=True)
    for row in layout.images(folder / "painted", plates=1, **SIZE).itertuples():
        for channel, name in NAMES.items():
            to = folder / "screen" / "plate A" / f"{row.well[0]}{int(row.well[1:])}_{row.site}_{name}.tif"
            (folder / getattr(row, channel)).rename(to)
    wells = layout.layout(plates=1, wells=SIZE["wells"]).assign(plate="plate_A")
    wells[["plate", "well", "treatment"]].to_excel(folder / "wells.xlsx", index=False)


@pytest.fixture
def config(tmp_path, monkeypatch):
    """The template with its lines edited, in a folder with such a plate."""
    monkeypatch.chdir(tmp_path)
    unprepared(tmp_path)
    text = (ROOT / "config" / "template.yaml").read_text()
    edits = {"/data/screen": str(tmp_path / "screen"), "wells.csv": str(tmp_path / "wells.xlsx")}
    for old, new in edits.items():
        assert old in text
        text = text.replace(old, new)
    (tmp_path / "mine.yaml").write_text(text)
    return yaml.safe_load(text)


def test_it_is_planned(config):
    plan = Plan.of(config)
    assert plan.plates("mine") == ["plate_A"]
    assert len(plan.images["mine"]) == 24
    assert (plan.wells["mine"]["control"] == "negative").sum() == 10
    assert any("Hoechst 33342 as DNA" in note for note in plan.notes)
    assert any("24 in both" in note for note in plan.notes)


@pytest.mark.slow
def test_it_runs_to_a_report(config, tmp_path):
    clone(tmp_path)
    snakemake(tmp_path, config="mine.yaml")
    assert (tmp_path / "results/reports/mine.html").stat().st_size > 50_000
    size = json.loads((tmp_path / "results/mine/crop_size.json").read_text())["size"]
    model = json.loads((tmp_path / "results/models/mine-tiny/model.json").read_text())
    assert 32 <= size <= 80
    assert model["encoder"]["image"] == round(size * 0.8 / 8) * 8
    table = pd.read_parquet(tmp_path / "results/mine/tasks/activity/mine-tiny_none.parquet")
    assert "fraction_active" in set(table["metric"])
