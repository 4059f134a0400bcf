"""Wells tables as labs keep them: one table, plate maps and barcodes, or grids; and tables of labels joined to them.

`wells` in the config is a path, or a mapping with one of `path`, `platemaps` (a folder with `barcodes`, or
{plate: file}) and `grids`, and perhaps `names` and `labels`.
"""

import re
from pathlib import Path

import numpy as np
import pandas as pd

from wellread.inputs import cleaning, spreadsheets
from wellread.inputs.cleaning import examples, listed
from wellread.inputs.well_names import LAST_COLUMN, ROW_LETTERS, of_row_and_column
from wellread.runtime.errors import InputError

PLATES = ("plate", "assay_plate_barcode", "plate_barcode", "barcode", "assay_plate")  # columns that name a plate
MAPS = ("plate_map_name", "platemap", "plate_map", "platemap_name", "map")  # columns that name a plate map
PLACES = ("well", "well_position", "well_name", "well_id")  # columns that name a well
USUAL = {  # of plate maps of the Broad Institute: our column, theirs in the order of preference
    "treatment": ["treatment", "broad_sample", "solvent"],
    "dose": ["dose", "mmoles_per_liter", "mg_per_ml"],
}
UNITS = {"mmoles_per_liter": "mM", "mg_per_ml": "mg/ml"}
COMPOUND = r"(BRD-[A-Z]\d{8})(?:-\d{3}.*)?"  # an id of a compound, or of a sample of it


def table(wells, key: str, say) -> tuple[pd.DataFrame, str]:
    """The wells table as it was written, text cells, and what to call it in messages; `key` is its config key."""
    if not isinstance(wells, dict):
        return spreadsheets.read(wells, key, say), str(wells)
    ways = [way for way in ("path", "platemaps", "grids") if way in wells]
    if len(ways) != 1:
        found = ", ".join(ways) or f"only {', '.join(wells)}"
        raise InputError("one of path, platemaps, grids", found, key, "say where the wells table is, in one way")
    if ways == ["path"]:
        frame, where = spreadsheets.read(wells["path"], f"{key}.path", say), str(wells["path"])
    elif ways == ["platemaps"]:
        frame, where = _of_plate_maps(wells, key, say), _plate_map_files(wells)
    else:
        frame, where = _of_grids(wells["grids"], key, say), key
    attrs = frame.attrs
    frame, called = _renamed(frame, wells.get("names") or {}, f"{key}.names")
    for number, one in enumerate(wells.get("labels") or []):
        frame = _joined(frame, one, called, f"{key}.labels[{number}]", say)
    frame.attrs = attrs
    return frame, where


def files(wells) -> list[str]:
    """The files that a wells table is read from, sorted."""
    if not isinstance(wells, dict):
        return [spreadsheets.file_of(wells)]
    grids = wells.get("grids") or []
    named = [wells.get("path"), wells.get("barcodes"), *([grids] if isinstance(grids, str) else dict(grids).values())]
    named += [one["path"] for one in wells.get("labels") or []]
    maps = _maps(wells["platemaps"]).values() if "platemaps" in wells else []
    return sorted({spreadsheets.file_of(path) for path in [*named, *maps] if path})


def _plate_map_files(wells: dict) -> str:
    """What to call plate maps in messages."""
    maps = wells["platemaps"]
    return ", ".join(map(str, maps.values())) if isinstance(maps, dict) else f"{maps} and {wells.get('barcodes')}"


def _maps(folder) -> dict[str, Path]:
    """{name of a plate map: its file}, of a folder, or of {plate: file}."""
    if isinstance(folder, dict):
        return {name: Path(path) for name, path in folder.items()}
    found = sorted(path for path in Path(folder).glob("*") if path.is_file() and not path.name.startswith((".", "~$")))
    return {
        re.sub(r"(\.(txt|tsv|csv|xlsx|parquet))?(\.gz)?$", "", path.name, flags=re.IGNORECASE): path for path in found
    }


def _of_plate_maps(wells: dict, key: str, say) -> pd.DataFrame:
    """A row per plate and well, from plate maps and the table that says which map every plate has.

    Or from {plate: its map}.
    """
    if isinstance(wells["platemaps"], dict):
        maps = [_plate_map(Path(path), say).assign(plate=str(plate)) for plate, path in wells["platemaps"].items()]
        return pd.concat(maps, ignore_index=True).fillna("")
    if not wells.get("barcodes"):
        edit = "give the table that says which map every plate has, with columns such as plate and plate_map_name"
        raise InputError("a table of barcodes", "none", f"{key}.barcodes", edit)
    barcodes = spreadsheets.read(wells["barcodes"], f"{key}.barcodes", say)
    barcodes = barcodes.apply(cleaning.text)
    plate, name = (_column(barcodes, usual, wells["barcodes"]) for usual in (PLATES, MAPS))
    known, frames = _maps(wells["platemaps"]), []
    if absent := sorted(set(barcodes[name]) - set(known)):
        found = f"no file for {examples(absent)} among {examples(known)}"
        raise InputError("a file for every plate map", found, str(wells["platemaps"]), f"{key}.platemaps, or {name}")
    for called in dict.fromkeys(barcodes[name]):
        frames.append(_plate_map(known[called], say).assign(**{name: called}))
    maps = pd.concat(frames, ignore_index=True).fillna("")
    barcodes = barcodes.rename(columns={plate: "plate"})
    extra = [column for column in barcodes if column not in maps or column == name]
    return barcodes[extra].merge(maps, on=name, how="left")


def _plate_map(path: Path, say) -> pd.DataFrame:
    """One plate map: its wells, with treatment and dose under our names."""
    frame = spreadsheets.read(path, say=say)
    frame = frame.rename(columns={_column(frame, PLACES, path): "well"})
    lower = {column.casefold(): column for column in frame}
    for ours, theirs in USUAL.items():
        given = [lower[name] for name in theirs if name in lower]
        if given and ours not in frame:
            frame[ours] = _first_filled(frame, given)
            if given[0] in UNITS:
                frame["dose_unit"] = UNITS[given[0]]
    return frame


def _column(frame: pd.DataFrame, usual: tuple[str, ...], path) -> str:
    """The first of some usual columns that a table has."""
    lower = {re.sub("^metadata_", "", str(name).casefold()).replace(" ", "_"): name for name in frame}
    if found := [lower[name] for name in usual if name in lower]:
        return found[0]
    raise InputError(f"a column {' or '.join(usual[:3])}", listed(frame), str(path), "rename or add the column")


def _first_filled(frame: pd.DataFrame, columns: list[str]) -> pd.Series:
    """The first of some columns that says something, row by row."""
    values = cleaning.text(frame[columns[0]])
    for column in columns[1:]:
        values = values.where(values != "", cleaning.text(frame[column]))
    return values


def _renamed(frame: pd.DataFrame, names: dict, key: str) -> tuple[pd.DataFrame, dict]:
    """The table with `names`, {ours: theirs, or several of theirs in their order, or a part of one}.

    And {theirs: ours} of single ones.
    """
    called = {}
    for ours, theirs in names.items():
        part = theirs if isinstance(theirs, dict) else {}
        given = [part["of"]] if part else [theirs] if isinstance(theirs, str) else list(theirs)
        given = [next((name for name in (one, f"Metadata_{one}") if name in frame), one) for one in given]
        if absent := [name for name in given if name not in frame]:
            found = f"no {', '.join(absent)} among {listed(frame)}"
            raise InputError("columns of the wells table", found, f"{key}.{ours}", "the name, as in the table's header")
        if ours in frame and ours not in given:
            found = f"{ours}, which is there beside {', '.join(given)}"
            raise InputError("a column that is to be named", found, f"{key}.{ours}", "remove the key, or the column")
        values = _first_filled(frame, given)
        if part:
            values = _part(values, part["regex"], f"{key}.{ours}.regex")
        elif len(given) == 1:
            called |= {given[0]: ours, given[0].removeprefix("Metadata_"): ours}
            frame = frame.drop(columns=given)
        frame = frame.assign(**{ours: values})
    return frame, called


def _part(values: pd.Series, regex: str, key: str) -> pd.Series:
    """What a regular expression finds in every text, its first group if it has one; "" where it finds nothing."""
    try:
        found = {value: re.search(regex, value) for value in values.unique()}
    except re.error as error:
        raise InputError("a regular expression", f"{regex!r} ({error})", key, "mend it") from error
    if not any(found.values()):
        raise InputError(f"text in which {regex!r} is found", examples(found), key, "the expression, or the column")
    return values.map({value: (match[match.re.groups > 0] or "") if match else "" for value, match in found.items()})


def _joined(frame: pd.DataFrame, section: dict, called: dict, key: str, say) -> pd.DataFrame:
    """The table with the columns of a table of labels, by the columns `by`; as many rows as before, in their order."""
    path = section["path"]
    frame, labels = (_without_prefix(one) for one in (frame, spreadsheets.read(path, f"{key}.path", say)))
    ours, theirs = _joining_columns(frame, labels, section["by"], called, f"{key}.by", str(path))
    wanted = _wanted_columns(frame, labels, theirs, section.get("columns"), f"{key}.columns")
    own, other = cleaning.text(frame[ours]), cleaning.text(labels[theirs])
    keys = _keys(own, set(other))
    rows = _keyed(labels[wanted], other, set(keys.values()) - {""})
    cells = rows.groupby("key", sort=False)[wanted].agg(_distinct)
    _tell_join(own, keys, rows["key"], other, key, f"{path} by {theirs}", say)
    found = cells.reindex(own.map(keys)).fillna("").set_axis(frame.index)
    return frame.assign(**{name: found[name] for name in wanted})


def _without_prefix(frame: pd.DataFrame) -> pd.DataFrame:
    return frame.rename(columns=lambda name: re.sub("^Metadata_", "", name))


def _joining_columns(frame, labels, by, called: dict, key: str, path: str) -> tuple[str, str]:
    """The columns of wells and labels that `by` names; that of the wells in any case, or as it was called before."""
    ours, theirs = (
        re.sub("^Metadata_", "", name) for name in ((by, by) if isinstance(by, str) else next(iter(by.items())))
    )
    ours = called.get(ours, ours)
    ours = ours if ours in frame else next((name for name in frame if name.casefold() == ours.casefold()), ours)
    for column, table, where in ((ours, frame, key), (theirs, labels, path)):
        if column not in table:
            edit = "`by`: a column of both tables, or {column of wells: column of labels}"
            raise InputError(f"a column {column}", listed(table), where, edit)
    return ours, theirs


def _wanted_columns(frame, labels, theirs: str, columns, key: str) -> list[str]:
    """The columns of labels to add: those asked for, or all that the wells lack."""
    asked = [re.sub("^Metadata_", "", name) for name in columns or ()]
    wanted = asked or [name for name in labels if name != theirs and name not in frame]
    if absent := [name for name in wanted if name not in labels]:
        edit = "the names, as in the header of the table of labels"
        raise InputError(f"the columns {', '.join(absent)}", listed(labels), key, edit)
    if there := [name for name in wanted if name in frame]:
        raise InputError("columns that the wells lack", ", ".join(there), key, "leave them out, or rename them")
    return wanted


def _keys(own: pd.Series, theirs: set) -> dict[str, str]:
    """What a value of the wells is looked for by: itself, or its compound if it is a sample the labels do not have."""
    return {value: value if value in theirs else _compound(value) or value for value in own.unique()}


def _compound(value: str) -> str:
    match = re.fullmatch(COMPOUND, value)
    return match[1] if match else ""


def _keyed(labels: pd.DataFrame, other: pd.Series, asked: set) -> pd.DataFrame:
    """The rows of labels that are asked for, by their value or by the compound that it is a sample of; column key."""
    exact = labels.assign(key=other)
    samples = labels.assign(key=other.map(_compound))[~other.isin(asked)]
    samples = samples[~samples["key"].isin(set(other))]
    rows = pd.concat([exact, samples])
    return rows[rows["key"].isin(asked)]


def _distinct(values: pd.Series) -> str:
    """The labels of several rows as one cell, each once."""
    if values.nunique() == 1:
        return values.iloc[0]
    cells = cleaning.labels(values)[0]
    return "|".join(dict.fromkeys(part for cell in cells for part in cleaning.parts(cell)))


def _tell_join(own, keys: dict, found: pd.Series, other, key: str, named: str, say) -> None:
    """Tell how many values of both sides found each other; InputError if none did."""
    asked, there = set(keys.values()) - {""}, set(found)
    absent = [value for value, wanted in keys.items() if value and wanted not in there]
    if not there:
        words = f"{examples(sorted(set(own) - {''}))} in the wells table, {examples(other)} in {named}"
        raise InputError("values that both tables have", words, f"{key}.by", "the column, or spell the values alike")
    lost = f"; without labels stay {examples(absent)}" if absent else ""
    several = len(found) - len(there)
    merged = f"; {several} further rows of the same value were merged, their labels joined by |" if several else ""
    counts = f"{len(there)} of {len(asked)} values of the wells were found among {other[other != ''].nunique()}"
    say(f"{named}: {counts} of the labels{lost}{merged}")


def _of_grids(grids, key: str, say) -> pd.DataFrame:
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
