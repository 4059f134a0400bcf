"""The paragraph of methods is true of config and ledger, sentence by sentence, and cites what was used."""

import re
from copy import deepcopy
from pathlib import Path

import made_run
import pytest
import yaml
from wellread.plan import settings
from wellread.profiles.ledger import build_ledger
from wellread.report.methods import methods, references
from wellread.report.run import Run
from wellread.report.wording import WORDS, told
from wellread.runtime import table_files
from wellread.runtime.registry import choices

pytestmark = pytest.mark.dag
DEMO = Path(__file__).parents[2] / "config" / "config.yaml"


@pytest.fixture(scope="module")
def inputs(tmp_path_factory):
    folder = tmp_path_factory.mktemp("run")
    made = made_run.write(folder, figures=False)
    ledger = build_ledger(made.images, made.plates, made.wells, made.profiles)
    table_files.write(ledger, folder / "ledger.parquet", "ledger")
    return made.inputs | {"ledger": [str(folder / "ledger.parquet")], "figures": []}


@pytest.fixture
def config():
    """That of the demo with the names of models, corrections and tasks of the run; defaults filled in."""
    full = settings.load(yaml.safe_load(DEMO.read_text()))
    full["models"]["other"] = deepcopy(full["models"]["untrained"])
    full["tasks"] |= {"moa": full["tasks"].pop("mechanism")}
    return full


def sentences(inputs, config) -> str:
    return " ".join(methods(Run.from_inputs("demo", inputs, None, config))["sentences"])


def test_counts_are_those_of_the_ledger(inputs, config):
    words = sentences(inputs, config)
    table = table_files.read(inputs["ledger"][0], "ledger")
    kept = table[table["reason"].str.startswith("kept")].groupby("stage")["n"].sum()
    images = table[table["stage"] == "images"]["n"].sum()
    assert f"Of {images} fields of view, {kept['fields']} could be used." in words
    assert f"found {kept['objects']} cells. Of these, {kept['crops']} were cut out in windows of 48 px" in words
    own = table[(table["stage"] == "wells") & (table["model"] == "tiny") & table["reason"].str.startswith("kept")]
    assert f"This gave the profiles of {own['n'].sum()} wells." in words


@pytest.mark.parametrize(
    ("path", "value", "before", "after"),
    [
        ("datasets.demo.segment.otsu_watershed.cell", "ER", "cell RNA,", "cell ER,"),
        ("datasets.demo.calibrate.percentiles", [1, 99], "from percentile 0.05 to", "from percentile 1 to percentile"),
        ("datasets.demo.calibrate.illumination", {"retrospective": {"degree": 4}}, "was not corrected",
         "Illumination was corrected by a smooth surface estimated from the fields themselves (degree 4)"),
        ("datasets.demo.crops.size", "auto", "cut out in windows of 48 px", "were cut out. "),
        ("datasets.demo.aggregate.fields", "median", "of a well by their mean", "of a well by their median"),
        ("datasets.demo.headline", "none", "were corrected by standardisation", "Profiles were not corrected."),
        ("models.tiny.fit.epochs", 7, "over 5 epochs", "over 7 epochs"),
        ("models.tiny.train", {"mae": {}}, "trained by self-distillation without labels (Cell-DINO [moutakanni2025])",
         "trained by reconstruction of masked patches without labels (MAE [he2022])"),
        ("corrections.sphering", [{"zscore": {}}], "used one half of these",
         "corrected by standardisation of every feature by the negative controls."),
        ("corrections.sphering", {"choose": {"among": ["none", "x"], "by": "moa"}}, "Profiles were corrected by",
         "The correction (none or x) was chosen by the task moa"),
        ("tasks.activity.measure.average_precision.threshold", 0.01, "threshold 0.05", "threshold 0.01"),
        ("seed", 8, "seed 0", "seed 8"),
    ],
)  # fmt: skip
def test_settings_are_those_of_the_config(inputs, config, path, value, before, after):
    words = sentences(inputs, config)
    assert before in words
    assert after not in words
    *folders, last = path.split(".")
    section = config
    for name in folders:
        section = section[name]
    section[last] = value
    changed = sentences(inputs, config)
    assert after in changed
    assert before not in changed


def test_what_is_read_of_the_encoder_and_appended_is_told(inputs, config):
    assert "An embedding consists" not in sentences(inputs, config)
    config["models"]["tiny"]["embed"] |= {"features": "cls_mean", "turn": True, "intensity": 0.3, "texture": 1}
    words = sentences(inputs, config)
    assert (
        "An embedding consists of the class token and the mean patch token, averaged over the eight orientations of a "
        "crop. Hand-made measures of intensity (weight 0.300) and texture (weight 1) were appended to embeddings."
    ) in words


def test_options_that_are_off_or_replaced_are_left_out(inputs, config):
    words = sentences(inputs, config)
    assert config["models"]["tiny"]["encoder"]["vit"]["arch"] == "small"  # though its numbers are others
    assert not re.search(r"\b(arch|diameter|False|drop path)\b", words)
    for number in ("dim", "depth", "heads"):
        del config["models"]["tiny"]["encoder"]["vit"][number]
    assert "a vision transformer (patch 8, image 48, layer scale 1.0, arch small, ffn mlp)" in sentences(inputs, config)


def test_what_is_cited_is_what_was_used_and_has_an_entry(inputs, config):
    made = methods(Run.from_inputs("demo", inputs, None, config))
    cited = set(re.findall(r"\[(\w+)\]", " ".join(made["sentences"])))
    assert cited == {"otsu1979", "moutakanni2025", "ljosa2013", "kalinin2025", "wellread", "molder2021"}
    assert set(re.findall(r"@\w+\{(\w+),", made["bibtex"])) == cited


def test_choices_are_told_in_words_or_by_their_names_and_every_entry_is_cited():
    assert told("measure", {"new_one": {"label": "moa"}}) == "what the measure new_one tells (label in column moa)"
    assert told("segment", {"new_one": {}}) == "new one"
    for section, names in WORDS.items():
        assert set(names) <= set(choices(section))
        assert set(re.findall(r"\[(\w+)\]", " ".join(names.values()))) <= set(references())
    room = Path(settings.__file__).parents[1] / "report"
    source = "".join((room / name).read_text() for name in ("methods.py", "wording.py"))
    assert all(f"[{key}]" in source for key in references())


def test_sentences_are_whole_and_counts_of_one_are_singular(inputs, config):
    """Each begins with a capital and ends with a full stop; of ready profiles rows and columns of their tables."""
    made = methods(Run.from_inputs("demo", inputs, None, config))["sentences"]
    assert all(re.fullmatch(r"[A-Z][^{}]*\.", sentence) for sentence in made)
    assert not re.search(r"\b1 (plates|channels|cells|wells|fields|epochs)\b|\bTrue\b|\basked \w+ of\b", " ".join(made))
    config["datasets"]["demo"] |= {"object": "profile", "channels": ["DNA"]}
    assert "Ready profiles of 2 plates were analysed." in sentences(inputs | {"ledger": []}, config)
    del config["datasets"]["demo"]["object"]
    assert "in 1 channel (DNA) were" in sentences(inputs, config)
