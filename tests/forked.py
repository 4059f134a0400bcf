"""Snakemake in a process forked from one that has imported what it needs, which takes longer than planning does."""

import multiprocessing
import os
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]
PROCESSES = multiprocessing.get_context("forkserver")
PROCESSES.set_forkserver_preload(["snakemake.cli", "snakemake.api", "snakemake.dag", "pandas", "jsonschema", "pyarrow"])


def snakemake(folder: Path, words: list[str], seconds: float = 1800) -> tuple[bool, str]:
    """Whether snakemake ends well in `folder`, and what it prints."""
    printed = folder / ".printed.txt"
    process = PROCESSES.Process(target=_run, args=(str(folder), words, str(printed)))
    process.start()
    process.join(seconds)
    assert process.exitcode is not None, "still running"
    return process.exitcode == 0, printed.read_text()


def _run(folder: str, words: list[str], printed: str) -> None:
    os.chdir(folder)
    ours = {ROOT, ROOT / "tests", ROOT / "workflow"}  # a user's clone has its own; the environment may lie in ours
    sys.path[:] = [path for path in sys.path if Path(path).resolve() not in ours]
    with open(printed, "w") as file:
        os.dup2(file.fileno(), 1)
        os.dup2(file.fileno(), 2)
    from snakemake.cli import main

    main(words)
