"""Tables whose cells have types, Parquet and Excel, as text."""

import io
from datetime import date, datetime, time

import pandas as pd

from wellread.inputs.cleaning import INVISIBLE
from wellread.runtime.errors import InputError


def parquet(raw: bytes, path: str) -> pd.DataFrame:
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


def workbook(raw: bytes, path: str) -> dict[str, pd.DataFrame]:
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
