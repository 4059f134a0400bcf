"""The rooms of the package: imports go from higher rooms to lower ones, and never in a circle."""

import ast
from functools import cache
from graphlib import TopologicalSorter

from paths import ROOT

PACKAGE = ROOT / "workflow" / "wellread"
ROOMS = (  # lower ones first: a module may import from its own room and from those before it
    "runtime",
    "painted",
    "inputs",
    "networks",
    "calibrate",
    "segment",
    "crops",
    "encoder",
    "train",
    "profiles",
    "measure",
    "pictures",
    "look",
    "alarms",
    "export",
    "report",
    "plan",
    "preview",
)
MODULES = sorted(path.relative_to(PACKAGE).with_suffix("") for path in PACKAGE.rglob("*.py"))


@cache
def imported(path) -> set[str]:
    """The wellread modules that a module imports, wherever in it: `room.module`."""
    found = set()
    for node in ast.walk(ast.parse((PACKAGE / path).with_suffix(".py").read_text())):
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("wellread"):
            folder = node.module.removeprefix("wellread").removeprefix(".")
            found |= {folder, *(f"{folder}.{alias.name}".lstrip(".") for alias in node.names)}
    return {name for name in found if PACKAGE.joinpath(*name.split(".")).with_suffix(".py").is_file()}


def test_every_room_is_listed_and_says_what_it_holds():
    folders = {path.name for path in PACKAGE.iterdir() if (path / "__init__.py").is_file()}
    assert folders == set(ROOMS)
    for room in ROOMS:
        assert ast.get_docstring(ast.parse((PACKAGE / room / "__init__.py").read_text())), room


def height(module) -> int:
    """The place of a module's room among `ROOMS`; -1 for what lies beside the rooms."""
    return ROOMS.index(module.split(".")[0]) if "." in module else -1


def test_no_module_imports_upwards():
    graph = {".".join(path.parts): imported(path) for path in MODULES}
    assert not [(one, other) for one, others in graph.items() for other in others if height(other) > height(one)]


def test_no_import_goes_in_a_circle():
    graph = {".".join(path.parts): imported(path) for path in MODULES}
    list(TopologicalSorter(graph).static_order())  # raises CycleError
