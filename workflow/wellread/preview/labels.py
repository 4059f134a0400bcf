"""Tables that lie beside images: what they say of wells."""

import re
from pathlib import Path

import pandas as pd

from wellread.inputs import spreadsheets
from wellread.inputs.vendors import PICTURE
from wellread.inputs.well_names import well_name
from wellread.runtime.errors import InputError

TABLE = re.compile(r".*\.(csv|tsv|xlsx|parquet)(\.gz)?", re.IGNORECASE)
LARGEST = 30e6  # bytes of a table that is looked at
WELLS = ("well", "metadata_well", "well_position", "wellid", "well_id")
OTHERS = ("plate", "site", "row", "col", "column")  # columns that are no labels of wells


def read(folder: str, name: str) -> pd.DataFrame:
    """A table of the folder as text, empty if it cannot be read."""
    try:
        return spreadsheets.read(str(Path(folder, name)), "FOLDER", lambda text: None).fillna("")
    except InputError:
        return pd.DataFrame()


def labels(folder: str, wells: pd.DataFrame) -> tuple[pd.DataFrame, str]:
    """The wells (plate, well) with what a table of the folder says of them, and the name of that table, or ""."""
    for path in sorted(Path(folder).rglob("*")):
        if not TABLE.fullmatch(path.name) or path.stat().st_size > LARGEST:
            continue
        frame = read(str(path.parent), path.name)
        column = next((one for one in frame if str(one).casefold() in WELLS), None)
        if column is None:
            continue
        frame = frame.assign(well=frame[column].map(well_name)).drop(columns=[column] if column != "well" else [])
        known = _labels_of_wells(frame)
        if set(wells["well"]) <= set(known["well"]):
            return wells.merge(known, on="well", how="left"), path.name
    return wells, ""


def _labels_of_wells(frame: pd.DataFrame) -> pd.DataFrame:
    """A row per well, with the columns that are the same in all rows of a well and name no files."""
    alike = frame.groupby("well").nunique().max() <= 1
    files = [one for one in frame if frame[one].astype(str).map(PICTURE.fullmatch).notna().any()]
    left_out = {"well", *files, *(one for one in frame if str(one).casefold() in OTHERS)}
    return frame[["well", *(one for one in frame if one not in left_out and alike.get(one))]].drop_duplicates("well")
