"""A kept plan is the plan that reading the tables again would give; anything that could make it another is noticed."""

import json
import os
import time
from copy import deepcopy

import pandas as pd
import pytest
import yaml
from paths import ROOT
from wellread.inputs import sources, user_tables
from wellread.plan import kept, settings, stamps
from wellread.plan.dag import Plan
from wellread.plan.provenance import rows_hash

OLD = time.time() - 3600


@pytest.fixture
def config(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv(kept.RUN, raising=False)
    plates, wells = ["P2", "P2", "P1"], ["A01", "A02", "A01"]
    table = {"plate": plates, "well": wells, "treatment": ["a", "b", "a"], "control": "", "moa": ["x", "NA", "y"]}
    pd.DataFrame(table).to_csv("wells.csv", index=False)
    pd.DataFrame({"plate": plates, "well": wells, "DNA": ["1.tif", "2.tif", "3.tif"]}).to_csv("images.csv", index=False)
    age("wells.csv", "images.csv")
    tables = {"images": {"table": {"path": "images.csv"}}, "wells": "wells.csv", "channels": ["DNA"]}
    models = {"taught": {"train": {"supervised": {"label": "moa"}}}, "chance": {"encoder": {"random": {}}}}
    return {"datasets": {"d": tables}, "models": models, "tasks": {"near": {"measure": {"knn": {}}}}}


@pytest.fixture
def reads(monkeypatch):
    """How often an images table has been read."""
    count, read = [], sources.fields
    monkeypatch.setattr(sources, "fields", lambda *given: count.append(1) or read(*given))
    return count


def age(*paths):
    """Let files say that they were changed long ago."""
    for path in paths:
        os.utime(path, (OLD, OLD))


@pytest.fixture(autouse=True)
def trust_what_has_changed_just_now(monkeypatch):
    monkeypatch.setattr(stamps, "SETTLED", 0)


def told(plan):
    """All that rules ask of a plan's tables."""
    plates = plan.plates("d")
    hashes = [plan.rows_hash("d", plate) for plate in plates]
    rows = [plan.rows("d", plate).to_csv(index=False) for plate in plates]
    asked = (
        plan.labels_hash("taught"),
        plan.marks("d", "near", "none"),
        plan.watched("d"),
        plan.training_plates("taught"),
    )
    return plan.notes, plan.config, plates, hashes, rows, asked


@pytest.mark.dag
def test_a_plan_that_is_found_is_the_plan_that_was_made(config, reads):
    without, made, found = (Plan.of(config, job=how) for how in (None, False, False))
    assert len(reads) == 2
    assert told(without) == told(made) == told(found)
    assert without.result_settings == made.result_settings == found.result_settings
    assert without.images["d"].equals(found.images["d"])
    assert without.wells["d"].equals(found.wells["d"])


@pytest.mark.parametrize("watch", ["files", "folders", "nothing"])
def test_images_are_watched_alike(config, watch):
    config["datasets"]["d"] |= {"watch": watch, "images": {"table": {"path": "images.csv", "root": "raw"}}}
    os.makedirs("raw")
    without, found = (Plan.of(config, job=how) for how in (None, False))
    stamps = [without.image_stamps("d", plate) for plate in ("P1", "P2")]
    assert [found.image_stamps("d", plate) for plate in ("P1", "P2")] == stamps
    os.utime("raw", (OLD, OLD))
    assert (found.image_stamps("d", "P1") != stamps[0]) == (watch == "folders")
    assert found.image_stamps("d", "P1") == without.image_stamps("d", "P1")


def test_without_a_run_nothing_is_kept(config):
    assert Plan.of(config).kept is None
    assert not kept.FOLDER.exists()


def change_images(config):
    frame = pd.read_csv("images.csv").assign(DNA=["1.tif", "2.tif", "4.tif"])  # as long as before
    frame.to_csv("images.csv", index=False)
    age("images.csv")


def change_wells(config):
    pd.read_csv("wells.csv").assign(moa=["x", "z", "y"]).to_csv("wells.csv", index=False)


def change_config(config):
    config["tasks"]["near"]["measure"]["knn"]["label"] = "moa"


@pytest.mark.dag
@pytest.mark.parametrize("change", [change_images, change_wells, change_config])
def test_what_a_plan_follows_from_makes_another_one(config, reads, change):
    before = Plan.of(config, job=False)
    change(config)
    after = Plan.of(config, job=False)
    assert len(reads) == 2
    assert after.kept.key != before.kept.key
    assert told(after) == told(Plan.of(config))


@pytest.mark.dag
@pytest.mark.parametrize(("name", "value"), [("code", "other"), ("_versions", ["pandas 0"])])
def test_other_code_or_versions_make_another_plan(config, reads, monkeypatch, name, value):
    Plan.of(config, job=False)
    monkeypatch.setattr(kept, name, lambda: value)
    Plan.of(config, job=False)
    assert len(reads) == 2


def test_the_versions_are_those_of_what_reads_tables():
    assert kept._versions()[kept.READERS.index("pandas")] == pd.__version__


def test_files_that_have_changed_just_now_are_not_trusted(config, reads, monkeypatch):
    monkeypatch.setattr(stamps, "SETTLED", 60e9)
    Plan.of(config, job=False)
    Plan.of(config, job=False)
    assert len(reads) == 2


def test_a_table_that_changes_while_it_is_read_is_read_again(config, reads, monkeypatch):
    check = user_tables.check

    def slow(frame, kind, *others):
        change_wells(config)
        return check(frame, kind, *others)

    with monkeypatch.context() as during:
        during.setattr(user_tables, "check", slow)
        Plan.of(config, job=False)
    Plan.of(config, job=False)
    assert len(reads) == 2


@pytest.mark.parametrize("ending", ["json", ".d.parquet", ".sample.parquet"])
@pytest.mark.parametrize(
    "damage", [lambda raw: raw[:-9], lambda raw: raw[:40] + bytes([raw[40] ^ 1]) + raw[41:], lambda raw: b""]
)
def test_a_damaged_file_is_made_again(config, reads, ending, damage):
    first = Plan.of(config, job=False)
    (path,) = kept.FOLDER.glob(f"*{ending}")
    path.write_bytes(damage(path.read_bytes()))
    again = Plan.of(config, job=False)
    assert len(reads) == 2
    assert told(again) == told(first)
    assert Plan.of(config, job=False).kept.key == first.kept.key
    assert len(reads) == 2


def test_a_folder_that_cannot_be_written_keeps_nothing(config, reads):
    kept.FOLDER.parent.mkdir()
    kept.FOLDER.write_text("a file in the place of the folder")
    assert Plan.of(config, job=False).kept is None
    assert Plan.of(config, job=False).plates("d") == ["P1", "P2"]
    assert len(reads) == 2


def test_a_job_takes_the_plan_of_its_run_and_reads_no_table(config, reads, monkeypatch):
    run = Plan.of(config, job=False)
    monkeypatch.setenv(kept.RUN, run.kept.key)
    monkeypatch.setattr(settings, "load", None)  # nor does it check the config again
    job = Plan.of(config, job=True)
    assert told(job)[1:] == told(run)[1:]
    assert len(reads) == 1
    rows = kept.rows_of("d", "P2", run.rows_hash("d", "P2"))
    assert rows_hash(rows) == run.rows_hash("d", "P2")
    assert rows["DNA"].tolist() == ["1.tif", "2.tif"]
    assert kept.rows_of("d", "P1", run.rows_hash("d", "P2")) is None


@pytest.mark.parametrize("name", ["config", "painted_atlas", "template", "paper/miniature"])
def test_json_keeps_a_config_as_it_is_filled_in_and_what_was_given_is_left_as_it_was(name):
    given = yaml.safe_load((ROOT / "config" / f"{name}.yaml").read_text())
    before = deepcopy(given)
    filled = settings.load(given)
    assert given == before
    assert json.loads(json.dumps(filled)) == filled


def test_a_job_of_another_config_or_without_a_run_plans_by_itself(config, reads, monkeypatch):
    run = Plan.of(config, job=False)
    Plan.of(config, job=True)
    assert len(reads) == 1  # found as any run finds it
    monkeypatch.setenv(kept.RUN, run.kept.key)
    change_config(config)
    Plan.of(config, job=True)
    assert len(reads) == 2


@pytest.mark.dag
def test_a_job_notices_rows_that_are_damaged(config, monkeypatch):
    run = Plan.of(config, job=False)
    monkeypatch.setenv(kept.RUN, run.kept.key)
    frame = run.images["d"].assign(DNA=["3.tif", "1.tif", "5.tif"])
    kept._write(kept._of_plates(frame).values(), kept._table(run.kept.key, "d"))
    assert [kept.rows_of("d", plate, run.rows_hash("d", plate)) is None for plate in ("P1", "P2")] == [False, True]
    assert told(Plan.of(config, job=True))[1:] == told(Plan.of(config))[1:]


def test_images_that_are_listed_are_listed_by_every_run_but_not_by_its_jobs(config, reads, monkeypatch):
    for name in ("P1_A01_DNA.tif", "P2_A01_DNA.tif"):
        os.makedirs("images", exist_ok=True)
        open(f"images/{name}", "w").close()
    files = {"folder": "images", "files": "{plate}_{well}_{channel}.tif"}
    config["datasets"]["d"]["images"] = {"pattern": files}
    del config["models"]["taught"]
    run = Plan.of(config, job=False)
    monkeypatch.setenv(kept.RUN, run.kept.key)
    os.rename("images/P2_A01_DNA.tif", "images/P2_A02_DNA.tif")
    assert Plan.of(config, job=True).rows("d", "P2")["well"].tolist() == ["A01"]
    assert Plan.of(config, job=False).rows("d", "P2")["well"].tolist() == ["A02"]
    assert len(reads) == 2


@pytest.mark.dag
def test_only_the_plans_that_were_used_last_stay(config):
    for seed in range(kept.KEPT + 2):
        plan = Plan.of(config | {"seed": seed}, job=False)
        age(kept._index(plan.kept.key))
        os.utime(kept._index(plan.kept.key), (OLD + seed, OLD + seed))
    assert [len(list(kept.FOLDER.glob(f"*{end}"))) for end in (".json", ".d.parquet", ".sample.parquet")] == [
        kept.KEPT
    ] * 3
    assert kept._index(plan.kept.key).is_file()
