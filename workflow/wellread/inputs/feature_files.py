"""Files of feature tables: CSV or TSV, also gzipped, or Parquet. What a file is follows from its first bytes.

They are read by columns and typed, unlike tables that people write (`spreadsheets`), since they may be large.
"""

import gzip

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from wellread.inputs import spreadsheets, typed_tables
from wellread.inputs.cleaning import listed
from wellread.runtime.errors import InputError

SAMPLE = 500  # rows of a text file from which the types of its columns follow


def kinds(path: str) -> dict[str, bool]:
    """{column: whether it holds numbers}; of a text file, in its first rows."""
    if _is_parquet(path):
        types = {field.name: field.type for field in pq.read_schema(path) if not field.name.startswith("__index_level")}
        numbers = (pa.types.is_integer, pa.types.is_floating, pa.types.is_decimal, pa.types.is_null)
        return {name: any(kind(of) for kind in numbers) for name, of in types.items()}
    frame = _read_text(path, nrows=SAMPLE)
    types = {name: values.dtype for name, values in frame.items() if not str(name).startswith("Unnamed: ")}
    return {
        name: pd.api.types.is_numeric_dtype(of) and not pd.api.types.is_bool_dtype(of) for name, of in types.items()
    }


def text(path: str, columns: list[str]) -> pd.DataFrame:
    """Columns as text (n rows), "" for what is missing."""
    if _is_parquet(path):
        return (
            pq.read_table(path, columns=columns)
            .to_pandas(ignore_metadata=True)[columns]
            .apply(typed_tables.column_text)
        )
    frame = _read_text(path, usecols=columns, dtype=str, keep_default_na=False)
    return frame[columns].apply(lambda values: values.str.strip())


def numbers(path: str, columns: list[str]) -> np.ndarray:
    """Columns (n, D) float32, not finite where a value is missing; InputError for cells that are no numbers."""
    if _is_parquet(path):
        table = pq.read_table(path, columns=columns)
        read = (table[name].cast(pa.float64()).to_numpy() for name in columns)
    else:
        table = _read_text(path, usecols=columns)
        read = (table[name].to_numpy() for name in columns)
        if words := [name for name in columns if not pd.api.types.is_numeric_dtype(table[name])]:
            edit = "exclude these columns, or mend the cells"
            raise InputError("features that are numbers", f"text in {listed(words, 3)}", path, edit)
    X = np.empty((len(table), len(columns)), np.float32)
    with np.errstate(over="ignore"):
        for column, values in enumerate(read):
            X[:, column] = values
    return X


def _read_text(path: str, **options) -> pd.DataFrame:
    """A CSV or TSV file; InputError for what is none."""
    header = _start(path).decode("utf-8-sig", "replace").partition("\n")[0]
    separator = max("\t", ",", ";", key=header.count)
    options |= {"sep": separator, "encoding": "utf-8-sig", "low_memory": False}
    try:
        return pd.read_csv(path, compression="gzip" if _is_packed(path) else None, **options)
    except (ValueError, OSError, EOFError) as error:
        raise InputError("a feature table", str(error).splitlines()[0], path, "copy or export it again") from error


def _is_parquet(path: str) -> bool:
    return _start(path).startswith(b"PAR1")


def _is_packed(path: str) -> bool:
    with open(path, "rb") as file:
        return file.read(2) == b"\x1f\x8b"


def _start(path: str) -> bytes:
    """The first bytes of a file, unpacked; InputError for one that is no table."""
    try:
        with (gzip.open if _is_packed(path) else open)(path, "rb") as file:
            start = file.read(1 << 16)
            start += file.readline()
    except (OSError, EOFError) as error:
        raise InputError("a whole .gz file", str(error), path, "copy or download it again") from error
    for first, (found, edit) in spreadsheets.REFUSED.items():
        if start.startswith(first):
            raise InputError("a feature table", found, path, edit)
    if not start.strip():
        raise InputError("a feature table", "an empty file", path, "copy or export it again")
    return start
