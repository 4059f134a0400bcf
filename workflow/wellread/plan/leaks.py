"""Corrections by a column that a task measures: they take out, or put in, what the task is to find.

Refused, unless the step says `despite: true`; then every result of that correction and task carries a mark.
"""

from wellread.profiles.correct import named_columns
from wellread.runtime.errors import InputError
from wellread.runtime.registry import chosen

ASKED = ("label", "sameby", "by")  # the options of a measure that tell what it finds; the first that it has


def leaks(config: dict) -> list[InputError]:
    """Errors of a config, defaults filled in, whose corrections name what its tasks measure without `despite`."""
    return [
        InputError(
            f"no correction by {column}, which tasks.{task} measures",
            f"{next(iter(step))} by {column}",
            f"corrections.{name}.{number}.{next(iter(step))}.by",
            "correct by another column, remove the task, or write despite: true; then its results carry a mark",
        )
        for name, steps in config["corrections"].items()
        for number, step in enumerate(steps)
        for task, entry in config["tasks"].items()
        for column in _common(step, entry["measure"])
        if not next(iter(step.values())).get("despite")
    ]


def marks(steps: list[dict], measure: dict) -> list[str]:
    """The columns that a correction, a chain of steps, is by and that a measure, {name: options}, finds; sorted."""
    return sorted({column for step in steps for column in _common(step, measure)})


def _common(step: dict, measure: dict) -> list[str]:
    ((_, options),) = measure.items()
    named = [options[option] for option in ASKED if option in chosen("measure", measure).columns][:1]
    asked = [name for value in named for name in ([value] if isinstance(value, str) else value)]
    return [column for column in named_columns(step) if column in asked]
