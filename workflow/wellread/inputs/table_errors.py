"""What is wrong with a table of the user's: columns that it lacks, values that mean nothing, rows that come again."""

import re
from difflib import get_close_matches

import pandas as pd

from wellread.inputs import control_names, spreadsheets
from wellread.inputs.cleaning import listed
from wellread.runtime.errors import InputError

SHORTENED = r"\d([.,]\d+)?[Ee]\+\d+"  # 410321234567 as spreadsheets show it


def require_columns(frame: pd.DataFrame, wanted: list[str], where: str) -> None:
    """InputError unless a table has all columns that are `wanted`, naming those that may be meant."""
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


def column_errors(frame: pd.DataFrame, column: str, rule: dict, where: str):
    """The error, if any, of values in a column that the schema's `rule`, a pattern or an enum, does not allow."""
    values = frame[column].astype(str)
    distinct = pd.Series(values.unique(), dtype=str)  # few in millions of rows
    if "pattern" in rule:
        bad, wanted = ~distinct.str.fullmatch(rule["pattern"]), f"text that matches {rule['pattern']}"
        bad |= distinct.str.fullmatch(SHORTENED) & (column == "plate")
    elif "enum" in rule:
        bad, wanted = ~distinct.isin(rule["enum"]), f"one of {', '.join(repr(v) for v in rule['enum'])}"
    else:
        return
    if bad.any():
        wrong = values.isin(distinct[bad])
        rows = [int(row) for row in wrong.to_numpy().nonzero()[0]]
        first = values.iloc[rows[0]]
        found = f"{first!r}" + (f" and {len(rows) - 1} more" if len(rows) > 1 else "")
        edit = rule["description"] + _slip(column, values[wrong])
        yield InputError(wanted, found, f"{where}, row {frame.index[rows[0]] + 2}, column {column}", edit)


def _slip(column: str, wrong: pd.Series) -> str:
    """What may have happened to values."""
    value = wrong.iloc[0]
    if column == "control":
        meant = {word: kind for word in wrong.unique() if (kind := control_names.meant(word))}
        several = ", ".join(f"{kind} for {word}" for word, kind in list(meant.items())[: control_names.SHOWN])
        return f"; did you mean {several if len(meant) > 1 else meant[value]}?" if value in meant else ""
    if column == "plate" and re.fullmatch(SHORTENED, value):
        return "; a spreadsheet has shortened a long number: format the column as text and fill it in again"
    if column in ("plate", "well") and not value:
        return "; every row needs one, also where a spreadsheet shows it only in the first of several"
    return ""


def repeated_rows(frame: pd.DataFrame, key: list[str], where: str):
    """The error, if any, of rows that share all values of the columns `key`."""
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
