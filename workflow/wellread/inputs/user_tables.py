"""The two tables a user writes, images and wells: read, normalised, and checked against their schemas."""

import re
from difflib import get_close_matches
from functools import cache
from pathlib import Path

import pandas as pd
import yaml

from wellread.runtime.errors import InputError

PLATE_FORMATS = ((8, 12), (16, 24), (32, 48))  # rows, columns
SCHEMAS = Path(__file__).parents[2] / "schemas"


@cache
def schema(kind: str) -> dict:
    """The schema of a table, `images` or `wells`."""
    return yaml.safe_load((SCHEMAS / f"{kind}.schema.yaml").read_text())


def read(path, kind: str, extra_columns: tuple[str, ...] = (), key: str = "") -> pd.DataFrame:
    """Read a CSV, TSV or Parquet table of a `kind` (images or wells) and check it (see `check`).

    `extra_columns` are required, too; `key` is the config key that named the file. InputError if there is no file.
    """
    path = Path(path)
    if not path.is_file():
        raise InputError(
            f"a {kind} table (.csv, .tsv or .parquet)", f"no file at {path}", key, "the path, or add the file"
        )
    if path.suffix == ".parquet":
        frame = pd.read_parquet(path).fillna("").astype(str)
    else:
        frame = pd.read_csv(path, sep="\t" if path.suffix == ".tsv" else ",", dtype=str, keep_default_na=False)
    return check(frame, kind, str(path), extra_columns)


def check(frame: pd.DataFrame, kind: str, where: str, extra_columns: tuple[str, ...] = ()) -> pd.DataFrame:
    """The table normalised and sorted by its key; InputError naming column and row of every error in it.

    `kind` is images or wells, `where` the file or the config key it is of, for errors.
    """
    rules = schema(kind)
    columns = rules["properties"]
    _require_columns(frame, [*rules["required"], *extra_columns], where)
    frame = frame.assign(**{c: r["default"] for c, r in columns.items() if "default" in r and c not in frame})
    frame["well"] = frame["well"].map(well_name)
    present = [column for column in columns if column in frame]
    errors = [error for column in present for error in _column_errors(frame, column, columns[column], where)]
    errors += _repeated_rows(frame, [c for c in rules["unique"] if c in frame], where)
    if errors:
        raise InputError.together(errors)
    for column, rule in columns.items():
        if rule["type"] == "number" and column in frame:
            frame[column] = pd.to_numeric(frame[column])
    return frame.sort_values([c for c in rules["unique"] if c in frame], kind="stable", ignore_index=True)


def well_name(name: str) -> str:
    """Spell a well as letter and two digits: a1, A1 and A01 are A01."""
    match = re.fullmatch(r"\s*([A-Za-z]{1,2})0*(\d{1,2})\s*", str(name))
    return f"{match[1].upper()}{int(match[2]):02d}" if match else str(name).strip()


def well_row_column(well: str) -> tuple[int, int] | None:
    """Row and column of a well such as A01, counted from 0; None for a name of another form."""
    match = re.fullmatch(r"([A-Z]{1,2})(\d{1,2})", well)
    if not match or int(match[2]) == 0:
        return None
    row = 0
    for letter in match[1]:
        row = 26 * row + ord(letter) - ord("A") + 1
    return row - 1, int(match[2]) - 1


def plate_format(places) -> tuple[int, int]:
    """Rows and columns of the smallest plate (of 96, 384 or 1536 wells) that has all `places` (row, column)."""
    places = list(places)
    fits = [size for size in PLATE_FORMATS if all(row < size[0] and column < size[1] for row, column in places)]
    return fits[0] if fits else PLATE_FORMATS[-1]


def _require_columns(frame: pd.DataFrame, wanted: list[str], where: str) -> None:
    missing = [column for column in wanted if column not in frame]
    if not missing:
        return
    near = [f"{m} may be your {n[0]}" for m in missing if (n := get_close_matches(m, list(frame), 1, 0.6))]
    edit = "rename or add the column" + (f" ({'; '.join(near)})" if near else "")
    raise InputError(
        f"the columns {', '.join(wanted)}", f"no {', '.join(missing)} among {', '.join(frame)}", where, edit
    )


def _column_errors(frame: pd.DataFrame, column: str, rule: dict, where: str):
    values = frame[column].astype(str)
    if "pattern" in rule:
        wrong, wanted = ~values.str.fullmatch(rule["pattern"]), f"text that matches {rule['pattern']}"
    elif "enum" in rule:
        wrong, wanted = ~values.isin(rule["enum"]), f"one of {', '.join(repr(v) for v in rule['enum'])}"
    elif rule["type"] == "number":
        wrong, wanted = (values != "") & pd.to_numeric(values, errors="coerce").isna(), "a number, or nothing"
    else:
        return
    if wrong.any():
        rows = [int(row) for row in wrong.to_numpy().nonzero()[0]]
        found = f"{values.iloc[rows[0]]!r}" + (f" and {len(rows) - 1} more" if len(rows) > 1 else "")
        yield InputError(wanted, found, f"{where}, row {rows[0] + 2}, column {column}", rule["description"])


def _repeated_rows(frame: pd.DataFrame, key: list[str], where: str):
    again = frame.duplicated(key).to_numpy().nonzero()[0]
    if len(again):
        row = frame.iloc[again[0]]
        found = ", ".join(f"{column} {row[column]}" for column in key) + f" again ({len(again)} such rows)"
        yield InputError(
            f"every {', '.join(key)} once",
            found,
            f"{where}, row {again[0] + 2}",
            "remove or renumber the repeated row",
        )
