"""environment.yml, envs/*.yaml, pyproject.toml and the lock speak of the same packages (conda itself may be absent)."""

import ast
import re
import sys
import tomllib
from functools import cache
from importlib.metadata import packages_distributions

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.version import Version
from paths import ROOT
from wellread.plan import provenance
from wellread.runtime.registry import choices

CONDA = {"pytorch": "torch", "matplotlib-base": "matplotlib"}  # conda's name: pip's name
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
WANTED = {r.name: r.specifier for r in map(Requirement, PROJECT["project"]["dependencies"])}
DEV = {r.name: r.specifier for r in map(Requirement, PROJECT["dependency-groups"]["dev"])}
LOCK = dict(re.findall(r"^([\w.-]+)==(\S+)$", (ROOT / "requirements.lock").read_text(), re.MULTILINE))
distributions = cache(packages_distributions)  # of every package installed: takes a second
ENVS = sorted(ROOT.glob("envs/*.yaml"))


def conda(path):
    listed = yaml.safe_load(path.read_text())["dependencies"]
    lines = [line for line in listed if isinstance(line, str) and line.split()[0] not in ("python", "pip")]
    requirements = [Requirement(line.replace(" ", "", 1)) for line in lines]
    return {CONDA.get(r.name, r.name): r.specifier for r in requirements}


def normal(name):
    return name.lower().replace("_", "-")


def test_environment_yml_lists_what_pyproject_lists():
    assert conda(ROOT / "environment.yml") == WANTED


@pytest.mark.parametrize("path", ENVS, ids=lambda path: path.stem)
def test_every_env_is_a_part_of_pyproject(path):
    assert {name: WANTED.get(name) for name in conda(path)} == conda(path)


def test_the_env_of_classical_features_is_that_of_embedding_and_one_package_that_no_other_env_admits():
    by_pip = yaml.safe_load((ROOT / "envs" / "classical.yaml").read_text())["dependencies"][-1]["pip"]
    assert conda(ROOT / "envs" / "classical.yaml") == conda(ROOT / "envs" / "torch.yaml")
    assert [Requirement(line).name for line in by_pip] == ["cp_measure"]
    assert "cp_measure" not in WANTED


@pytest.mark.parametrize("name", sorted(WANTED | DEV))
def test_the_lock_holds_a_version_that_pyproject_admits(name):
    locked = {normal(key): value for key, value in LOCK.items()}[normal(name)]
    assert Version(locked) in (WANTED | DEV)[name]


def test_the_lock_names_no_local_build_or_address():
    text = (ROOT / "requirements.lock").read_text()
    assert "+cpu" not in text
    assert "://" not in text


@pytest.mark.dag
@pytest.mark.parametrize("path", ENVS, ids=lambda path: path.stem)
def test_every_env_has_what_its_scripts_import_however_deep(path):
    """The first line of an env names its rules."""
    rules = path.read_text().splitlines()[0].removeprefix("# ").split(", ")
    sources = [(ROOT / "workflow" / "scripts" / f"{rule}.py").read_text() for rule in rules]
    missing = imports(sources) - set(conda(path))
    assert not missing, f"{path.name} lacks {missing}"


def imports(sources):
    """The packages, as pip calls them, that sources and all wellread modules below them import."""
    visited, packages = set(), set()
    while sources:
        tree = ast.parse(sources.pop())
        packages |= {node.module for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
        packages |= {alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names}
        modules = ({*provenance._imports(tree)} | picked(tree)) - visited
        visited |= modules
        sources += [provenance._source(module).read_text() for module in modules]
    outside = {name.split(".")[0] for name in packages} - set(sys.stdlib_module_names) - {"wellread"}
    return {normal(distributions()[name][0]) for name in outside}


def picked(tree) -> set[str]:
    """The modules of all that a source may pick by the config: `pick("measure", ...)`; `given` is not embedded."""
    calls = [node for node in ast.walk(tree) if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "pick"]
    return {one.module for call in calls for one in choices(call.args[0].value).values() if not one.given}
