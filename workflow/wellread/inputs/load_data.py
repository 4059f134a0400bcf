"""CellProfiler's LoadData tables, as the Cell Painting Gallery has them: a row per field, two columns per channel."""

import glob
import logging
from pathlib import Path
from urllib.parse import unquote, urlparse

import pandas as pd

from wellread.inputs import listing, spreadsheets
from wellread.inputs.channels import match, reported
from wellread.inputs.well_names import of_row_and_column, well_name
from wellread.runtime.errors import InputError
from wellread.runtime.registry import choice

log = logging.getLogger("wellread")
METADATA = {  # of the images table, and what LoadData tables call it; with Image_ before it, too
    "plate": ("Metadata_Plate", "Metadata_Assay_Plate_Barcode", "Metadata_PlateID", "Metadata_Barcode"),
    "well": ("Metadata_Well", "Metadata_well_position", "Metadata_WellID"),
    "site": ("Metadata_Site", "Metadata_FieldID", "Metadata_Field"),
}
ROW, COLUMN = ("Metadata_Row", "Metadata_row"), ("Metadata_Col", "Metadata_Column", "Metadata_col")


@choice("images", tables=("path",))
def load_data(
    channels: list[str], staged: str, where: str, say=log.info, *, path: str, root="", replace: dict | None = None,
    names: dict | None = None,
) -> pd.DataFrame:  # fmt: skip
    """The images table of a LoadData file, or of all that fit a path with *: Metadata_Plate, Metadata_Well (or
    Metadata_Row and Metadata_Col), Metadata_Site, and per channel FileName_ and PathName_, or URL_, each with or
    without Orig before the channel's name, and with or without Image_ before all.

    Without a site, the rows of a well are its sites, in their order. `replace`: beginnings of paths that have moved,
    such as {"/home/ubuntu/bucket": "/data"}; relative paths start at `root`. `names`: what a channel is called in the
    columns, if not by its own name. InputError if the file or a column is not there, or if images lie on a server.
    """
    frame = _read(path, f"{where}.load_data.path", say)
    table = pd.DataFrame(
        {"plate": frame[_first(frame, METADATA["plate"], channels, path)], "well": _wells(frame, path)}
    )
    site = _known(frame, METADATA["site"], ())
    table["site"] = frame[site] if site else (table.groupby(["plate", "well"]).cumcount() + 1).astype(str)
    called = _called(frame, channels, names or {}, where, say)
    for channel in channels:
        table[channel] = _paths(frame, called[channel], path, replace or {}, root)
    if illumination := [name for name in frame if name.startswith(("FileName_Illum", "URL_Illum"))]:
        say(f"{len(illumination)} columns of illumination functions: calibrate.illumination.functions can use these")
    return table


def _read(path: str, key: str, say) -> pd.DataFrame:
    """The table as text, "" for what is missing, without Image_ before the names of columns; of several files all."""
    paths = sorted(glob.glob(path, recursive=True)) if "*" in path else [path]
    if not paths:
        start = path[: path.index("*")].rpartition("/")[0] or "."
        listing.require(start, "a folder of LoadData tables", key)
        raise InputError("LoadData tables", f"no file fits {path}", key, "the path")
    frames = [spreadsheets.read(one, key, say) for one in paths]
    frame = pd.concat(frames, ignore_index=True).fillna("") if len(frames) > 1 else frames[0]
    return frame.rename(columns=lambda name: name.removeprefix("Image_"))


def _known(frame: pd.DataFrame, called: tuple[str, ...], channels) -> str:
    """The first of some columns that a table has, also as one of a channel (Metadata_Plate_DAPI); "" if it has none."""
    ends = ("", *(f"_{channel}" for channel in channels))
    found = [name + end for name in called for end in ends if name + end in frame]
    others = [name for name in frame if name.startswith(tuple(f"{one}_" for one in called[:1]))] if channels else []
    return next(iter([*found, *others]), "")


def _first(frame: pd.DataFrame, called: tuple[str, ...], channels, path: str) -> str:
    """The same; InputError if it has none."""
    if found := _known(frame, called, channels):
        return found
    expected = " or ".join(called[:2])
    raise InputError(f"a column {expected}", ", ".join(map(str, frame)), path, "the table, or its header")


def _wells(frame: pd.DataFrame, path: str) -> pd.Series:
    """The wells, from their column or from the numbers of row and column."""
    row, column = _known(frame, ROW, ()), _known(frame, COLUMN, ())
    if not _known(frame, METADATA["well"], ("",)) and row and column:
        pairs = pd.Series(list(zip(frame[row], frame[column], strict=True)), frame.index)
        return pairs.map({pair: of_row_and_column(*pair) or "".join(pair) for pair in pairs.unique()})
    wells = frame[_first(frame, METADATA["well"], ("",), path)]
    return wells.map({well: well_name(well) for well in wells.unique()})


def _in_columns(frame: pd.DataFrame) -> list[str]:
    """The channels that a table has files of."""
    heads = [name.removeprefix("FileName_").removeprefix("URL_") for name in frame if name[:4] in ("File", "URL_")]
    return sorted({name.removeprefix("Orig") for name in heads if not name.startswith("Illum")})


def _called(frame: pd.DataFrame, channels: list[str], names: dict, where: str, say) -> dict[str, str]:
    """{channel: what the columns call it}: as the config says, by its own name, or by what it is."""
    known = _in_columns(frame)
    free = [name for name in known if name not in names.values() and name not in channels]
    alike = match([name for name in channels if name not in names and name not in known], free)
    by_meaning = {ours: theirs for theirs, ours in reported(alike, f"{where}.load_data", say).items()}
    return {channel: names.get(channel, by_meaning.get(channel, channel)) for channel in channels}


def _paths(frame: pd.DataFrame, channel: str, path: str, replace: dict, root: str) -> pd.Series:
    """The path of every field of a channel; "" where nothing is listed."""
    for name in (f"Orig{channel}", channel):
        if f"FileName_{name}" in frame and f"PathName_{name}" in frame:
            folders, files = frame[f"PathName_{name}"], frame[f"FileName_{name}"]
        elif f"URL_{name}" in frame:
            whole = frame[f"URL_{name}"].str.rpartition("/")
            folders, files = whole[0], whole[2].map(unquote)
        else:
            continue
        places = {one: _folder(one, channel, path, replace, root) for one in folders[files != ""].unique()}
        return (folders.map(places) + files).where(files != "", "")
    edit = f"channels of the dataset, or `names: {{{channel}: ...}}`"
    raise InputError(
        f"columns FileName_Orig{channel} and PathName_Orig{channel}", ", ".join(_in_columns(frame)), path, edit
    )


def _folder(folder: str, channel: str, path: str, replace: dict, root: str) -> str:
    """A folder of a LoadData table on this machine, with a slash at its end, or "" for none."""
    moved = _moved(folder.rstrip("/"), replace)
    parts = urlparse(moved)
    if len(parts.scheme) > 1 and parts.scheme != "file":  # a single letter is a drive
        edit = f"download the images, and give their folder by `replace: {{{parts.scheme}://{parts.netloc}: FOLDER}}`"
        raise InputError(f"images of {channel} on this machine", folder, path, edit)
    local = unquote(parts.path) if parts.scheme == "file" else moved
    start = str(Path(root, local)) if root or local else ""
    return f"{start.rstrip('/')}/" if start not in ("", ".") else ""


def _moved(path: str, replace: dict) -> str:
    """A path with the longest beginning that `replace` knows replaced."""
    known = [start for start in replace if path == start.rstrip("/") or path.startswith(start.rstrip("/") + "/")]
    start = max(known, key=len, default="")
    return replace[start].rstrip("/") + path[len(start.rstrip("/")) :] if start else path
