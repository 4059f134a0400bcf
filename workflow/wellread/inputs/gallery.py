"""Plates of the Cell Painting Gallery, or of another public bucket: a LoadData table says where their images lie.

The table is fetched when the workflow is planned, once; the images of a plate by a rule, `stage`.
"""

import logging
from pathlib import Path

import pandas as pd

from wellread.inputs import user_tables
from wellread.inputs.bucket import Bucket
from wellread.inputs.load_data import load_data
from wellread.runtime.errors import InputError
from wellread.runtime.registry import choice

log = logging.getLogger("wellread")
SCHEME = "s3://"
TABLES = "load_data"  # the folder of the tables, beside that of the images
PATIENCE = 30.0  # seconds for which planning waits for a server


@choice("images", staged=True, checked=True)
def gallery(
    channels: list[str], staged: str, where: str, say=log.info, *, path: str, bucket="cellpainting-gallery", plates=(),
    replace: dict | None = None, names: dict | None = None, endpoint="", region="us-east-1", patience=300.0,
    connections=8, keep=True,
) -> pd.DataFrame:  # fmt: skip
    """The images table of LoadData tables whose images lie in `bucket`; they are to be copied below `staged`/PLATE.

    `path`: a table on this machine, or in the bucket (s3://...), with {plate} for one of each of `plates`. `replace`:
    beginnings of paths, such as {"/home/ubuntu/bucket": "s3://cellpainting-gallery"}. For `names` see `load_data`. The
    others are those of `stage` and of its server. InputError if a table cannot be had, or names no image in the bucket.
    """
    where = f"{where}.gallery"
    paths = [path.replace("{plate}", plate) for plate in plates] if "{plate}" in path else [path]
    server = {"endpoint": endpoint, "region": region, "patience": min(patience, PATIENCE)}
    local = [fetched(one, bucket, staged, where, say, server) for one in paths]
    home = f"{staged}/{bucket}"  # where load_data takes the bucket to lie
    moved = {start: _in_folder(new, bucket, home) for start, new in (replace or {}).items()}
    moved |= {f"{SCHEME}{bucket}": home}
    tables = [load_data(channels, staged, where, say, path=one, names=names, replace=moved) for one in local]
    table = user_tables.check(pd.concat(tables, ignore_index=True), "images", where, tuple(channels), say)
    _refuse_outside(table[channels].to_numpy().ravel(), where)
    for channel in channels:
        table[channel] = _of_plates(table[channel], table["plate"], staged, home)
    if not any(table[channel].str.startswith(f"{staged}/").any() for channel in channels):
        found = next(iter(table[channels].to_numpy().ravel()), "no rows")
        edit = f"the bucket, or `replace: {{BEGINNING: {SCHEME}{bucket}}}`"
        raise InputError(f"paths of images in {SCHEME}{bucket}", f"such as {found}", where, edit)
    return table


def fetched(path: str, bucket: str, staged: str, where: str, say, server: dict) -> str:
    """The path on this machine of a table that may lie in the bucket; it is fetched if it is not there yet."""
    if not path.startswith(SCHEME):
        return path
    if not path.startswith(f"{SCHEME}{bucket}/"):
        raise InputError(f"a table in {SCHEME}{bucket}", path, f"{where}.path", "bucket, or path")
    key = path.removeprefix(f"{SCHEME}{bucket}/")
    local = Path(staged).with_name(TABLES) / key
    if not local.is_file():
        Bucket(bucket, where, **server).copy(key, local)
        say(f"{where}: fetched {path} as {local}; delete it to fetch it again")
    return str(local)


def _refuse_outside(paths, where: str) -> None:
    """InputError if a path leads out of its folder."""
    if outside := [path for path in paths if ".." in path.split("/")]:
        raise InputError("paths without ..", outside[0], where, "the LoadData table")


def keys(paths, folder: str, bucket: str) -> list[str]:
    """The keys in the bucket of the images that are staged in the folder of a plate, each once."""
    start = f"{folder}/{bucket}/"
    return list(dict.fromkeys(path.removeprefix(start) for path in paths if path.startswith(start)))


def _in_folder(path: str, bucket: str, home: str) -> str:
    """A path in the bucket as one below `home`; others are as they are."""
    start = f"{SCHEME}{bucket}"
    return home + path.removeprefix(start) if path == start or path.startswith(f"{start}/") else path


def _of_plates(paths: pd.Series, plates: pd.Series, staged: str, home: str) -> pd.Series:
    """Paths below `home` as paths in the folders of their plates."""
    inside = paths.str.startswith(f"{home}/")
    return paths.where(~inside, staged + "/" + plates + "/" + paths.str.removeprefix(f"{staged}/"))
