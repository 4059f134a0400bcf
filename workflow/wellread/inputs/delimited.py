"""Tables that are text, of any encoding and separator: rows of cells, and what is odd about them."""

import csv
import io
import re
from pathlib import Path

import pandas as pd
import pyarrow as pa
from pyarrow import csv as arrow

from wellread.inputs.cleaning import INVISIBLE
from wellread.runtime.errors import InputError

HEADER_ROWS = 20  # rows in which a header is looked for, to say where it is


def text_rows(raw: bytes, path: str, say) -> tuple[pd.DataFrame, str]:
    """The cells of a text file, and its mark of decimals."""
    text = _decoded(raw, path, say)
    separator, first = _separator(text, path), _first_line(text)
    if first.strip().lower().startswith("sep="):  # Excel's hint to itself
        separator, text = first.strip()[4:5] or "\t", "\n" + text[len(first) + 1 :]
    rows = _parsed(text, separator, path)
    _report_short_rows(rows, text, separator, path, say)
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
    for character in [] if text.isascii() else INVISIBLE:
        text = text.replace(character, "")
    return text.replace("\r\n", "\n").replace("\r", "\n") if "\r" in text else text


def _first_line(text: str) -> str:
    end = text.find("\n")
    return text if end < 0 else text[:end]


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
    if (plain := _plain(text, separator)) is not None:
        return plain
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


def _plain(text: str, separator: str) -> pd.DataFrame | None:
    """What pandas reads, in a quarter of its time, if all rows have as many cells, two or more, and no quotes."""
    names = [str(place) for place in range(_first_line(text).count(separator) + 1)]
    if len(names) < 2 or any(odd in text for odd in ('"', "\n\n")):
        return None
    reading = arrow.ReadOptions(column_names=names, use_threads=False)
    parsing = arrow.ParseOptions(delimiter=separator, quote_char=False, ignore_empty_lines=False)
    as_text = arrow.ConvertOptions(column_types=dict.fromkeys(names, pa.string()), check_utf8=False)  # text is UTF-8
    try:
        return arrow.read_csv(pa.BufferReader(text.encode()), reading, parsing, as_text).to_pandas().rename(columns=int)
    except pa.ArrowInvalid:
        return None


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


def _report_short_rows(rows: pd.DataFrame, text: str, separator: str, path: str, say) -> None:
    """Tell of rows with fewer cells than the first one, which a file that was cut off has, too."""
    if text.count("\n") + 1 - len(rows) not in (0, 1):  # cells of several lines
        return
    empty = rows.index[(rows.iloc[:, -1].fillna("") == "") & (rows.iloc[:, 0] != "")]
    lines = text.split("\n") if len(empty) else []
    short = [row for row in empty if lines[row].count(separator) < lines[0].count(separator)]
    if short:
        words = f"{len(short)} rows have fewer cells than the first one, such as row {short[0] + 1}"
        say(f"{path}: {words}; what they lack is taken as empty")
