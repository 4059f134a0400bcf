"""Plates that are drawn as grids in a spreadsheet: a value in the place of every well."""

import numpy as np
import pandas as pd

from wellread.inputs import cleaning, spreadsheets
from wellread.inputs.well_names import LAST_COLUMN, ROW_LETTERS, of_row_and_column
from wellread.runtime.errors import InputError


def of_grids(grids, key: str, say) -> pd.DataFrame:
    """A row per plate and well, from grids of a spreadsheet: rows A, B, C ... and columns 1, 2, 3 ...

    `grids` is a file in which every sheet is a plate called like it, or {plate: file}. A grid holds one variable, which
    the cell in its corner or above it names; else the sheet does.
    """
    frames = []
    if isinstance(grids, str):
        for sheet, cells in spreadsheets.sheets(grids, f"{key}.grids", say).items():
            frames.append(_plate_of_grids(sheet, {"treatment": cells}, f"{grids}#{sheet}"))
    else:
        for plate, path in grids.items():
            frames.append(
                _plate_of_grids(str(plate), spreadsheets.sheets(path, f"{key}.grids.{plate}", say), str(path))
            )
    return pd.concat(frames, ignore_index=True).fillna("")


def _plate_of_grids(plate: str, sheets: dict[str, pd.DataFrame], where: str) -> pd.DataFrame:
    """The wells of a plate that any of its grids says something of."""
    columns: dict[str, dict] = {}
    for sheet, cells in sheets.items():
        grids = _grids(cells)
        if not grids:
            edit = "put the numbers of columns in a row, and the letters of rows below and left of them"
            raise InputError("a grid: columns 1, 2, 3 ... above rows A, B, C ...", "none", f"{where} ({sheet})", edit)
        for name, wells in grids:
            name = name or sheet
            if name in columns:
                edit = "name every grid in the cell of its corner, or above it"
                raise InputError("every variable once", f"{name} twice", f"{where} ({sheet})", edit)
            columns[name] = wells
    frame = pd.DataFrame(columns).rename_axis("well").reset_index().fillna("")
    return frame[(frame[list(columns)] != "").any(axis=1)].assign(plate=plate)


def _grids(cells: pd.DataFrame) -> list[tuple[str, dict[str, str]]]:
    """The grids on a sheet: (name, {well: cell}); the name is "" if none is written beside it."""
    values = cells.fillna("").apply(cleaning.text).to_numpy(object)
    numbers = np.char.lstrip(values.astype(str), "0")
    boxes = [_box(values, row, column) for row, column in zip(*(numbers == "1").nonzero(), strict=True)]
    boxes = [box for box in boxes if box]
    taken = np.zeros(values.shape, bool)
    for row, column, height, width in boxes:
        taken[row : row + height + 1, column - 1 : column + width] = True
    free = np.where(taken, "", values)
    return [(_title(values, free, *box), _wells_of_box(values, *box)) for box in boxes]


def _box(values, row: int, column: int) -> tuple[int, int, int, int] | None:
    """(row and column of the cell 1, height, width) of a grid, None if there is none."""
    width = _run(values[row, column:], [str(n) for n in range(1, LAST_COLUMN + 1)])
    height = _run(values[row + 1 :, column - 1], ROW_LETTERS) if column else 0
    return (row, column, height, width) if width > 1 and height > 0 else None


def _wells_of_box(values, row: int, column: int, height: int, width: int) -> dict[str, str]:
    places = [(i, j) for i in range(height) for j in range(width)]
    return {of_row_and_column(ROW_LETTERS[i], str(j + 1)): values[row + 1 + i, column + j] for i, j in places}


def _run(cells, wanted: list[str]) -> int:
    """How many cells from the first on are as `wanted`, whatever case and zeros before numbers."""
    pairs = list(zip(cells, wanted, strict=False))
    same = [str(cell).upper().lstrip("0") == name for cell, name in pairs]
    return same.index(False) if False in same else len(same)


def _title(values, free, row: int, column: int, height: int, width: int) -> str:
    """The text in a grid's corner, else the first one above it, in the next row or the one after an empty row.

    `free` are the cells that belong to no grid.
    """
    if corner := values[row, column - 1]:
        return str(corner)
    for above in (row - 1, row - 2):
        words = [cell for cell in free[above, column - 1 : column + width] if cell] if above >= 0 else []
        if words:
            return str(words[0])
    return ""
