"""What measures, figures, corrections and training ask of the wells table: columns, classes, controls, doses.

Asked of the profiles that there would be if no well were lost: what these cannot answer, fewer cannot either.
"""

import pandas as pd

from wellread.plan import looked_at
from wellread.plan.names import unknown
from wellread.plan.needs import NEEDS
from wellread.plan.needs_of_classes import one_class
from wellread.plan.screen import Screen
from wellread.profiles import controls
from wellread.profiles.subset import subset
from wellread.runtime.errors import InputError
from wellread.runtime.registry import chosen

OF_HITS = {"sameby": ["treatment", "dose"], "negatives": "controls"}  # asked as the measure is whose null hits have
OF_HITS = {"level": "well", "where": {}, "measure": {"average_precision": OF_HITS}}


def of_entry(screen: Screen, section: str, entry: dict, where: str) -> list[InputError]:
    """What a task or figure, at the key `where` of the config, asks of a dataset and does not get.

    Columns that do not exist, conditions that no row fits: what can only be a slip. A measure that the design cannot
    answer is none; see `undecidable`.
    """
    ((name, options),) = entry[section].items()
    choice, level, asked = chosen(section, entry[section]), entry["level"], f"{where}.{section}.{name}"
    missing = [
        error
        for option in choice.columns
        for error in absent_columns(options.get(option), screen.known(level), f"{asked}.{option}")
    ]
    missing += looked_at.absent(entry["where"], screen.known(level), f"{where}.where")
    if level == "treatment":
        missing += absent_columns(screen.pooling["by"], screen.known("well"), "consensus.by")
    if level == "cell":
        missing += absent_columns(screen.sampled_by, screen.known("well"), "sample.by")
    if missing or not len(screen.imaged):
        return missing
    slips = looked_at.unmet(screen, level, entry["where"], f"{where}.where") + _hidden_controls(options, asked)
    slips += looked_at.unknown_levels(options, screen.known(level), asked)
    if options.get("split") and not slips:
        slips = looked_at.unsplit(_rows(screen, section, entry), options, asked)
        slips = slips or looked_at.undivided(_rows(screen, section, entry), options, asked)
    return slips or ([] if section == "measure" else _unmet(screen, section, entry, asked))


def undecidable(screen: Screen, section: str, entry: dict, where: str) -> list[str]:
    """Notes on what a task wants of the design of a dataset, and cannot answer without."""
    if section != "measure" or not len(screen.imaged):
        return []
    lines = [error.lines for error in _unmet(screen, section, entry, where)]
    drawn = lines and not _unmet(screen, section, entry, where, controls.swapped)
    by = "; with the halves of the controls drawn otherwise (`seed`) it could be" if drawn else ""
    return [
        f"{where}: {'in part ' * line['expected'].startswith('for ')}undecidable; "
        f"wanted: {line['expected']}; found: {line['found']}{by} ({line['edit']})"
        for line in lines
    ]


def _unmet(screen: Screen, section: str, entry: dict, where: str, change=lambda meta: meta) -> list[InputError]:
    """The needs of a choice that the rows it looks at, after a `change` of them, do not meet."""
    ((_, options),) = entry[section].items()
    needs, meta = chosen(section, entry[section]).needs, change(_rows(screen, section, entry))
    return [error for need in needs if (error := NEEDS[need](meta, options, where))]


def _rows(screen: Screen, section: str, entry: dict) -> pd.DataFrame:
    """The metadata of the rows that a task or figure looks at."""
    ((_, options),) = entry[section].items()
    columns = [name for option in chosen(section, entry[section]).columns for name in names(options.get(option))]
    columns += names(options.get("strictness"))
    meta, _ = subset(screen.rows(entry["level"], ["treatment", *columns, *entry["where"]]), entry["where"])
    return meta.reset_index(drop=True)


def _hidden_controls(options: dict, where: str) -> list[InputError]:
    """A label that tells controls apart, in a measure from which they are kept out."""
    if options.get("controls", True) or not options.get("label", "").startswith("control"):
        return []
    found, edit = "controls: false", f"write controls: true in {where}"
    return [InputError("controls among the profiles, for the label control", found, f"{where}.label", edit)]


def of_correction(screen: Screen, step: dict, where: str) -> list[InputError]:
    """What a step of a correction, which takes profiles of fields and of wells, asks and does not get."""
    ((name, options),) = step.items()
    if not len(screen.imaged):
        return []
    choice, where = chosen("correction", step), f"{where}.{name}"
    asked = {option: options[option] for option in choice.columns}
    known = screen.known("well")
    if missing := [error for key, column in asked.items() for error in absent_columns(column, known, f"{where}.{key}")]:
        return missing
    meta = screen.rows("well", list(asked.values()))
    return [error for need in choice.needs if (error := NEEDS[need](meta, options, where))]


def of_training(wells: list[pd.DataFrame], labels: list[str], balance: list[str], where: str) -> list[InputError]:
    """Columns of training, of its `wells` with images: labels, missing or of fewer than two classes; `balance`."""
    missing = [error for table in wells for error in absent_columns(labels, list(table), where)]
    missing += [error for table in wells for error in absent_columns(balance, list(table), f"{where}.fit.balance")]
    together = pd.concat(wells) if wells else pd.DataFrame()
    if missing or not len(together):
        return missing
    errors = [error for name in labels if (error := one_class(together[name], name, where))]
    if balance and len(together[balance].drop_duplicates()) < 2:
        found, edit = f"one: {', '.join(balance)}", "other columns, or leave balance out"
        errors.append(InputError("two groups of cells or more", found, f"{where}.fit.balance", edit))
    return errors


def names(option) -> list[str]:
    """The columns that an option names: none, one, several, pairs such as plate+well, or what folds go `by`."""
    option = option["by"] if isinstance(option, dict) else option or ""
    listed = [option] if isinstance(option, str) else option
    return [name for item in listed for name in item.split("+") if name]


def absent_columns(option, known: list[str], where: str) -> list[InputError]:
    """An error for every column of an option that is not `known`; among several, `dose` may be missing."""
    asked = names(option)
    optional = {"dose"} if len(asked) > 1 else set()
    return [
        unknown(name, known, where, "a column of the wells table") for name in asked if name not in {*known, *optional}
    ]
