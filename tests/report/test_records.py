"""Warnings of all logs, and how long the steps took."""

import json

import pytest
from wellread.report.records import files, write_run
from wellread.report.run import Run

HEAD = "2026-01-02 03:04:05,678 INFO wellread 0.1.0 on box, Linux-6\n"
WARNING = "2026-01-02 03:04:0{},678 WARNING few <b> controls\n"
OF_PYTHON = "2026-01-02 03:04:05,678 WARNING /some/where/linalg.py:12: RuntimeWarning: divide by zero\n  x / 0\n"
BENCHMARK = "s\th:m:s\tmax_rss\n{}\t0:00:01\t{}\n"


@pytest.fixture
def run(tmp_path):
    texts = {
        "logs/correct/demo/a_none.log": HEAD + WARNING.format(1) + OF_PYTHON,
        "logs/correct/demo/b_none.log": WARNING.format(2),
        "logs/train/a.log": "2026-01-02 03:04:05,678 ERROR stopped:\n",
        "logs/train/elsewhere.log": WARNING.format(3) + "2026-01-02 03:04:05,678 WARNING of another model\n",
        "logs/correct/other/a_none.log": "2026-01-02 03:04:05,678 WARNING of another dataset\n",
        "logs/alarms/demo.log": "2026-01-02 03:04:05,678 WARNING told as an alarm\n",
        "benchmarks/correct/demo/a_none.tsv": BENCHMARK.format(1.5, 100),
        "benchmarks/correct/demo/b_none.tsv": BENCHMARK.format(2.5, "NA"),
        "benchmarks/hits/demo.tsv": BENCHMARK.format(4, 50.5),
        "benchmarks/hits/other.tsv": BENCHMARK.format(400, 50.5),
    }
    for name, text in texts.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    folders = {kind: tmp_path / kind for kind in ("logs", "benchmarks")}
    return Run.from_inputs("demo", folders, None, {"models": {"a": {}}, "datasets": {"demo": {}}})


def test_warnings_are_told_once_with_the_jobs_that_gave_them_and_without_times(run):
    told = {(one["kind"], one["words"]): one["jobs"] for one in files(run)["warnings"]}
    assert told == {
        ("error", "stopped:"): ["train/a"],
        ("warning", "few <b> controls"): ["correct/a_none", "correct/b_none"],
        ("warning", "linalg.py: RuntimeWarning: divide by zero"): ["correct/a_none"],
    }
    assert not files(Run.from_inputs("demo", {}, None, run.config))["logs"]


def test_run_times_are_of_the_dataset_by_step(run, tmp_path):
    write_run(tmp_path / "run.json", run)
    told = json.loads((tmp_path / "run.json").read_text())
    assert told["machines"] == ["box, Linux-6"]
    assert told["steps"] == {
        "correct": {"jobs": 2, "seconds": 4.0, "longest": 2.5, "memory_mb": 100.0},
        "hits": {"jobs": 1, "seconds": 4.0, "longest": 4.0, "memory_mb": 50.5},
    }
