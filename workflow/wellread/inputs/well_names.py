"""Names of wells, as microscopes and people spell them, and where they lie on a plate."""

import re

import pandas as pd

PLATE_FORMATS = ((8, 12), (16, 24), (32, 48))  # rows, columns
LAST_ROW, LAST_COLUMN = PLATE_FORMATS[-1]
ROW_LETTERS = tuple(("A" if row > 25 else "") + chr(ord("A") + row % 26) for row in range(LAST_ROW))
SPELLINGS = (
    r"[Rr](?:ow)?0*(?P<number>\d{1,2})[\s_-]*[Cc](?:ol)?0*(?P<column>\d{1,2})",
    r"(?:well[\s_-]*)?(?P<row>[A-Za-z]{1,2})[\s_:.,-]*0*(?P<column>\d{1,2})(?:\.0+)?",
)


def well_name(name: str) -> str:
    """Spell a well as letters and two digits: a1, A001, A-01, A 1 and r01c01 are A01; any other name stays as it is.

    What becomes of a name depends on nothing else, so a well has the same name in every table. Rows go to AF and
    columns to 48, those of a plate of 1536 wells.
    """
    text = str(name).strip()
    for spelling in SPELLINGS:
        if match := re.fullmatch(spelling, text, re.IGNORECASE):
            parts = match.groupdict()
            return of_row_and_column(parts.get("row") or parts["number"], parts["column"]) or text
    return text


def of_row_and_column(row: str, column: str) -> str:
    """The well of a row (a letter, or a number from 1) and a column (from 1): 2, 3 is B03. "" if it is on no plate."""
    row, column = str(row).strip().upper(), str(column).strip()
    row, column = (re.sub(r"\.0+$", "", text) for text in (row, column))  # numbers of a table with gaps
    number = int(row) if re.fullmatch(r"\d+", row) else _row_number(row)
    if not re.fullmatch(r"\d+", column) or not (1 <= number <= LAST_ROW and 1 <= int(column) <= LAST_COLUMN):
        return ""
    return f"{ROW_LETTERS[number - 1]}{int(column):02d}"


def well_row_column(well: str) -> tuple[int, int] | None:
    """Row and column of a well such as A01, counted from 0; None for a name of another form."""
    match = re.fullmatch(r"([A-Z]{1,2})(\d{1,2})", well)
    if not match or int(match[2]) == 0:
        return None
    return _row_number(match[1]) - 1, int(match[2]) - 1


def plate_format(places) -> tuple[int, int]:
    """Rows and columns of the smallest plate (of 96, 384 or 1536 wells) that has all `places` (row, column)."""
    places = list(places)
    fits = [size for size in PLATE_FORMATS if all(row < size[0] and column < size[1] for row, column in places)]
    return fits[0] if fits else PLATE_FORMATS[-1]


def mixture(frame: pd.DataFrame) -> str:
    """Words about a plate of which only some wells could be read as row and column; "" if there is none."""
    pairs = frame[["plate", "well"]].drop_duplicates()
    read = pairs["well"].map({well: well_row_column(well) is not None for well in pairs["well"].unique()})
    mixed = read.groupby(pairs["plate"]).nunique() > 1
    if not mixed.any():
        return ""
    plate = mixed.idxmax()
    own = pairs["plate"] == plate
    kept, known = pairs.loc[own & ~read, "well"], pairs.loc[own & read, "well"]
    return (
        f"{len(kept)} of {own.sum()} wells of plate {plate} have names that are no row and column, such as "
        f"{kept.iloc[0]!r} beside {known.iloc[0]}; these are kept as they are"
    )


def _row_number(letters: str) -> int:
    """A is 1, AA is 27; 0 for what are no letters."""
    if not re.fullmatch("[A-Z]{1,2}", letters):
        return 0
    number = 0
    for letter in letters:
        number = 26 * number + ord(letter) - ord("A") + 1
    return number
