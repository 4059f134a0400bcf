"""The two tables a user writes, images and wells: read, normalised, and checked against their schemas.

What was taken for granted (an encoding, words for missing values, names that look alike) is told to `say`, a function
of one line of text: planning prints it, jobs log it.
"""

import logging
import re
from difflib import get_close_matches
from functools import cache

import numpy as np
import pandas as pd

from wellread.inputs import cleaning, control_names, doses, oddities, plate_maps, spreadsheets, well_names
from wellread.inputs.cleaning import listed
from wellread.inputs.listing import natural
from wellread.inputs.well_names import well_name
from wellread.runtime.errors import InputError
from wellread.runtime.files import read_yaml, schemas

log = logging.getLogger("wellread")
SCHEMAS = schemas()
RESERVED = ("site", "crop_row", "object_count", "replicates", "control_use")  # columns that profiles have of their own
FEATURES = "emb_"  # how the columns of profiles' features begin
SHORTENED = r"\d([.,]\d+)?[Ee]\+\d+"  # 410321234567 as spreadsheets show it
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
    frame, named = plate_maps.table(section["wells"], key, say)
    return check(frame, "wells", named, (), say, section.get("controls"))


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
    frame = _named(frame.copy(), columns, kind, where, extra_columns)
    frame.attrs = {}
    frame = _with_wells(frame, where)
    if controls and any(controls.values()) and "control" not in frame:
        frame["control"] = ""
    _require_columns(frame, [*rules["required"], *extra_columns], where)
    cleaned = [name for name in frame if kind == "wells" or name in columns]
    frame = frame.assign(**{name: cleaning.text(frame[name]) for name in cleaned})
    frame = frame.assign(**{c: r["default"] for c, r in columns.items() if "default" in r and c not in frame})
    frame = _with_names(frame, [name for name in TEXT_KEYS if name in frame], where, say)
    if kind == "wells":
        frame = _with_meanings(frame, columns, where, decimal, controls or {}, say)
    errors = [e for name in columns if name in frame for e in _column_errors(frame, name, columns[name], where)]
    errors += _repeated_rows(frame, [c for c in rules["unique"] if c in frame], where)
    if errors:
        raise InputError.together(errors)
    return _in_natural_order(frame, [c for c in rules["unique"] if c in frame])


def _named(frame: pd.DataFrame, columns: dict, kind: str, where: str, kept) -> pd.DataFrame:
    """The table with our names of known columns, whatever their case and with or without Metadata_ before them."""
    names = {name: name if name in kept else _our_name(str(name), columns, kind) for name in frame}
    if kind == "images":  # further columns mean nothing there
        names = {name: name if ours in frame else ours for name, ours in names.items()}
    for ours in dict.fromkeys(names.values()):
        theirs = [name for name, our in names.items() if our == ours]
        if len(theirs) > 1:
            found = (
                f"{' and '.join(theirs)}, which both mean {ours}"
                if len(theirs) == 2
                else f"{', '.join(theirs)}, which all mean {ours}"
            )
            raise InputError("every column once", found, f"{where}, header", "rename or remove all but one of them")
    if kind == "wells" and (taken := [name for name, ours in names.items() if is_reserved(ours)]):
        edit = "; ".join(f"rename {name}, to {_free_name(names[name])} for example" for name in taken)
        found = f"the column {', '.join(taken)}"
        expected = f"columns not called {', '.join(RESERVED)} or {FEATURES}..., which profiles have of their own"
        raise InputError(expected, found, f"{where}, header", edit)
    return frame.rename(columns=names)


def _our_name(name: str, columns: dict, kind: str) -> str:
    bare = _bare(name)
    lower = bare.casefold()
    if lower in columns or lower == "dose_unit":
        return lower
    return bare if kind == "wells" and bare else name


def _bare(name: str) -> str:
    return re.sub("^(image_)?metadata_", "", name, flags=re.IGNORECASE)


def is_reserved(name: str) -> bool:
    """Whether profiles have a column of this name of their own."""
    lower = re.sub(r"[\s.-]+", "_", name.casefold())
    return lower in RESERVED or lower.startswith(FEATURES)


def _free_name(name: str) -> str:
    return f"my_{re.sub('[^a-z0-9]+', '_', name.casefold())}"


def _with_wells(frame: pd.DataFrame, where: str) -> pd.DataFrame:
    """The table with a column well made from row and column, if it has these instead."""
    given = {_bare(str(name)).casefold(): name for name in frame}
    row, column = given.get("row"), given.get("column", given.get("col"))
    if "well" in frame or row is None or column is None:
        return frame
    pairs = pd.Series(list(zip(cleaning.text(frame[row]), cleaning.text(frame[column]), strict=True)), frame.index)
    found = {pair: well_names.of_row_and_column(*pair) for pair in pairs.unique()}
    wells = pairs.map(found)
    if (wells == "").any():
        bad = (wells == "").idxmax()
        edit = "give rows as letters or numbers from 1, columns as numbers from 1, or a column well"
        found = f"row {pairs[bad][0]!r}, column {pairs[bad][1]!r}"
        raise InputError("the row and column of a well", found, f"{where}, row {bad + 2}", edit)
    return frame.drop(columns=[row, column]).assign(well=wells)


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
            say(f"{where}: {lost} cells of {name} say NA or the like and were taken as missing")
    for name in ["treatment", *labels]:
        oddities.tell(frame[name], name, where, say)
    frame["control"] = control_names.kinds(frame, controls, where)
    if "dose" in frame:
        units = frame["dose_unit"] if "dose_unit" in frame else pd.Series("", frame.index)
        frame["dose"], unit = doses.read(frame["dose"], units, decimal, where, say)
        frame = frame.assign(dose_unit=unit) if unit else frame
    return frame


def _in_natural_order(frame: pd.DataFrame, key: list[str]) -> pd.DataFrame:
    """The rows sorted by the columns `key`, numbers in text by their value: site 2 before site 10."""
    order = np.lexsort([_places(frame[name], str if name == "plate" else natural) for name in reversed(key)])
    sorted_already = (order == np.arange(len(frame))).all()
    return (frame if sorted_already else frame.iloc[order]).reset_index(drop=True)


def _places(values: pd.Series, key) -> np.ndarray:
    """Per text its place among all that there are, sorted by `key`; those of equal keys share one."""
    codes, distinct = pd.factorize(values)
    keys = [key(value) for value in distinct]
    place = {name: number for number, name in enumerate(sorted(set(keys)))}
    return np.array([place[name] for name in keys], int)[codes]


def _require_columns(frame: pd.DataFrame, wanted: list[str], where: str) -> None:
    missing = [column for column in wanted if column not in frame]
    if not missing:
        return
    near = [f"{m} may be your {n[0]}" for m in missing if (n := get_close_matches(m, list(frame), 1, 0.6))]
    edit = "rename or add the column" + (f" ({'; '.join(near)})" if near else "")
    if "control" in missing:
        edit += "; instead of control you may list the controls in the config: `controls: {negative: [DMSO]}`"
    if row := spreadsheets.header_row(frame, wanted):
        edit = f"row {row} looks like the header: remove the rows above it"
    elif len(frame.columns) == 1 and (mark := next((m for m in "|: " if m in str(frame.columns[0])), "")):
        edit = f"its cells seem to be separated by {mark!r}: save it with commas, semicolons or tabs"
    raise InputError(f"the columns {', '.join(wanted)}", f"no {', '.join(missing)} among {listed(frame)}", where, edit)


def _column_errors(frame: pd.DataFrame, column: str, rule: dict, where: str):
    values = frame[column].astype(str)
    if "pattern" in rule:
        wrong, wanted = ~values.str.fullmatch(rule["pattern"]), f"text that matches {rule['pattern']}"
        wrong |= values.str.fullmatch(SHORTENED) & (column == "plate")
    elif "enum" in rule:
        wrong, wanted = ~values.isin(rule["enum"]), f"one of {', '.join(repr(v) for v in rule['enum'])}"
    else:
        return
    if wrong.any():
        rows = [int(row) for row in wrong.to_numpy().nonzero()[0]]
        first = values.iloc[rows[0]]
        found = f"{first!r}" + (f" and {len(rows) - 1} more" if len(rows) > 1 else "")
        edit = rule["description"] + _slip(column, first)
        yield InputError(wanted, found, f"{where}, row {frame.index[rows[0]] + 2}, column {column}", edit)


def _slip(column: str, value: str) -> str:
    """What may have happened to a value."""
    if column == "control" and (meant := control_names.meant(value)):
        return f"; did you mean {meant}?"
    if column == "plate" and re.fullmatch(SHORTENED, value):
        return "; a spreadsheet has shortened a long number: format the column as text and fill it in again"
    if column in ("plate", "well") and not value:
        return "; every row needs one, also where a spreadsheet shows it only in the first of several"
    return ""


def _repeated_rows(frame: pd.DataFrame, key: list[str], where: str):
    again = frame.duplicated(key).to_numpy().nonzero()[0]
    if len(again):
        row = frame.iloc[again[0]]
        found = ", ".join(f"{column} {row[column]}" for column in key) + f" again ({len(again)} such rows)"
        yield InputError(
            f"every {', '.join(key)} once",
            found,
            f"{where}, row {frame.index[again[0]] + 2}",
            "remove or renumber the repeated row",
        )
