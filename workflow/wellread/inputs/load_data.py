"""CellProfiler's LoadData tables, as the Cell Painting Gallery has them: a row per field, two columns per channel."""

from pathlib import Path
from urllib.parse import unquote, urlparse

import pandas as pd

from wellread.runtime.errors import InputError
from wellread.runtime.registry import choice

METADATA = {  # of the images table, and what LoadData tables call it
    "plate": ("Metadata_Plate", "Image_Metadata_Plate"),
    "well": ("Metadata_Well", "Image_Metadata_Well"),
    "site": ("Metadata_Site", "Image_Metadata_Site", "Metadata_FieldID", "Metadata_Field"),
}


@choice("images")
def load_data(
    channels: list[str], staged: str, where: str, *, path: str, replace: dict | None = None, names: dict | None = None
) -> pd.DataFrame:
    """The images table of a LoadData file (.csv, .csv.gz, .parquet): Metadata_Plate, Metadata_Well, Metadata_Site, and
    per channel FileName_ and PathName_, or URL_ (file: only), each with or without Orig before the channel's name.

    `replace`: beginnings of paths that have moved, such as {"/home/ubuntu/bucket": "/data"}. `names`: what a channel is
    called in the columns, if not by its own name. Raises InputError if the file or a column is not there, or if images
    lie on a server.
    """
    frame = _read(path, f"{where}.load_data.path")
    given = {column: _first(frame, called, path) for column, called in METADATA.items() if column != "site"}
    site = [column for column in METADATA["site"] if column in frame]
    table = pd.DataFrame({column: frame[name].astype(str) for column, name in given.items()})
    table["site"] = frame[site[0]].astype(str) if site else "1"
    for channel in channels:
        paths = _paths(frame, (names or {}).get(channel, channel), path)
        table[channel] = [_moved(one, replace or {}) for one in paths]
    return table


def _read(path: str, key: str) -> pd.DataFrame:
    if not Path(path).is_file():
        raise InputError("a LoadData table (.csv, .csv.gz or .parquet)", f"no file at {path}", key, "the path")
    if Path(path).suffix == ".parquet":
        return pd.read_parquet(path).astype(object).fillna("")
    return pd.read_csv(path, dtype=str, keep_default_na=False)


def _first(frame: pd.DataFrame, called: tuple[str, ...], path: str) -> str:
    """The first of some columns that a table has."""
    if found := [name for name in called if name in frame]:
        return found[0]
    raise InputError(f"a column {' or '.join(called)}", ", ".join(map(str, frame)), path, "the table, or its header")


def _paths(frame: pd.DataFrame, channel: str, path: str) -> list[str]:
    """The path of every field of a channel; "" where nothing is listed."""
    for name in (f"Orig{channel}", channel):
        if f"FileName_{name}" in frame and f"PathName_{name}" in frame:
            pairs = zip(frame[f"PathName_{name}"], frame[f"FileName_{name}"], strict=True)
            return [str(Path(str(folder), str(file))) if file else "" for folder, file in pairs]
        if f"URL_{name}" in frame:
            return [_of_url(str(url), channel, path) for url in frame[f"URL_{name}"]]
    known = sorted(
        name.removeprefix("FileName_").removeprefix("Orig") for name in frame if name.startswith("FileName_")
    )
    edit = f"channels of the dataset, or `names: {{{channel}: ...}}`"
    raise InputError(f"columns FileName_Orig{channel} and PathName_Orig{channel}", f"{known}", path, edit)


def _of_url(url: str, channel: str, path: str) -> str:
    parts = urlparse(url)
    if parts.scheme not in ("", "file"):
        edit = "download the images, and give their folders by FileName_ and PathName_ or by `replace`"
        raise InputError(f"images of {channel} on this machine", url, path, edit)
    return unquote(parts.path)


def _moved(path: str, replace: dict) -> str:
    """A path with the longest beginning that `replace` knows replaced."""
    known = [start for start in replace if path == start or path.startswith(start.rstrip("/") + "/")]
    start = max(known, key=len, default="")
    return replace[start].rstrip("/") + path[len(start.rstrip("/")) :] if start else path
