"""Corrections that see what a task is to find: columns that it measures, or the controls that it judges by.

A correction by a column that a task measures, or that determines it, as a treatment does its mechanism, takes out, or
puts in, what is looked for: it is refused, unless the step says `despite: true`. Then every result of that correction
and task carries a mark; so do results that are judged by controls of which all were fitted.
"""

import pandas as pd

from wellread.measure.tidy import CORRECTED, SPENT
from wellread.plan import choosing
from wellread.profiles import controls, tables
from wellread.profiles.correct import named_columns
from wellread.runtime.errors import InputError
from wellread.runtime.registry import chosen

ASKED = ("label", "sameby", "by")  # the options of a measure that tell what it finds; the first that it has
JUDGING = {"replicates and negatives", "both controls", "doses"}  # needs of measures that compare with controls
TECHNICAL = ("plate", "batch", "source", "well")  # what corrections are for, even where a layout confounds them


def leaks(config: dict) -> list[InputError]:
    """Errors of a config, defaults filled in, whose corrections name what its tasks measure without `despite`."""
    return [
        _refused(name, number, step, column, task, "measures")
        for name, number, step in _steps(config)
        for task, entry in config["tasks"].items()
        for column in _common(step, entry["measure"])
    ]


def determined(config: dict, asked) -> list[InputError]:
    """The same of columns that determine what a task measures; `asked` yields (screen, verb, entry, its key, whose)."""
    return [
        _refused(name, number, step, column, key.removeprefix("tasks."), f"measures {', '.join(found)} of, in {of}")
        for screen, verb, entry, key, of in asked
        if verb == "measure"
        for name, number, step in _steps(config)
        for column in named_columns(step)
        if (found := _determines(screen, column, entry["measure"]))
    ]


def marks(steps: list[dict], measure: dict, screens=()) -> list[list[str]]:
    """What the results of a measure, {name: options}, after the `steps` have to tell: sorted pairs (mark, of what).

    Columns that the steps are by and that the measure finds, or, in one of `screens`, that determine these; steps that
    were fitted on all negative controls, if it compares with controls. Steps that are fitted on all wells treat these
    controls as they treat all others, and get no mark.
    """
    found = {(CORRECTED, column) for step in steps for column in _common(step, measure)}
    found |= {
        (CORRECTED, column)
        for step in steps
        for column in named_columns(step)
        if any(_determines(screen, column, measure) for screen in screens)
    }
    picked = [chosen("correction", step) for step in steps]
    judging = JUDGING & set(chosen("measure", measure).needs)
    found |= {(SPENT, one.name) for one in picked if one.spends_controls and judging}
    return sorted(map(list, found))


def _steps(config: dict):
    """Every step of a correction that does not say `despite`: name of the correction, number, step."""
    for name, steps in choosing.chains(config).items():
        for number, step in enumerate(steps):
            if not next(iter(step.values())).get("despite"):
                yield name, number, step


def _refused(name: str, number: int, step: dict, column: str, task: str, verb: str) -> InputError:
    (method,) = step
    return InputError(
        f"no correction by {column}, which tasks.{task} {verb}",
        f"{method} by {column}",
        f"corrections.{name}.{number}.{method}.by",
        "correct by another column, remove the task, or write despite: true; then its results carry a mark",
    )


def _common(step: dict, measure: dict) -> list[str]:
    asked = _found_by(measure)
    return [column for column in named_columns(step) if column in asked]


def _found_by(measure: dict) -> list[str]:
    """The columns of what a measure, {name: options}, is to find."""
    ((_, options),) = measure.items()
    named = [options[option] for option in ASKED if option in chosen("measure", measure).columns][:1]
    return [name for value in named for name in ([value] if isinstance(value, str) else value)]


def _determines(screen, column: str, measure: dict) -> list[str]:
    """What a measure finds, of several values, one for every value of a column of some other kind than a plate."""
    known = screen.known("well")
    labels = [name for name in _found_by(measure) if name != column and name in known]
    if column in TECHNICAL or column not in known or not labels or not len(screen.imaged):
        return []
    meta = screen.rows("well", [column, *labels])
    meta = meta[~controls.is_negative(meta)]
    return [label for label in labels if _is_function(meta, column, label)]


def _is_function(meta: pd.DataFrame, column: str, label: str) -> bool:
    """Whether rows that agree in a column agree in a label, too, of which there are several values."""
    pairs = pd.DataFrame({"by": tables.text_column(meta, column), "label": tables.text_column(meta, label)})
    pairs = pairs[(pairs != "").all(axis=1)].drop_duplicates()
    return pairs["label"].nunique() > 1 and not pairs["by"].duplicated().any()
