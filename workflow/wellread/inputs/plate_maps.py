"""Wells tables as labs keep them: one table, plate maps and barcodes, or grids; and tables of labels joined to them.

`wells` in the config is a path, or a mapping with one of `path`, `platemaps` (a folder with `barcodes`, or
{plate: file}) and `grids`, and perhaps `names` and `labels`.
"""

import re
from pathlib import Path

import pandas as pd

from wellread.inputs import cleaning, spreadsheets
from wellread.inputs.cleaning import examples, listed
from wellread.inputs.grids import of_grids
from wellread.inputs.label_tables import joined
from wellread.runtime.errors import InputError

PLATES = ("plate", "assay_plate_barcode", "plate_barcode", "barcode", "assay_plate")  # columns that name a plate
MAPS = ("plate_map_name", "platemap", "plate_map", "platemap_name", "map")  # columns that name a plate map
PLACES = ("well", "well_position", "well_name", "well_id")  # columns that name a well
USUAL = {  # of plate maps of the Broad Institute: our column, theirs in the order of preference
    "treatment": ["treatment", "broad_sample", "solvent"],
    "dose": ["dose", "mmoles_per_liter", "mg_per_ml"],
}
UNITS = {"mmoles_per_liter": "mM", "mg_per_ml": "mg/ml"}


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
        frame, where = of_grids(wells["grids"], key, say), key
    attrs = frame.attrs
    frame, called = _renamed(frame, wells.get("names") or {}, f"{key}.names")
    for number, one in enumerate(wells.get("labels") or []):
        frame = joined(frame, one, called, f"{key}.labels[{number}]", say)
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
