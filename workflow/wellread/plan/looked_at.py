"""What `where` of a task or figure asks of the wells table: columns, their values, and that some row is left."""

from difflib import get_close_matches

import pandas as pd

from wellread.inputs.cleaning import listed
from wellread.measure.held_out import divided
from wellread.plan.names import unknown
from wellread.profiles import similarity, tables
from wellread.profiles.controls import is_negative
from wellread.profiles.subset import condition, is_extreme, subset, values
from wellread.runtime.errors import InputError

LEVELS = ("well", "batch", "source", "position", "row", "column")  # of strictness; not every table has all of them
UNKNOWN_YET = "object_count"  # a column of profiles that planning cannot tell


def absent(where: dict, columns: list[str], key: str) -> list[InputError]:
    """An error for every column of the conditions `where`, at `key` of the config, that is not among `columns`."""
    known = [name for name in columns if name != UNKNOWN_YET]
    return [unknown(name, known, key, "a column of the wells table") for name in where if name not in known]


def unmet(screen, level: str, where: dict, key: str) -> list[InputError]:
    """Conditions that no row of a `plan.demands.Screen` fits, or at level treatment some wells of a treatment only."""
    if not where:
        return []
    if level == "treatment" and (divided := _divided(screen, where, key)):
        return divided
    meta = screen.rows(level, ["treatment", *where])
    errors = [_without_rows(meta, name, value, key) for name, value in where.items()]
    errors = [error for error in errors if error]
    if not errors and subset(meta, where)[0].empty:
        errors = [InputError("rows that fit every condition", f"none of {len(meta)}", key, "ask for less")]
    return errors


def unsplit(meta: pd.DataFrame, options: dict, key: str) -> list[InputError]:
    """A column `split`, named by the options of a measure, without the sets that are its values."""
    if not options.get("split"):
        return []
    found, sets = values(meta, options["split"]), {similarity.TRAIN, similarity.TEST}
    if sets <= found:
        return []
    edit = f"write train, validation and test into the column {options['split']}"
    return [InputError("the values train and test", listed(sorted(found - {""})) or "none", f"{key}.split", edit)]


def undivided(meta: pd.DataFrame, options: dict, key: str) -> list[InputError]:
    """A column `split` that has one value of the column `held_out` in test and in another set."""
    error = divided(meta[~is_negative(meta)], options["split"], options.get("held_out", ""), key)
    return [error] if error else []


def unknown_levels(options: dict, columns: list[str], key: str) -> list[InputError]:
    """Levels of strictness that are neither words of ours nor among `columns`."""
    levels = [*LEVELS, *columns]
    asked = [name for level in options.get("strictness", ()) for name in level.split("+")]
    return [unknown(name, levels, f"{key}.strictness", "a level") for name in asked if name not in levels]


def _without_rows(meta: pd.DataFrame, name: str, value, key: str) -> InputError | None:
    """The error of a condition that leaves nothing, whatever the others are."""
    if is_extreme(value):
        if pd.to_numeric(meta[tables.column(name)], errors="coerce").notna().any():
            return None
        return InputError(f"numbers in the column {name}", "none", f"{key}.{name}", "name a column of numbers")
    if len(subset(meta, {name: value})[0]):
        return None
    known = sorted(values(meta, name) - {""})
    wanted = condition(name, value).removeprefix(f"{name}: ")
    near = get_close_matches(wanted, known, 1, 0.5)
    edit = f"did you mean {near[0]}?" if near else "name one of the values above"
    return InputError(f"a value of the column {name}: {listed(known)}", wanted, f"{key}.{name}", edit)


def _divided(screen, where: dict, key: str) -> list[InputError]:
    """Treatments some of whose wells fit and some do not: their profile is that of all."""
    wells = screen.rows("well", ["treatment", *where, *screen.pooling["by"]])
    where = {name: value for name, value in where.items() if tables.column(name) in wells}
    fits = wells.index.isin(subset(wells, where)[0].index)
    by = [*screen.pooling["by"], *(["dataset"] if tables.column("dataset") in wells else [])]
    shares = pd.Series(fits).groupby(tables.row_names(wells, by)).agg(["sum", "size"])
    divided = shares[(shares["sum"] > 0) & (shares["sum"] < shares["size"])]
    if divided.empty:
        return []
    found = f"{divided['sum'].iloc[0]} of {divided['size'].iloc[0]} wells of {divided.index[0]}"
    edit = f"write level: well, or add {', '.join(where)} to consensus.by of the dataset"
    return [InputError("conditions that all wells of a treatment fit, or none", found, key, edit)]
