"""Tables as programs write them: text of any encoding and separator, Excel, Parquet; every cell becomes text.

What a file is follows from its first bytes, not from its name. A row keeps the number it has in its file: the index of
a table that `read` returns is that number - 2, so that row 2, the first below the header, is 0.
"""

import gzip
import logging
import zlib
from pathlib import Path

import pandas as pd

from wellread.inputs.delimited import HEADER_ROWS, text_rows
from wellread.inputs.listing import instead
from wellread.inputs.typed_tables import parquet, workbook
from wellread.runtime.errors import InputError

log = logging.getLogger("wellread")
KINDS = ".csv, .tsv, .xlsx or .parquet, also .gz"
REFUSED = {  # first bytes: what the file is, what to do
    b"\xd0\xcf\x11\xe0": (
        "an .xls file, or an .xlsx with a password",
        "save it as .xlsx without a password, or as .csv",
    ),
    b"version https://git-lfs": ("a pointer to a file in Git LFS", "run `git lfs pull`"),
    b"<<<<<<< ": ("a table with marks of an unsolved merge of Git", "solve the merge, or take one of the two versions"),
    b"<": ("a web page or XML, not a table", "download the file itself, or save it as .csv"),
    b"%PDF": ("a PDF", "save the table as .csv"),
    b"{\\rtf": ("a document of a word processor", "save the table as .csv"),
}


def read(path, key: str = "", say=log.info) -> pd.DataFrame:
    """A table with a header: text cells stripped, "" where empty; rows without any cell are left out.

    `path` may end with #Sheet for a sheet of an Excel file, else its first one is read. `key` is the config key that
    named it. `attrs["decimal"]` is the mark of decimals: a comma only where none separates cells. `say` is told what
    was taken for granted. InputError for files that are no tables, and for headers that name nothing or one twice.
    """
    raw = _bytes(path, key)
    if raw.startswith(b"PAR1"):
        return _checked_header(parquet(raw, str(path)), str(path))
    if raw.startswith(b"PK\x03\x04"):
        sheets = workbook(raw, str(path))
        name = _sheet_of(path)[1] or next(iter(sheets))
        if others := [other for other in sheets if other != name and len(sheets[other]) > 1 and not _sheet_of(path)[1]]:
            say(f"{path}: only its first sheet, {name!r}, is read; write {path}#{others[0]} for another")
        rows, decimal = _named(sheets, name, path), "."
    else:
        rows, decimal = text_rows(raw, str(path), say)
    frame = _checked_header(_with_header(rows, str(path)), str(path))
    frame.attrs["decimal"] = decimal
    return frame


def sheets(path, key: str = "", say=log.info) -> dict[str, pd.DataFrame]:
    """The cells of every sheet as they stand, without a header: {sheet: text (rows, columns)}.

    A text file is one sheet, called as the file is; `path#Sheet` is that sheet alone.
    """
    raw = _bytes(path, key)
    file, wanted = _sheet_of(path)
    if raw.startswith(b"PK\x03\x04"):
        found = workbook(raw, str(path))
        return {wanted: _named(found, wanted, path)} if wanted else found
    return {file.name.split(".")[0]: text_rows(raw, str(path), say)[0]}


def file_of(path) -> str:
    """The file of a path that may name a sheet, too."""
    return str(_sheet_of(path)[0])


def _sheet_of(path) -> tuple[Path, str]:
    """The file, and the sheet named after a #; a # may also be part of a file's name."""
    file, mark, sheet = str(path).rpartition("#")
    return (Path(file), sheet) if mark and not Path(path).is_file() else (Path(path), "")


def _named(sheets: dict, name: str, path) -> pd.DataFrame:
    if name in sheets:
        return sheets[name]
    raise InputError(f"a sheet called {name}", f"only {', '.join(sheets)}", str(path), "the name after #")


def _bytes(path, key: str) -> bytes:
    """The content of a file, unpacked; InputError if it is none, or of a kind that is not read."""
    file = _sheet_of(path)[0]
    if not file.is_file():
        found = f"a folder at {file}" if file.is_dir() else f"no file at {file}{instead(file, near=True)}"
        raise InputError(f"a table ({KINDS})", found, key or str(file), "the path, or add the file")
    try:
        raw = file.read_bytes()
    except OSError as error:
        raise InputError("a file that can be read", str(error), str(file), "its permissions, or the disk") from error
    if raw.startswith(b"\x1f\x8b"):
        try:
            raw = gzip.decompress(raw)
        except (OSError, EOFError, zlib.error) as error:
            edit = "copy or download it again"
            raise InputError("a whole .gz file", f"one that cannot be unpacked ({error})", str(file), edit) from error
    if not raw.strip():
        raise InputError(f"a table ({KINDS})", "an empty file", str(file), "copy or export it again")
    for start, (found, edit) in REFUSED.items():
        if raw.lstrip(b"\xef\xbb\xbf \r\n\t").startswith(start):
            raise InputError(f"a table ({KINDS})", found, str(file), edit)
    return raw


def _with_header(rows: pd.DataFrame, path: str) -> pd.DataFrame:
    """The table below the first row that has cells; InputError for cells beyond or without a name."""
    rows = rows.fillna("").apply(lambda column: column.str.strip())
    blank = rows[0] == ""
    blank[blank] = (rows[blank] == "").all(axis=1)
    start = int((~blank).idxmax())
    names = [" ".join(name.split()) for name in rows.loc[start]]
    if blank.all():
        raise InputError("a header and rows", "only empty cells", path, "copy or export it again")
    body = rows.loc[start + 1 :]
    if (empty := blank.loc[start + 1 :]).any():
        body = body[~empty]
    frame = body.set_axis(body.index - 1, axis=0)
    for place in [place for place, name in enumerate(names) if not name]:
        if (frame[place] != "").any() and not _row_numbers(frame, place):
            raise _nameless(rows, frame, place, names, start, path)
    kept = [place for place, name in enumerate(names) if name]
    return frame[kept].set_axis([names[place] for place in kept], axis=1)


def _row_numbers(frame: pd.DataFrame, place: int) -> bool:
    """Whether a column without a name counts the rows, as R and pandas write it."""
    numbers = pd.to_numeric(frame[place], errors="coerce")
    return place == 0 and bool((numbers.diff().iloc[1:] == 1).all() and numbers.iloc[0] in (0, 1))


def _nameless(rows, frame, place: int, names: list[str], start: int, path: str) -> InputError:
    row = int((frame[place] != "").idxmax()) + 2
    found = f"{frame.loc[row - 2, place]!r} in column {place + 1}, which has none"
    later = [i for i in rows.index[start + 1 : start + HEADER_ROWS] if (rows.loc[i] != "").all()]
    header = f"; if row {later[0] + 1} is the header, remove the rows above it" if "" in names[1:] and later else ""
    edit = "name the column in the header, or remove what is in it; quote cells that hold the separator" + header
    return InputError("a name in the header for every column", found, f"{path}, row {row}", edit)


def _checked_header(frame: pd.DataFrame, path: str) -> pd.DataFrame:
    if twice := list(frame.columns[frame.columns.duplicated()]):
        raise InputError("every column once", f"{', '.join(twice)} twice", f"{path}, header", "rename or remove one")
    if not len(frame):
        raise InputError("a row for every well or field", "only a header", path, "copy or export it again")
    return frame


def header_row(frame: pd.DataFrame, wanted: list[str]) -> int | None:
    """The number of an early row that has at least two of the `wanted` names: a header that is not in the first row."""
    for index, row in frame.head(HEADER_ROWS).iterrows():
        if len({str(cell).lower() for cell in row} & set(wanted)) > 1:
            return index + 2
    return None
