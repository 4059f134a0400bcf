"""The configs of public data sets, each on a miniature with the names of files and the tables as published."""

import re

import pytest
import yaml
from made_layouts import UUID, bbbc013, bbbc021, bbbc022, cpg0004, cpg0012, cpg0016, jump_moa
from paths import ROOT
from wellread.plan.dag import Plan

FOLDER = ROOT / "config" / "datasets"
PRESET = yaml.safe_load((ROOT / "config" / "presets" / "cell_painting.yaml").read_text())
EXPECTED = {  # plates, fields; a file of a channel; treatment and mechanism of a well
    bbbc013: (["BBBC013"], 4, ("DNA", "resources/bbbc013/images/Channel2-01-A-01.BMP"), ("B01", "w", None)),
    bbbc021: (
        ["Week1_22123", "Week4_27481"],
        32,
        ("Actin", f"resources/bbbc021/images/Week1_22123/A01_s1_w4{UUID.format(4)}.tif"),
        ("B01", "PP-2", "Epithelial"),
    ),
    bbbc022: (
        ["20585", "20586"],
        72,
        ("RNA", f"resources/bbbc022/images/BBBC022_v1_images_20585w3/IXMtest_A01_s1_w3{UUID.format(3)}.tif"),
        ("A02", "c1", None),
    ),
    cpg0004: (
        ["SQ00014812", "SQ00014813"],
        16,
        (
            "DNA",
            "resources/cpg0004/images/2016_04_01_a549_48hr_batch1/images/"
            "SQ00014812__2016-05-23T20_44_31-Measurement1/Images/r01c01f01p01-ch5sk1fk1fl1.tiff",
        ),
        ("A02", "BRD-A00147595-001-01-5", "insulin sensitizer|PPAR receptor partial agonist"),
    ),
    cpg0012: (
        ["24277"],
        8,
        ("Mito", f"resources/cpg0012/images/CDRP/images/24277/cdp2bioactives_a01_s1_w1{UUID.lower().format(1)}.tif"),
        ("A01", "DMSO", None),
    ),
    cpg0016: (
        ["BR00117035", "BR00117036"],
        16,
        (
            "AGP",
            "resources/cellpainting-gallery/cpg0016-jump/source_4/images/2021_04_26_Batch1/images/"
            "BR00117035__2021-05-02T16_02_51-Measurement1/Images/r01c01f01p01-ch2sk1fk1fl1.tiff",
        ),
        ("A02", "JCP2022_000001", None),
    ),
    jump_moa: (
        ["BRO0117059_20X"],
        4,
        (
            "ER",
            "resources/cellpainting-gallery/cpg0002-jump-scope/source_4/images/2020_11_16_Scope1_YokogawaUS/images/"
            "BRO0117059_20X/A01_ER.tif",
        ),
        ("B01", "Compound2", "kinesin inhibitor"),
    ),
}


def recipe(text: str) -> str:
    """The Python that the first lines of a config give to write its wells table, "" if there is none."""
    found = re.search(r"^#   python - <<'END'\n(.*?)^#   END$", text, re.DOTALL | re.MULTILINE)
    return re.sub(r"^#   ", "", found[1], flags=re.MULTILINE) if found else ""


def test_every_config_of_images_has_a_miniature():
    configs = {path.stem: path.read_text() for path in FOLDER.glob("*.yaml")}
    imaged = {name for name, text in configs.items() if "object: profile" not in text}
    assert imaged == {make.__name__ for make in EXPECTED}


@pytest.mark.parametrize("make", EXPECTED, ids=lambda make: make.__name__)
def test_a_miniature_is_planned(tmp_path, monkeypatch, make):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(Plan, "unanswerable", lambda plan: [])  # four wells are too few for its tasks
    plates, fields, (channel, path), (well, treatment, moa) = EXPECTED[make]
    make()
    text = (FOLDER / f"{make.__name__}.yaml").read_text()
    exec(recipe(text), {})
    config = yaml.safe_load(text)
    plan = Plan.of(config if "models" in config else config | PRESET)
    (name,) = plan.config["datasets"]
    frame, wells = plan.images[name], plan.wells[name]
    assert plan.plates(name) == plates
    assert len(frame) == fields
    assert frame[channel][0] == path
    assert (frame[plan.config["datasets"][name]["channels"]] != "").all(axis=None)
    row = wells[(wells["plate"] == plates[0]) & (wells["well"] == well)].iloc[0]
    assert row["treatment"] == treatment
    assert moa is None or row["moa"] == moa
    control = wells[(wells["plate"] == plates[0]) & (wells["well"] == "A01")].iloc[0]
    assert control["control"] == "negative"
    assert control.get("moa", "") == ""
