"""The two tables a user writes, images and wells: read, normalised, and checked against their schemas.

What was taken for granted (an encoding, words for missing values, names that look alike) is told to `say`, a function
of one line of text: planning prints it, jobs log it.
"""

import logging
import re
from functools import cache

import numpy as np
import pandas as pd

from wellread.inputs import cleaning, control_names, doses, oddities, plate_maps, spreadsheets, well_names
from wellread.inputs.listing import natural
from wellread.inputs.table_columns import named, with_wells
from wellread.inputs.table_errors import column_errors, repeated_rows, require_columns
from wellread.inputs.well_names import well_name
from wellread.runtime.counted import counted
from wellread.runtime.errors import InputError
from wellread.runtime.files import read_yaml, schemas

log = logging.getLogger("wellread")
SCHEMAS = schemas()
TEXT_KEYS = ("plate", "well", "site", "object", "batch")  # numbers in these are names: 1.0 is 1


@cache
def schema(kind: str) -> dict:
    """The schema of a table, `images` or `wells`."""
    return read_yaml(SCHEMAS / f"{kind}.schema.yaml")


def wells(dataset, where: str = "", say=log.info) -> pd.DataFrame:
    """The wells table of a dataset's section of the config (keys wells and controls), or of a path.

    `where` is the section's key, for errors. InputError telling all that is wrong with the files and what is in them.
    """
    section = dataset if isinstance(dataset, dict) else {"wells": dataset}
    key = f"{where}.wells" if where else "wells"
    frame, file = plate_maps.table(section["wells"], key, say)
    return check(frame, "wells", file, (), say, section.get("controls"))


def wells_files(dataset) -> list[str]:
    """The files that the wells table of a dataset (or of a path) is read from, sorted."""
    return plate_maps.files(dataset["wells"] if isinstance(dataset, dict) else dataset)


def wells_section(dataset: dict) -> dict:
    """What of a dataset's section of the config decides about its wells table."""
    return {key: dataset[key] for key in ("wells", "controls") if key in dataset}


def read(path, kind: str, extra_columns: tuple[str, ...] = (), key: str = "", say=log.info) -> pd.DataFrame:
    """Read a table of a `kind` (images or wells) from any file that `spreadsheets.read` reads, and check it.

    `extra_columns` are required, too; `key` is the config key that named the file. InputError if there is no file.
    """
    return check(spreadsheets.read(path, key, say), kind, str(path), extra_columns, say)


def check(frame, kind: str, where: str, extra_columns=(), say=log.info, controls: dict | None = None) -> pd.DataFrame:
    """The table normalised and sorted by its key; InputError naming column and row of every error in it.

    `kind` is images or wells, `where` the file or the config key it is of, for errors. A frame's index is the number
    of the row in its file - 2. `controls` is the dataset's key: which treatments are controls.
    """
    rules = schema(kind)
    columns = rules["properties"]
    decimal = frame.attrs.get("decimal", ".")
    frame = named(frame.copy(), columns, kind, where, extra_columns)
    frame.attrs = {}
    frame = with_wells(frame, where)
    if controls and any(controls.values()) and "control" not in frame:
        frame["control"] = ""
    require_columns(frame, [*rules["required"], *extra_columns], where)
    cleaned = [name for name in frame if kind == "wells" or name in columns]
    frame = frame.assign(**{name: cleaning.text(frame[name]) for name in cleaned})
    frame = frame.assign(**{c: r["default"] for c, r in columns.items() if "default" in r and c not in frame})
    frame = _with_names(frame, [name for name in TEXT_KEYS if name in frame], where, say)
    if kind == "wells":
        frame = _with_meanings(frame, columns, where, decimal, controls or {}, say)
    errors = [e for name in columns if name in frame for e in column_errors(frame, name, columns[name], where)]
    errors += repeated_rows(frame, [c for c in rules["unique"] if c in frame], where)
    if errors:
        raise InputError.together(errors)
    return _in_natural_order(frame, [c for c in rules["unique"] if c in frame])


def _with_names(frame: pd.DataFrame, keys: list[str], where: str, say) -> pd.DataFrame:
    """The table with numbers as whole ones where they are names, and wells spelt alike."""
    for key in keys:
        values = frame[key].unique()
        if all(re.fullmatch(r"\d+\.0+|", str(value)) for value in values):
            frame[key] = frame[key].astype(str).str.replace(r"\.0+$", "", regex=True)
    frame["well"] = cleaning.by_value(frame["well"], well_name)
    if words := well_names.mixture(frame):
        say(f"{where}: {words}")
    return frame


def _with_meanings(frame, columns: dict, where: str, decimal: str, controls: dict, say) -> pd.DataFrame:
    """The wells table with labels without words for missing, kinds of controls, and doses as numbers in one unit."""
    labels = [name for name in frame if name not in columns and name != "dose_unit"]
    for name in [*labels, "control"]:
        frame[name], lost = cleaning.labels(frame[name])
        if lost:
            say(f"{where}: {counted(lost, 'cell')} of {name} with NA or the like, taken as missing")
    for name in ["treatment", *labels]:
        oddities.report(frame[name], name, where, say)
    frame["control"] = control_names.kinds(frame, controls, where)
    if "dose" in frame:
        units = frame["dose_unit"] if "dose_unit" in frame else pd.Series("", frame.index)
        frame["dose"], unit = doses.read(frame["dose"], units, decimal, where, say)
        frame = frame.assign(dose_unit=unit) if unit else frame
    control_names.tell_partly(frame, where, say)
    return frame


def _in_natural_order(frame: pd.DataFrame, key: list[str]) -> pd.DataFrame:
    """The rows sorted by the columns `key`, numbers in text by their value: site 2 before site 10."""
    places = [_places(frame[name], str if name == "plate" else natural) for name in key]
    return (frame if _in_order(places) else frame.iloc[np.lexsort(places[::-1])]).reset_index(drop=True)


def _in_order(places: list[np.ndarray]) -> bool:
    """Whether rows are sorted by the first of some arrays (n,), those that are equal there by the second and so on."""
    equal = np.True_
    for own in places:
        steps = np.diff(own)
        if (equal & (steps < 0)).any():
            return False
        equal = equal & (steps == 0)
    return True


def _places(values: pd.Series, key) -> np.ndarray:
    """Per text its place among all that there are, sorted by `key`; those of equal keys share one."""
    codes, distinct = pd.factorize(values)
    keys = [key(value) for value in distinct]
    place = {name: number for number, name in enumerate(sorted(set(keys)))}
    return np.array([place[name] for name in keys], int)[codes]
