"""The DAG itself, run as a user runs it: what re-runs, survives a kill, is refused, is the same twice."""

import os
import shutil
import signal
import subprocess
import time
from pathlib import Path

import pandas as pd
import pytest
import tifffile
from flow import ODD, command, hashes, planned, replace, small, small_config, snakemake, write_config, write_tables

pytestmark = pytest.mark.dag
PLATES = {"P1", "P2"}


@pytest.fixture(scope="module")
def done(tmp_path_factory):
    """A small screen, run to its end."""
    folder = small(tmp_path_factory.mktemp("done"), plates=("P1", "P2", "P3"))
    write_tables(folder, ("P1", "P2"))
    snakemake(folder)
    return folder


PER_PLATES = {"score", "look"}
PER_DATASET = {"aggregate", "correct", "cross", "consensus", "measure", "draw", "ledger", "alarms", "report"}
CODE = "workflow/wellread"
NO_RESULT = (  # all at once: (file, what stands there, what shall)
    (f"{CODE}/profiles/fitting.py", "negative controls to fit on, two or more", "two controls"),  # words of an error
    (f"{CODE}/runtime/errors.py", "class InputError", "NEW = 1\n\n\nclass InputError"),  # the room runtime
    (f"{CODE}/measure/knn.py", "import numpy as np\n", "import numpy as np\n\nNEW = 1\n"),  # no task asks for it
    (f"{CODE}/encoder/vit.py", "import torch\n", "import torch  # it is\n\n# so\n"),
    ("test.yaml", "device: cpu", "device: auto"),
    ("test.yaml", "checkpoint_every: 2", "checkpoint_every: 3"),
)
CHANGES = {
    "what changes no result": (lambda f: [replace(f / name, old, new) for name, old, new in NO_RESULT], set()),
    "the code of a measure": (
        lambda f: replace(
            f / CODE / "measure/average_precision.py", "import numpy as np\n", "import numpy as np\n\nNEW = 1\n"
        ),
        {"measure", "alarms", "report"},
    ),
    "a statement in vit.py": (
        lambda f: replace(f / CODE / "encoder/vit.py", "import torch\n", "import torch\n\nNEW = 1\n"),
        {"train", "embed P1", "embed P2", "pool P1", "pool P2"} | PER_DATASET,
    ),
    "the sphering regularisation": (
        lambda f: replace(f / "test.yaml", "regularisation: 0.1", "regularisation: 0.2"),
        {"correct", "cross", "consensus", "measure", "draw", "alarms", "report"},
    ),
    "a label in the wells table": (lambda f: replace(f / "wells.csv", ",actin bundling", ",actin"), PER_DATASET),
    "one row of one plate": (
        lambda f: replace(f / "images.csv", "raw/P2/C05_1_ER.tif", "raw/P2/C04_1_ER.tif"),
        {f"{verb} P2" for verb in ("calibrate", "segment", "crops", "embed", "pool")}
        | {"train", "embed P1", "pool P1"}
        | PER_PLATES
        | PER_DATASET,
    ),
    "a new plate": (
        lambda f: write_tables(f, ("P1", "P2", "P3")),
        {f"{verb} P3" for verb in ("calibrate", "segment", "crops", "embed", "pool")} | PER_PLATES | PER_DATASET,
    ),
    "a rule of quality for cells": (
        lambda f: replace(f / "test.yaml", "size: 40", "size: 40\n      flagged: drop"),
        {f"{verb} {plate}" for verb in ("crops", "embed", "pool") for plate in PLATES}
        | {"train", "look"}
        | PER_DATASET,
    ),
    "the thresholds of a score": (
        lambda f: replace(f / "test.yaml", "truth.tif", "truth.tif\n        iou: [0.5]"),
        {"score", "report"},
    ),
    "how many fields to look at": (lambda f: replace(f / "test.yaml", "each: 2", "each: 3"), {"look", "report"}),
    "the report's words": (
        lambda f: replace(f / CODE / "report/page.html", "</body>", "<p>.</p></body>"),
        {"report"},
    ),
}


QUICK = {"what changes no result", "a statement in vit.py", "one row of one plate", "a new plate"}


@pytest.mark.parametrize("change", [pytest.param(c, marks=[pytest.mark.slow] * (c not in QUICK)) for c in CHANGES])
def test_a_change_re_runs_exactly_what_depends_on_it(done, change):
    edit, expected = CHANGES[change]
    files = [path for path in (done / CODE).rglob("*") if path.suffix in (".py", ".html")]
    files += [done / name for name in ("test.yaml", "wells.csv", "images.csv")]
    before = {path: path.read_bytes() for path in files}
    edit(done)
    try:
        assert planned(done) == expected
    finally:
        for path, content in before.items():
            if path.read_bytes() != content:
                path.write_bytes(content)


def test_a_dry_run_is_a_page_that_names_plates_and_steps(done):
    output = subprocess.run(command("-n", "--forceall"), cwd=done, capture_output=True, text=True, check=True).stdout
    assert len(output.splitlines()) < 100  # two for every step; 400 without `quiet` of the default profile
    assert "plate P1, P2" in output
    assert "correction none, sphering" in output


def test_a_misspelt_key_re_runs_nothing_and_names_the_right_one(done):
    config = small_config()
    config["datasets"]["small"]["crop"] = config["datasets"]["small"].pop("crops")
    write_config(done, config, "misspelt.yaml")
    output = snakemake(done, "-n", config="misspelt.yaml", fine=False)
    assert "crop -> crops" in output
    assert "rule " not in output
    assert "Traceback" not in output


def test_every_result_is_there_and_opens(done):
    folder = done / "results" / "small"
    assert (done / "results" / "reports" / "small.html").stat().st_size > 10_000
    for plate in PLATES:
        assert (folder / plate / "masks.tif").exists()
    ledger = pd.read_parquet(folder / "ledger.parquet")
    assert set(ledger["plate"]) == PLATES
    assert tifffile.imread(folder / "P1" / "masks.tif", key=[0, 1]).max() == 0  # the field without cells
    assert ledger.query("plate == 'P1' and stage == 'wells' and reason == 'no cells'")["n"].tolist() == [1]
    treatments = pd.read_parquet(folder / "profiles" / "tiny" / "sphering" / "treatment.parquet")
    assert ODD in set(treatments["Metadata_treatment"])


def test_no_treatment_name_becomes_markup(done):
    page = (done / "results" / "reports" / "small.html").read_text()
    assert "<script>alert(1)" not in page
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in page


def test_every_job_tells_versions_seed_and_device(done):
    for log in (done / "results" / "logs").rglob("*.log"):
        assert "wellread 0.1.0" in log.read_text(), log
        assert "done" in log.read_text(), log
    assert "seed 0" in (done / "results/logs/train/tiny.log").read_text()
    assert "device cpu" in (done / "results/logs/train/tiny.log").read_text()


@pytest.mark.slow
def test_baselines_are_compared_with_models_and_train_nothing(done, tmp_path):
    folder, config = shutil.copytree(done, tmp_path / "ladder", symlinks=True), small_config()
    config["models"] |= {"count": {"encoder": {"cell_count": {}}}, "nothing": {"encoder": {"shuffled": {"of": "tiny"}}}}
    config["corrections"] = {"none": []}
    write_config(folder, config)
    target = "results/small/ladder.parquet"
    pooled = {f"pool {plate}" for plate in PLATES}  # of the cells alone: what looks at no pixels is not embedded
    assert planned(folder, target) == pooled | {"aggregate", "measure", "compare"}
    snakemake(folder, "--", target)
    ladder = pd.read_parquet(folder / target)
    pairs = {(model, of) for model in config["models"] for of in ("count", "nothing", "shuffled labels") if model != of}
    assert set(zip(ladder["model"], ladder["baseline"], strict=True)) == pairs
    tiny, nothing = (
        pd.read_parquet(folder / f"results/small/profiles/{model}/none/well.parquet").filter(like="emb_").to_numpy()
        for model in ("tiny", "nothing")
    )
    assert (tiny != nothing).any()
    assert sorted(map(tuple, tiny)) == sorted(map(tuple, nothing))
    config["models"]["classical"] = {"encoder": {"cp_measure": {}}}
    write_config(folder, config)
    assert {"embed_classical P1", "embed_classical P2", "compare", "report"} < planned(folder)


@pytest.mark.slow
def test_the_same_config_gives_the_same_bytes_in_another_folder(done, tmp_path):
    other = small(tmp_path / "other")
    snakemake(other)
    assert hashes(other) == hashes(done)


@pytest.mark.slow
def test_crops_that_do_not_stay_change_no_byte_of_what_is_made_of_them_in_another_folder(done, tmp_path):
    other, config = small(tmp_path / "other"), small_config()
    config["datasets"]["small"]["keep_crops"] = False
    write_config(other, config)
    snakemake(other, "--", "results/small/ledger.parquet", "results/small/tasks/activity/tiny_sphering.parquet")
    kept, passed = hashes(done), hashes(other)
    gone = {f"results/small/{plate}/{kind}.npy" for plate in PLATES for kind in ("crops", "outlines")}
    assert gone < kept.keys()
    assert not gone & passed.keys()
    assert len(passed) > 20
    assert {name: kept[name] for name in passed} == passed


HALF_WAY = {  # rule: what it makes, and what can be seen while it does
    "segment": ("results/small/P1/masks.tif", "results/small/P1/.masks.tif.*.part.tif"),
    "crops": ("results/small/P1/crops.npy", "results/small/P1/.crops.npy.*.part.npy"),
    "train": ("results/models/tiny/weights.safetensors", "results/models/tiny/checkpoint.pt"),
}


@pytest.mark.slow
@pytest.mark.parametrize(
    ("rule", "victim"), [("segment", "job"), ("segment", "snakemake"), ("crops", "job"), ("train", "job")]
)
def test_what_was_killed_ends_as_if_unbroken(done, tmp_path, rule, victim):
    folder = killed(done, tmp_path, rule, victim)
    target, _ = HALF_WAY[rule]
    assert rule in {line.split()[0] for line in planned(folder)}
    snakemake(folder, "--", target)
    assert (folder / target).read_bytes() == (done / target).read_bytes()
    shutil.rmtree(folder)


@pytest.mark.slow
@pytest.mark.parametrize("rule", ["crops", "train"])
def test_a_killed_run_ends_like_an_unbroken_one(done, tmp_path, rule):
    folder = killed(done, tmp_path, rule, "snakemake")
    snakemake(folder)
    assert hashes(folder) == hashes(done)
    shutil.rmtree(folder)


def killed(done: Path, home: Path, rule: str, victim: str) -> Path:
    """A copy of a finished run in which a rule ran again, and it or snakemake was killed meanwhile."""
    folder = shutil.copytree(done, home / "killed", symlinks=True)
    target, sign = HALF_WAY[rule]
    shutil.rmtree(folder / "results" / "reports")
    for name in (target, "results/models/tiny/checkpoint.pt"):  # else training were at its end at once
        (folder / name).unlink()
    run = subprocess.Popen(command("--", target), cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    limit = time.monotonic() + 300
    while not list(folder.glob(sign)):
        assert run.poll() is None, "ended before it could be killed"
        assert time.monotonic() < limit
        time.sleep(0.001)
    job = job_of(rule, folder)
    if (rule, victim) == ("train", "snakemake"):
        os.kill(job, signal.SIGSTOP)  # so that it outlives snakemake for sure
    os.kill(run.pid if victim == "snakemake" else job, signal.SIGKILL)
    run.wait()
    if victim == "snakemake":
        snakemake(folder, "--unlock")
    if (rule, victim) == ("train", "snakemake"):
        assert f"process {job} on" in snakemake(folder, "--", target, fine=False)  # and not a second one beside it
        os.kill(job, signal.SIGKILL)
    if victim == "job":
        assert not (folder / target).exists()
    return folder


def job_of(rule: str, folder: Path) -> int:
    """The process that runs a rule's script below a folder."""
    for process in Path("/proc").glob("[0-9]*"):
        try:
            words, where = (process / "cmdline").read_text().split("\0"), os.readlink(process / "cwd")
        except OSError:
            continue
        if where == str(folder) and any(word.endswith(f".{rule}.py") for word in words) and "python" in words[0]:
            return int(process.name)
    raise AssertionError(f"no job of {rule}")


def test_bad_tables_are_refused_before_anything_runs(done):
    """Which ones, and in which words: see test_refusals.py."""
    before = (done / "wells.csv").read_bytes()
    replace(done / "wells.csv", "treatment", "treatmnt")
    try:
        output = snakemake(done, "-n", fine=False)
    finally:
        (done / "wells.csv").write_bytes(before)
    assert all(word in output for word in ["expected", "found", "where", "edit", "no treatment", "wells.csv"]), output
    assert "Traceback" not in output


@pytest.mark.slow
def test_bad_images_stop_their_plate_by_name_and_no_other(done, tmp_path):
    unrun = shutil.ignore_patterns("results", ".snakemake")
    folder = shutil.copytree(done, tmp_path / "bad", symlinks=True, ignore=unrun)
    for name in sorted((folder / "raw" / "P2").glob("*_DNA.tif"))[:6]:
        name.write_bytes(name.read_bytes()[:1000])
    targets = ["results/small/P1/fields.parquet", "results/small/P2/fields.parquet"]
    output = snakemake(folder, "--keep-going", "--", *targets, fine=False)
    assert "at most 20% of the 24 fields unusable" in output
    assert "truncated or damaged" in output
    assert "Traceback" not in output
    assert (folder / targets[0]).exists()
    assert not (folder / targets[1]).exists()


@pytest.mark.slow
def test_a_correction_without_controls_is_refused_before_anything_runs(done):
    before = (done / "wells.csv").read_bytes()
    wells = pd.read_csv(done / "wells.csv", dtype=str, keep_default_na=False)
    wells.assign(control="").to_csv(done / "wells.csv", index=False)
    try:
        output = snakemake(done, "--", "results/small/profiles/tiny/sphering/well.parquet", fine=False)
    finally:
        (done / "wells.csv").write_bytes(before)
    assert "two negative controls or more to fit on" in output
    assert "Traceback" not in output


def test_reports_of_snakemake_work(done):
    snakemake(done, "--report", "report.zip")
    assert (done / "report.zip").stat().st_size > 100_000


def test_lint_finds_nothing(done):
    assert "Congratulations" in snakemake(done, "--lint")
