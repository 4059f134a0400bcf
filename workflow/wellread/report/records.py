"""What the steps have left behind beside their results: warnings in logs, run times, machines."""

import json
import platform
import re
from pathlib import Path

import pandas as pd

from wellread import __version__
from wellread.report.run import Run
from wellread.runtime.files import whole

LINE = re.compile(r"^\d{4}-\d\d-\d\d \S+ (WARNING|ERROR) (.*)")
MACHINE = re.compile(r" INFO wellread \S+ on (.*)")
OF_PYTHON = re.compile(r"^\S*?([^/\s]+\.py):\d+: ")  # where Python says that a warning comes from
TOLD = ("alarms", "report")  # steps whose warnings stand elsewhere, or are those of the page itself
TRAINING = ("train", "select")  # steps whose logs are called like models


def files(run: Run) -> dict:
    """Warnings and errors of all logs, each once with the jobs that gave it; whether there were logs at all."""
    found = {}
    for job, path in logs(run, "logs", "*.log"):
        for kind, words in _sounded(path) if job.split("/")[0] not in TOLD else ():
            found.setdefault((kind, words), []).append(job)
    told = [{"kind": kind.lower(), "words": words, "jobs": jobs} for (kind, words), jobs in found.items()]
    return {"warnings": sorted(told, key=lambda one: (one["kind"], one["jobs"])), "logs": bool(run.paths("logs"))}


def logs(run: Run, kind: str, pattern: str):
    """The files below the folder of a `kind` (logs, benchmarks) that are about the dataset or its models.

    Yields pairs (job, path), such as `segment/P1`.
    """
    for folder in run.paths(kind):
        for path in sorted(folder.rglob(pattern)):
            step, *where = path.relative_to(folder).with_suffix("").parts
            if where[:1] == [run.dataset]:
                yield "/".join([step, *where[1:]]), path
            elif step in TRAINING and where[0] in run.config["models"]:
                yield f"{step}/{where[0]}", path


def _sounded(path: Path):
    """Pairs (WARNING or ERROR, words) of a log, without times and paths of Python."""
    for line in path.read_text(encoding="utf-8", errors="replace").splitlines():
        if match := LINE.match(line):
            yield match[1], OF_PYTHON.sub(r"\1: ", match[2])


def write_run(out_json, run: Run) -> None:
    """Write how long the jobs of every step took (s), how much memory at most (MB), and on which machines.

    Times and memory are those of Snakemake's benchmarks; jobs of an earlier run count as they were then.
    """
    machines = {match[1] for _, path in logs(run, "logs", "*.log") if (match := MACHINE.search(path.read_text()))}
    here = {"machine": platform.machine(), "platform": platform.platform(), "python": platform.python_version()}
    facts = {"dataset": run.dataset, "wellread": __version__, "report": here, "machines": sorted(machines)}
    with whole(out_json) as part:
        part.write_text(json.dumps(facts | {"steps": _times(run)}, indent=1), encoding="utf-8")


def _times(run: Run) -> dict:
    """{step: jobs, seconds of all and of the longest, highest memory in MB}."""
    rows = [
        {"step": job.split("/")[0], **pd.read_csv(path, sep="\t").iloc[-1][["s", "max_rss"]].to_dict()}
        for job, path in logs(run, "benchmarks", "*.tsv")
    ]
    if not rows:
        return {}
    table = pd.DataFrame(rows).assign(max_rss=lambda own: pd.to_numeric(own["max_rss"], errors="coerce"))
    every = table.groupby("step").agg(
        jobs=("s", "size"), seconds=("s", "sum"), longest=("s", "max"), memory_mb=("max_rss", "max")
    )
    return json.loads(every.round(2).to_json(orient="index"))
