"""The choices that the config offers: which function stands behind a name, and what planning has to know of it.

A function or class that a section of the config may name is marked where it is written, and nowhere else:

    @choice("measure", levels=("well",))
    def average_precision(frame, seed, *, sameby=("treatment",), ...):

Its name in lower case is its name in the config, its keyword-only arguments are its options there. What else is said
of it are literals, read from the source text: planning, rules and the manual import no torch and no scikit-image.
"""

import ast
import re
from dataclasses import dataclass, field, fields
from functools import cache, partial
from importlib import import_module
from pathlib import Path

PACKAGE = Path(__file__).parents[1]
MARK = "choice"
MARKED = re.compile(rf"^(@{MARK}\(.*?)^(?:class|def) (\w+)", re.MULTILINE | re.DOTALL)


@dataclass(frozen=True)
class Choice:
    """What a section of the config may name. All but the first four are declared in its mark.

    `channels`, `columns`: options that name channels of the dataset, and columns of its wells table. `files`: options
    that are paths of files, which must exist and whose change makes the step run again. `patterns`: options that are
    patterns of paths of label images. `micrometres`: options that are lengths, for which the pixel size must be known.
    `views`: options that are the side of the centre of a crop that the encoder sees. `levels`: profiles that it takes.
    `needs`: what the wells must have, names in `plan.needs.NEEDS`. `network`: it runs a network, on the device of the
    config. `masks`: it looks at masks, which only segmented datasets have. `outlines`: an encoder that takes those of
    crops, where there are any. `patches`: one that has patch tokens. `trained`: an encoder that is trained here.
    `teaches`: a training method whose head is kept. `of_head`: a measure of what such a head says.
    `given`: none at all, but ready profiles. `baseline`: an encoder that others have to exceed. `blind`: one that looks
    at no pixels (`profiles.baselines`). `spends_controls`: a correction that is fitted on all negative controls.
    `painted`, `staged`: a source whose images a rule paints, or copies here; `checked`: one whose table is checked
    where it is read. `samples`: it learns from fields of the plate. `crossed`: a measure that also takes the profiles
    that were corrected on the other half of the controls. `metrics`: what the metrics of a measure mean, for the page.
    `headline`: the metric that page one shows, and those beside it; if there is none, the first one. `items`: of a
    metric that is a mean over items, the metric of these items. `chance_is_best`: a measure of what should not be told
    apart. `tables`: options that are paths of tables, or globs, of a source of images that follows from these files
    alone; None for any other.
    """

    section: str
    name: str
    module: str
    function: str
    channels: tuple[str, ...] = ()
    columns: tuple[str, ...] = ()
    files: tuple[str, ...] = ()
    patterns: tuple[str, ...] = ()
    micrometres: tuple[str, ...] = ()
    views: tuple[str, ...] = ()
    levels: tuple[str, ...] = ("fov", "well", "treatment")
    needs: tuple[str, ...] = ()
    network: bool = False
    masks: bool = False
    outlines: bool = False
    patches: bool = False
    trained: bool = False
    teaches: bool = False
    of_head: bool = False
    given: bool = False
    spends_controls: bool = False
    baseline: bool = False
    blind: bool = False
    painted: bool = False
    staged: bool = False
    checked: bool = False
    samples: bool = False
    chance_is_best: bool = False
    crossed: bool = False
    metrics: dict[str, str] = field(default_factory=dict)
    headline: tuple[str, ...] = ()
    tables: tuple[str, ...] | None = None
    items: dict[str, str] = field(default_factory=dict)

    def load(self):
        """The function or class itself; its module is imported now."""
        return getattr(import_module(f"wellread.{self.module}"), self.function)


DECLARED = {own.name for own in fields(Choice)} - {"section", "name", "module", "function"}


def choice(section: str, **declared):
    """Mark a function or class as what `section` of the config may name; see `Choice` for what can be `declared`."""
    if unknown := set(declared) - DECLARED:
        raise TypeError(f"a choice declares {', '.join(sorted(DECLARED))}, not {', '.join(sorted(unknown))}")
    return lambda function: function


@cache
def choices(section: str) -> dict[str, Choice]:
    """What a section of the config may name, {name: Choice}, sorted by name; nothing is imported."""
    found = {one.name: one for one in _all() if one.section == section}
    if not found:
        raise KeyError(f"no function is marked @{MARK}({section!r})")
    return dict(sorted(found.items()))


def chosen(section: str, settings: dict) -> Choice:
    """The choice that `settings`, {name: options}, make."""
    (name,) = settings
    return choices(section)[name]


def pick(section: str, settings: dict):
    """The function that `settings`, {name: options}, name, with its options bound."""
    ((_, options),) = settings.items()
    return partial(chosen(section, settings).load(), **options)


def functions(section: str) -> dict:
    """All functions of a section by name, imported: for tests and for looking around."""
    return {name: one.load() for name, one in choices(section).items()}


@cache
def _all() -> list[Choice]:
    paths = sorted(PACKAGE.rglob("*.py"))
    return [one for path in paths if f"\n@{MARK}(" in (text := path.read_text()) for one in _marked(path, text)]


def _marked(path: Path, text: str):
    """The choices that are marked in a file."""
    module = ".".join(path.relative_to(PACKAGE).with_suffix("").parts)
    for marks, function in MARKED.findall(text):  # to parse whole files would cost every job a quarter of a second
        for mark in ast.parse(f"{marks}class {function}: pass").body[0].decorator_list:
            if isinstance(mark, ast.Call) and isinstance(mark.func, ast.Name) and mark.func.id == MARK:
                declared = {word.arg: ast.literal_eval(word.value) for word in mark.keywords}
                yield Choice(ast.literal_eval(mark.args[0]), function.lower(), module, function, **declared)
