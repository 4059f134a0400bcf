"""Chosen chains, `corrections: {NAME: {choose: {among, by, ...}}}`: what they name, and what of it cannot be.

What they are says `measure.choose`.
"""

from difflib import get_close_matches

from wellread.inputs.cleaning import listed
from wellread.measure.choose import fold_of_units
from wellread.profiles.subset import subset
from wellread.runtime.errors import InputError
from wellread.runtime.registry import chosen

NAMED_BY = ("compound", "sameby", "by", "label")  # the option of a measure that names its items; the first that it has


def chains(config: dict) -> dict[str, list[dict]]:
    """The corrections that are steps, {name: steps}: those with profiles of their own."""
    return {name: own for name, own in config["corrections"].items() if isinstance(own, list)}


def named(config: dict, dataset: str) -> list[str]:
    """The corrections of a dataset: those that it names, or all."""
    return list(config["datasets"][dataset].get("corrections", config["corrections"]))


def chains_of(config: dict, dataset: str) -> dict[str, list[dict]]:
    """Those of a dataset that are steps."""
    own = named(config, dataset)
    return {name: steps for name, steps in chains(config).items() if name in own}


def choosers(config: dict) -> dict[str, dict]:
    """The chosen chains, {name: options of choose}."""
    return {name: own["choose"] for name, own in config["corrections"].items() if isinstance(own, dict)}


def errors(config: dict) -> list[InputError]:
    """Errors of a config whose chosen chains name corrections and tasks that are not there or cannot choose."""
    found = [error for name, how in choosers(config).items() for error in _errors(config, name, how)]
    if (asked := (config.get("hits") or {}).get("correction")) in choosers(config):
        edit = f"name one of {listed(choosers(config)[asked]['among'])}"
        found.append(InputError("a correction with profiles", f"{asked}, a chosen chain", "hits.correction", edit))
    return found


def _errors(config: dict, name: str, how: dict) -> list[InputError]:
    where, known = f"corrections.{name}.choose", list(chains(config))
    found = [_not_among(one, known, f"{where}.among") for one in how["among"] if one not in known]
    if how["by"] not in config["tasks"]:
        return [*found, _not_among(how["by"], list(config["tasks"]), f"{where}.by")]
    task = config["tasks"][how["by"]]
    measure, column = chosen("measure", task["measure"]), items_named_by(task["measure"])
    told = f"{measure.name}, level {task['level']}"
    if measure.masks or task["level"] == "cell" or not (measure.items or "sameby" in measure.columns):
        told, edit = (
            f"{measure.name}, level {task['level']}",
            "name a task of nearest_class, average_precision or retrieval",
        )
        found.append(InputError("a task of corrected profiles, with values of compounds", told, f"{where}.by", edit))
    elif column != how["of"]:
        edit = f"write of: {column}, or another task"
        told = f"tasks.{how['by']} has values of {column}, {how['of']} is divided"
        found.append(InputError("a task with values of what is divided", told, where, edit))
    return found


def items_named_by(measure: dict) -> str:
    """The column that the items of a measure, {name: options}, are values of: the first one; "" if it has none."""
    ((_, options),) = measure.items()
    named = [options[key] for key in NAMED_BY if key in chosen("measure", measure).columns and options.get(key)]
    first = named[0] if named else ""
    return first if isinstance(first, str) else first[0]


def answers(config: dict, correction: str, task: str, dataset: str) -> bool:
    """Whether a task has an answer under a correction: under a chosen chain those with values of what it divides."""
    how = choosers(config).get(correction)
    if how is None:
        return True
    entry, by = config["tasks"].get(task), config["tasks"][how["by"]]
    has_items = entry and items_named_by(entry["measure"]) == how["of"] and entry["level"] != "cell"
    return bool(has_items) and dataset in by["datasets"] and set(how["among"]) <= set(chains_of(config, dataset))


def undividable(screen, how: dict, task: dict, where: str) -> list[InputError]:
    """Errors of a chosen chain whose columns a `plan.demands.Screen` does not have, or cannot be divided by."""
    columns, known = [how["of"], *filter(None, [how["split"]])], screen.known(task["level"])
    if absent := [_not_among(one, known, where) for one in columns if one not in known]:
        return absent
    if not len(screen.imaged):
        return []
    meta = subset(screen.rows(task["level"], ["treatment", *columns, *task["where"]]), task["where"])[0]
    try:
        fold_of_units(meta, how["of"], how["folds"], how["split"], 0)
    except InputError as error:
        line = error.lines
        return [InputError(line["expected"], line["found"], f"{where}, {line['where']}", line["edit"])]
    return []


def _not_among(name: str, known: list[str], where: str) -> InputError:
    near = get_close_matches(name, known, 1, 0.5)
    return InputError(
        f"one of {listed(known)}", name, where, f"did you mean {near[0]}?" if near else "name one of them"
    )
