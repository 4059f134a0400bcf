"""Ready feature tables, as CellProfiler, pycytominer, DeepProfiler or CytoTable leave them: files, columns, rows.

A row is a well, a field of view or a cell.
"""

import glob
import re
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
import pandas as pd

from wellread.inputs import feature_files
from wellread.inputs.cleaning import examples, listed
from wellread.inputs.pattern import plate_name
from wellread.inputs.well_names import of_row_and_column, well_name
from wellread.runtime.errors import InputError

PREFIX = r"^(image_)?metadata_"  # of columns that say what a row is
USUAL = {  # what the columns are called that say where a row is from, without prefix and in any case
    "plate": ("plate", "assay_plate_barcode", "plate_barcode", "barcode"),
    "well": ("well", "well_position", "well_name", "well_id"),
    "site": ("site", "fov", "field"),
    "count": ("object_count", "cell_count"),
    "row": ("row",),
    "column": ("column", "col"),
}
LABELS = ("batch", "treatment", "dose", "control", "replicate", "replicates")  # that may be numbers
COUNTERS = ("imagenumber", "objectnumber", "tablenumber")
KEY = ["plate", "well", "site"]


@dataclass(frozen=True)
class Table:
    """A file, its columns ({name: whether it holds numbers}), and which of them say where a row is from."""

    path: str
    columns: dict[str, bool]
    places: dict[str, str]

    @cached_property
    def numbers(self) -> list[str]:
        """The columns of numbers that are no metadata, in their order."""
        taken = set(self.places.values())
        return [name for name, number in self.columns.items() if number and name not in taken and not is_label(name)]

    @cached_property
    def metadata(self) -> list[str]:
        """The columns that say what a row is, in their order, but for those that say where it is from."""
        taken = {*self.places.values(), *self.numbers}
        return [name for name in self.columns if name not in taken and bare(name).casefold() not in COUNTERS]

    def text(self, columns: list[str]) -> pd.DataFrame:
        """Columns as text (n rows), "" for what is missing."""
        return feature_files.text(self.path, columns)

    def values(self, features: list[str]) -> np.ndarray:
        """Features (n, D) float32, not finite where a value is missing; InputError for cells that are no numbers."""
        return feature_files.numbers(self.path, features)

    @cached_property
    def rows(self) -> pd.DataFrame:
        """Plate, well, site and number of cells ("" if the table does not say) of every row, as they are spelt here."""
        given = {key: name for key, name in self.places.items() if name}
        frame = self.text(list(dict.fromkeys(given.values())))
        cells = pd.DataFrame({key: frame[name] for key, name in given.items()})
        stem = plate_name(Path(self.path).name.split(".")[0])
        plate = _spelt(cells["plate"], plate_name) if "plate" in cells else stem
        well = _spelt(cells["well"], well_name) if "well" in cells else _wells_of(cells, self.path)
        site = _spelt(cells["site"], str) if "site" in cells else "1"
        table = pd.DataFrame({"plate": plate, "well": well, "site": site}, index=cells.index)
        self._refuse_empty(table)
        return table.assign(count=cells.get("count", ""))

    def _refuse_empty(self, table: pd.DataFrame) -> None:
        for key in ("plate", "well"):
            if (empty := (table[key] == "").to_numpy()).any():
                found, where = f"{empty.sum()} empty cells", f"{self.path}, row {int(empty.argmax()) + 2}"
                raise InputError(f"a {key} in every row", found, where, f"fill in the column {self.places[key]}")


def paths(files, dataset: str, where: str) -> list[str]:
    """The files that paths or globs name, sorted; `{dataset}` in them is the dataset. InputError if there are none."""
    found = []
    for one in [files] if isinstance(files, str) else files:
        pattern = one.replace("{dataset}", dataset)
        own = glob.glob(pattern, recursive=True) if glob.has_magic(pattern) else [pattern]
        if not own or not all(map(_is_file, own)):
            edit = "the path, or add the file"
            raise InputError("feature tables (.csv, .tsv, also .gz, or .parquet)", f"no file at {pattern}", where, edit)
        found += own
    return sorted(dict.fromkeys(found))


def opened(files: list[str], columns: dict[str, str], where: str) -> list[Table]:
    """The tables of files. `columns` names those of plate, well, site and count, "" for the usual ones."""
    return [_opened(path, columns, where) for path in files]


def is_label(name: str) -> bool:
    """Whether a column is no feature, whatever is in it: metadata, counters of images and objects, labels."""
    usual = {*LABELS, *COUNTERS, *(one for names in USUAL.values() for one in names)}
    return bool(re.match(PREFIX, name, re.IGNORECASE)) or name.casefold() in usual


def bare(name: str) -> str:
    """The name of a column without Metadata_ before it."""
    return re.sub(PREFIX, "", name, flags=re.IGNORECASE)


def chosen_features(tables: list[Table], features, exclude: str, where: str) -> dict[str, str]:
    """{column of numbers: "kept", or why it is no feature}, in the order of the tables.

    `features` is a list of names, a regular expression found anywhere in a name, or "" for all columns of numbers but
    metadata; `exclude` is another expression. Only what every table has is kept. InputError if nothing is, or if a
    column that is listed by name is not there.
    """
    union = dict.fromkeys(name for table in tables for name in table.numbers)
    if isinstance(features, list):
        _refuse_absent(tables, features, f"{where}.features")
        union = dict.fromkeys([*features, *union])
    wanted, unwanted = _expression(features, f"{where}.features"), _expression(exclude, f"{where}.exclude")
    reasons = {}
    for name in union:
        chosen = name in features if isinstance(features, list) else not features or bool(wanted.search(name))
        everywhere = all(table.columns.get(name, False) for table in tables)
        reasons[name] = (
            "not among features"
            if not chosen
            else "excluded"
            if exclude and unwanted.search(name)
            else "kept"
            if everywhere
            else "not in every table"
        )
    if "kept" not in reasons.values():
        found = f"none of {len(union)} columns of numbers, such as {listed(union, 3)}" if union else "no such column"
        raise InputError("features: columns of numbers that every table has", found, where, "features, or exclude")
    return reasons


def check_rows(tables: list[Table], rows: str, where: str) -> str:
    """What a row is: well, site or cell. InputError if it is not what `rows` says, or if wells are there twice."""
    fields = [table.rows.groupby(KEY, as_index=False).size().assign(path=table.path) for table in tables]
    every = pd.concat(fields, ignore_index=True)
    _refuse_repeated_files(every, where)
    n, wells = every["size"].sum(), len(every.drop_duplicates(["plate", "well"]))
    level = "cell" if n > len(every) else "site" if n > wells else "well"
    edit = f"write rows: {level}, name the column of sites, or remove rows that are there twice"
    if rows not in ("auto", level):
        raise InputError(f"rows that are {rows}s", f"{n} rows of {wells} wells: {level}s", f"{where}.rows", edit)
    if rows == "auto" and level == "cell" and every["size"].median() == 1:
        several = every[every["size"] > 1]
        found = f"{len(several)} of {len(every)} with several, such as plate {several['plate'].iloc[0]}, "
        found += f"well {several['well'].iloc[0]}"
        raise InputError("one row for every well (or site), or several for most", found, several["path"].iloc[0], edit)
    return level


def _refuse_repeated_files(every: pd.DataFrame, where: str) -> None:
    """InputError if two files hold the same field of a well."""
    if (again := every.duplicated(KEY).to_numpy()).any():
        row = every[again].iloc[0]
        both = every.loc[(every[KEY] == row[KEY]).all(axis=1), "path"]
        found = f"plate {row['plate']}, well {row['well']} in {' and in '.join(both)} ({again.sum()} such wells)"
        edit = "name files of one kind: raw, normalised or selected features, not all of them"
        raise InputError("every well (and site) in one file", found, f"{where}.files", edit)


def _opened(path: str, columns: dict[str, str], where: str) -> Table:
    kinds = feature_files.kinds(path)
    places = {key: _named(columns.get(key, ""), kinds, usual, f"{where}.{key}") for key, usual in USUAL.items()}
    if places["well"]:
        places |= {"row": "", "column": ""}
    elif not (places["row"] and places["column"]):
        edit = f"{where}.well: the name of the column"
        raise InputError("a column of wells (Metadata_Well), or row and column", f"{listed(kinds)}", path, edit)
    return Table(path, kinds, places)


def _named(given: str, kinds: dict, usual: tuple[str, ...], where: str) -> str:
    """The column that is `given`, with or without Metadata_ before it, else the first of the usual ones, else ""."""
    called = {bare(name).casefold(): name for name in reversed(kinds)}
    if not given:
        return next((called[name] for name in usual if name in called), "")
    if given not in kinds and given.casefold() not in called:
        raise InputError(f"a column {given}", listed(kinds), where, "the name, as in the header of the tables")
    return given if given in kinds else called[given.casefold()]


def _is_file(path: str) -> bool:
    return Path(path).is_file()


def _spelt(values: pd.Series, spell) -> pd.Series:
    """Names spelt alike; numbers that are names are whole."""
    return values.map(
        {value: spell(re.sub(r"^(\d+)\.0+$", r"\1", value)) if value else "" for value in values.unique()}
    )


def _wells_of(cells: pd.DataFrame, path: str) -> pd.Series:
    """Wells of rows and columns."""
    pairs = pd.Series(list(zip(cells["row"], cells["column"], strict=True)), cells.index)
    return pairs.map({pair: of_row_and_column(*pair) for pair in pairs.unique()})


def _expression(words, where: str) -> re.Pattern:
    try:
        return re.compile(words if isinstance(words, str) else "")
    except re.error as error:
        raise InputError("a regular expression", f"{words!r} ({error})", where, "mend it") from error


def _refuse_absent(tables: list[Table], names: list[str], where: str) -> None:
    for table in tables:
        if absent := [name for name in names if not table.columns.get(name, False)]:
            found = f"no {examples(absent)} among {len(table.columns)} columns of {table.path}"
            raise InputError("columns of numbers", found, where, "the names, as in the header of the tables")
