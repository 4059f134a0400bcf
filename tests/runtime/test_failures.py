"""What is told of jobs that failed on a cluster, and what to do about them."""

import logging
import os
import time

import pytest
from wellread.runtime.failures import LINES, Failures, advice


@pytest.mark.parametrize(
    ("said", "word"),
    [
        ("sbatch: error: Batch job submission failed: Requested node configuration is not available", "mem_mb"),
        ("sbatch: error: invalid partition specified: cup", "slurm_partition"),
        ("Invalid account or account/partition combination specified", "slurm_account"),
        ("SLURM-job '3' failed, SLURM status is: 'OUT_OF_MEMORY'.", "more memory"),
        ("Job 2  completed successfully, but some output files are missing.", "input of the job was gone"),
        ("OSError: [Errno 28] No space left on device", "disk is full"),
    ],
)
def test_errors_of_slurm_are_explained(said, word):
    (line,) = advice(f"Error in rule segment:\n{said}\n{said}\n")
    assert word in line


def test_other_errors_are_not():
    assert advice("Error in rule segment:\n    log: results/logs/segment/P1.log") == []


@pytest.mark.parametrize("show", [True, False])
def test_a_failure_is_told_with_the_ends_of_its_logs(tmp_path, capsys, show):
    failures, logger = Failures(show), logging.Logger("snakemake")
    logger.addHandler(failures)
    log = tmp_path / "P1.log"
    log.write_text("".join(f"line {number}\n" for number in range(LINES + 1)))
    os.utime(log, (time.time(),) * 2)  # the clock of files ticks more slowly
    logger.error("of something else")
    about = {"rule_name": "segment", "rule_msg": "status is: 'TIMEOUT'", "output": ["masks.tif"]}
    logger.error("Error in rule", extra=about | {"log": [f"{log} (check log file(s))", "absent.log"]})
    told = failures.text.removeprefix("of something else\n")
    assert capsys.readouterr().err == (told if show else "")
    lines = told.splitlines()
    assert lines[:3] == ["failed: segment, which makes masks.tif", "status is: 'TIMEOUT'", f"end of {log}:"]
    assert lines[3:] == [f"  line {number}" for number in range(1, LINES + 1)]


def test_a_log_of_an_earlier_run_is_called_so(tmp_path):
    log = tmp_path / "P1.log"
    log.write_text("an old error\n")
    os.utime(log, (1e9, 1e9))
    failures, logger = Failures(show=False), logging.Logger("snakemake")
    logger.addHandler(failures)
    about = {"rule_name": "segment", "rule_msg": "SLURM sbatch failed.", "output": ["masks.tif"], "log": [str(log)]}
    logger.error("Error in rule", extra=about)
    assert f"end of {log}, of an earlier run:\n  an old error\n" in failures.text


def test_output_that_is_missing_is_explained():
    failures, logger = Failures(show=False), logging.Logger("snakemake")
    logger.addHandler(failures)
    logger.error("Job 3 completed successfully, but some output files are missing. Missing files after 60 seconds.")
    assert "input of the job was gone" in advice(failures.text)[0]
