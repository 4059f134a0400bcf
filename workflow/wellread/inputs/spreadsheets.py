"""Tables as programs write them: text of any encoding and separator, Excel, Parquet; every cell becomes text.

What a file is follows from its first bytes, not from its name. A row keeps the number it has in its file: the index of
a table that `read` returns is that number - 2, so that row 2, the first below the header, is 0.
"""

import csv
import gzip
import io
import logging
import re
import zlib
from datetime import date, datetime, time
from pathlib import Path

import pandas as pd

from wellread.runtime.errors import InputError

log = logging.getLogger("wellread")
KINDS = ".csv, .tsv, .xlsx or .parquet, also .gz"
INVISIBLE = "\u200b\u200c\u200d\u2060\ufeff"  # characters without width, as web pages leave them behind
REFUSED = {  # first bytes: what the file is, what to do
    b"\xd0\xcf\x11\xe0": (
        "an .xls file, or an .xlsx with a password",
        "save it as .xlsx without a password, or as .csv",
    ),
    b"version https://git-lfs": ("a pointer to a file in Git LFS", "run `git lfs pull`"),
    b"<": ("a web page or XML, not a table", "download the file itself, or save it as .csv"),
    b"%PDF": ("a PDF", "save the table as .csv"),
    b"{\\rtf": ("a document of a word processor", "save the table as .csv"),
}
HEADER_ROWS = 20  # rows in which a header is looked for, to say where it is


def read(path, key: str = "", say=log.info) -> pd.DataFrame:
    """A table with a header: text cells stripped, "" where empty; rows without any cell are left out.

    `path` may end with #Sheet for a sheet of an Excel file, else its first one is read. `key` is the config key that
    named it. `attrs["decimal"]` is the mark of decimals: a comma only where none separates cells. `say` is told what
    was taken for granted. InputError for files that are no tables, and for headers that name nothing or one twice.
    """
    raw = _bytes(path, key)
    if raw.startswith(b"PAR1"):
        return _checked_header(_parquet(raw, str(path)), str(path))
    if raw.startswith(b"PK\x03\x04"):
        sheets = _workbook(raw, str(path))
        name = _sheet_of(path)[1] or next(iter(sheets))
        if others := [other for other in sheets if other != name and len(sheets[other]) > 1 and not _sheet_of(path)[1]]:
            say(f"{path}: only its first sheet, {name!r}, is read; write {path}#{others[0]} for another")
        rows, decimal = _named(sheets, name, path), "."
    else:
        rows, decimal = _text_rows(raw, str(path), say)
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
        found = _workbook(raw, str(path))
        return {wanted: _named(found, wanted, path)} if wanted else found
    return {file.name.split(".")[0]: _text_rows(raw, str(path), say)[0]}


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
        raise InputError(f"a table ({KINDS})", f"no file at {file}", key or str(file), "the path, or add the file")
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


def _parquet(raw: bytes, path: str) -> pd.DataFrame:
    try:
        frame = pd.read_parquet(io.BytesIO(raw))
    except Exception as error:  # pyarrow has several
        edit = "copy or write it again"
        raise InputError("a whole Parquet file", f"{str(error).splitlines()[0]}", path, edit) from error
    if any(frame.index.names):
        frame = frame.reset_index()
    frame = frame.reset_index(drop=True).rename(columns=str)
    return pd.DataFrame({i: column_text(frame.iloc[:, i]) for i in range(frame.shape[1])}).set_axis(
        [name.strip() for name in frame.columns], axis=1
    )


def column_text(values: pd.Series) -> pd.Series:
    """A column of any type as text."""
    if isinstance(values.dtype, pd.StringDtype):
        return values.fillna("").astype(str).str.strip()
    if pd.api.types.is_float_dtype(values.dtype) and not pd.api.types.is_extension_array_dtype(values.dtype):
        values = values.astype(object).where(values.isna(), [str(v).removesuffix(".0") for v in values.to_numpy()])
    hashable = all(pd.api.types.is_hashable(value) for value in values)
    codes, distinct = pd.factorize(values.astype(object)) if hashable else (range(len(values)), values)
    texts = [*map(_text, distinct), ""]  # missing ones have the code -1
    return pd.Series([texts[code] for code in codes], dtype=str)


def _text(value) -> str:
    """A value of a typed cell as text: 1.0 is 1, a date has no time if that is midnight, a list is joined by |."""
    if isinstance(value, bytes):
        return value.decode("utf-8", "replace").strip()
    if hasattr(value, "__len__") and not isinstance(value, str):
        return "|".join(_text(one) for one in value)
    if pd.isna(value):
        return ""
    if isinstance(value, datetime):
        return str(value.date() if value.time() == time() else value.isoformat(" "))
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, bool):
        return str(value)
    text = str(value).translate(dict.fromkeys(map(ord, INVISIBLE))).strip()
    return text[:-2] if text.endswith(".0") and not isinstance(value, str) else text


def _workbook(raw: bytes, path: str) -> dict[str, pd.DataFrame]:
    """The cells of all visible sheets that have any."""
    from openpyxl import load_workbook

    try:
        values, formulas = (load_workbook(io.BytesIO(raw), data_only=only) for only in (True, False))
    except Exception as error:  # openpyxl raises whatever zip and XML do
        edit = "open it in a spreadsheet program and save it as .xlsx or .csv"
        raise InputError("an Excel file (.xlsx)", f"one that cannot be read ({error})", path, edit) from error
    visible = [sheet.title for sheet in values.worksheets if sheet.sheet_state == "visible"]
    tables = {name: _sheet_cells(values[name], formulas[name], f"{path}#{name}") for name in visible}
    tables = {name: table for name, table in tables.items() if (table != "").any(axis=None)}
    if not tables:
        raise InputError("a sheet with cells", "none", path, "the path, or fill in the sheet")
    return tables


def _sheet_cells(sheet, formulas, where: str) -> pd.DataFrame:
    """The cells of a sheet as text; merged ones all have the value of the first."""
    for row in formulas.iter_rows():
        for cell in row:
            value = sheet[cell.coordinate].value if cell.data_type == "f" else ""
            if value is None:
                edit = "open the file in a spreadsheet program, save it, or replace formulas by their values"
                raise InputError("values of formulas", f"none stored in {cell.coordinate}", where, edit)
    for merged in list(sheet.merged_cells.ranges):
        value, corners = sheet.cell(merged.min_row, merged.min_col).value, merged.bounds
        sheet.unmerge_cells(str(merged))
        for row in sheet.iter_rows(corners[1], corners[3], corners[0], corners[2]):
            for cell in row:
                cell.value = value
    for row in sheet.iter_rows():
        for cell in row:
            if cell.data_type == "e":
                raise InputError("cells without errors", f"{cell.value} in {cell.coordinate}", where, "that cell")
    return pd.DataFrame([[_text(value) for value in row] for row in sheet.iter_rows(values_only=True)], dtype=str)


def _text_rows(raw: bytes, path: str, say) -> tuple[pd.DataFrame, str]:
    """The cells of a text file, and its mark of decimals."""
    text = _decoded(raw, path, say)
    first, _, rest = text.partition("\n")
    separator = _separator(text, path)
    if first.strip().lower().startswith("sep="):  # Excel's hint to itself
        separator, text = first.strip()[4:5] or "\t", "\n" + rest
    rows = _parsed(text, separator, path)
    _tell_short_rows(rows, text, separator, path, say)
    if '"' in text:
        _refuse_swallowed_rows(rows, separator, path)
    return rows, "." if separator == "," else ","


def _decoded(raw: bytes, path: str, say) -> str:
    """Text of bytes in UTF-8, UTF-16 or Windows-1252."""
    if raw[:2] in (b"\xff\xfe", b"\xfe\xff"):
        encoding = "utf-16"
    elif raw[1:2] == b"\0" or raw[:1] == b"\0":
        encoding = "utf-16-be" if raw[:1] == b"\0" else "utf-16-le"
    else:
        encoding = "utf-8-sig"
    try:
        text = raw.decode(encoding)
    except UnicodeDecodeError as error:
        if encoding != "utf-8-sig":
            raise InputError("text in UTF-16", "half a character", path, "copy it again, or save as UTF-8") from error
        text = _windows_text(raw, path, say)
    if "\0" in text:
        raise InputError("text", "bytes of zeros", path, "copy or export it again; it is damaged, or no table")
    for character in INVISIBLE:
        text = text.replace(character, "")
    return text.replace("\r\n", "\n").replace("\r", "\n")


def _windows_text(raw: bytes, path: str, say) -> str:
    try:
        text = raw.decode("cp1252")
    except UnicodeDecodeError as error:
        row = raw[: error.start].count(b"\n") + 1
        found = f"byte {raw[error.start]:#04x}, neither UTF-8 nor Windows-1252"
        raise InputError("text in UTF-8", found, f"{path}, row {row}", 'save it as "CSV UTF-8"') from error
    odd = next(i for i, character in enumerate(text) if ord(character) > 127)
    example = text[max(odd - 8, 0) : odd + 8].replace("\n", " ").strip()
    say(
        f"{path} is not in UTF-8 and was read as Windows-1252 (such as {example!r}); if that is wrong, save it as UTF-8"
    )
    return text


def _separator(text: str, path: str) -> str:
    """The separator of the first lines, by how often they have it outside of quotes; else by the file's name."""
    lines = [line for line in text[:65536].split("\n") if line.strip()][:HEADER_ROWS]
    bare = ["".join(line.split('"')[::2]) for line in lines]
    usual = "\t" if ".tsv" in Path(path).suffixes or ".txt" in Path(path).suffixes else ","
    counts = {mark: bare[0].count(mark) or max(line.count(mark) for line in bare) / 1000 for mark in ("\t", ";", ",")}
    return max(counts, key=lambda mark: (counts[mark], mark == usual))


def _parsed(text: str, separator: str, path: str) -> pd.DataFrame:
    options = {"sep": separator, "header": None, "dtype": str, "keep_default_na": False, "skip_blank_lines": False}
    try:
        return pd.read_csv(io.BytesIO(text.encode()), **options)  # text in memory takes four bytes a character
    except (pd.errors.ParserError, pd.errors.EmptyDataError) as error:
        if "EOF inside string" in str(error):
            raise _unclosed(path) from error
    try:
        rows = list(csv.reader(io.StringIO(text), delimiter=separator))
    except csv.Error as error:
        raise _unclosed(path) from error
    width = max(map(len, rows))
    return pd.DataFrame([row + [None] * (width - len(row)) for row in rows], dtype=str)


def _unclosed(path: str, where: str = "") -> InputError:
    edit = 'close the quote, or write "" for a quote inside of quotes'
    return InputError("a closing quote for every opening one", 'a " that is not closed', path + where, edit)


def _refuse_swallowed_rows(rows: pd.DataFrame, separator: str, path: str) -> None:
    """A quote that is closed in a later row takes whole rows into one cell."""
    for column in rows:
        mark = re.escape(separator)
        broken = rows[column].str.contains(f"{mark}[^\n]*\n|\n[^\n]*{mark}", na=False)
        if broken.any():
            raise _unclosed(path, f", row {int(broken.idxmax()) + 1}")


def _tell_short_rows(rows: pd.DataFrame, text: str, separator: str, path: str, say) -> None:
    """Tell of rows with fewer cells than the first one, which a file that was cut off has, too."""
    if text.count("\n") + 1 - len(rows) not in (0, 1):  # cells of several lines
        return
    empty = rows.index[(rows.iloc[:, -1].fillna("") == "") & (rows.iloc[:, 0] != "")]
    lines = text.split("\n") if len(empty) else []
    short = [row for row in empty if lines[row].count(separator) < lines[0].count(separator)]
    if short:
        words = f"{len(short)} rows have fewer cells than the first one, such as row {short[0] + 1}"
        say(f"{path}: {words}; what they lack is taken as empty")


def _with_header(rows: pd.DataFrame, path: str) -> pd.DataFrame:
    """The table below the first row that has cells; InputError for cells beyond or without a name."""
    rows = rows.fillna("").apply(lambda column: column.str.strip())
    blank = rows[0] == ""
    blank[blank] = (rows[blank] == "").all(axis=1)
    start = int((~blank).idxmax())
    names = [" ".join(name.split()) for name in rows.loc[start]]
    if blank.all():
        raise InputError("a header and rows", "only empty cells", path, "copy or export it again")
    body = rows.loc[start + 1 :][~blank.loc[start + 1 :]]
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
