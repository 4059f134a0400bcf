"""Where fields come from: each source turns its options into the images table, cheaply enough for building the DAG.

A source is `f(channels, staged, where, say, *, options) -> DataFrame`: plate, well, site and a column of paths per
channel. `staged` is the folder for images that a rule makes, painted or copied; `where` is its key in the config,
for errors; `say` takes a line of text that the user should see.
"""

import logging
from pathlib import Path

import numpy as np
import pandas as pd

from wellread.inputs import channel_planes, crop_files, hpa, table_errors, user_tables
from wellread.inputs.channels import match, reported
from wellread.inputs.columns import are_distinct, holds, places
from wellread.painted import atlas_layout, layout
from wellread.runtime.errors import InputError
from wellread.runtime.registry import choice, chosen, pick

log = logging.getLogger("wellread")
ODD = r"//|(?:^|/)\.(?:/|$)|/$"  # in a path: what Path leaves out
MADE = "results/{dataset}/{by}"  # where rules put images that they paint or copy, a folder per plate


def fields(dataset: dict, name: str, say=log.info) -> pd.DataFrame:
    """The checked images table of the dataset `name` of the config, sorted by plate, well and site (2 before 10).

    InputError for what the table or the files lack, if no field has an image of some channel, or if one image is two
    channels of a field.
    """
    channels, where, source = dataset["channels"], f"datasets.{name}.images", chosen("images", dataset["images"])
    folder = MADE.format(dataset=name, by="painted" if source.painted else "staged")
    frame = pick("images", dataset["images"])(channels, folder, where, say)
    if not source.checked:
        frame = user_tables.check(frame, "images", where, tuple(channels), say)
    if absent := [channel for channel in channels if not (frame[channel] != "").any()]:
        raise InputError("files of every channel", f"none of {', '.join(absent)}", where, "channels, or the source")
    _refuse_twins(frame, channels, where)
    _tell_repeated(frame, channels, where, say)
    return frame


def wells(dataset: dict, name: str) -> str | dict:
    """What a dataset says of its wells table; of crops without one it is made of their table of cells."""
    if dataset["wells"]:
        return dataset["wells"]
    if "crops" in dataset["images"]:
        return crop_files.wells_table(name, dataset["images"]["crops"])
    if dataset["images"].get("hpa", {}).get("labels"):
        return hpa.wells(name, dataset["images"]["hpa"])
    raise InputError(
        "the key wells", "none", f"datasets.{name}", "add `wells: PATH`, the table of wells and their labels"
    )


def _tell_repeated(frame: pd.DataFrame, channels: list[str], where: str, say) -> None:
    """Tell `say` of images that several fields name."""
    plates = places(frame["plate"])
    some = [channel for channel in channels if not are_distinct(frame[channel], plates)]  # sooner than `duplicated`
    again = {channel: (frame[channel].duplicated() & (frame[channel] != "")).to_numpy() for channel in some}
    if repeated := [channel for channel, rows in again.items() if rows.any()]:
        n, path = again[repeated[0]].sum(), frame.loc[again[repeated[0]], repeated[0]].iloc[0]
        keys = frame.loc[frame[repeated[0]] == path, ["plate", "well", "site"]].head(2).to_numpy()
        fields = f"{n} field{'s' if n > 1 else ''} name an image of {', '.join(repeated)} that another field has, too"
        say(f"{where}: {fields}, such as {path} of {' and '.join(map(' '.join, keys))}; give every field its own")


def _refuse_twins(frame: pd.DataFrame, channels: list[str], where: str) -> None:
    """InputError if one image is given as two channels of one field."""
    for i, first in enumerate(channels):
        for second in channels[i + 1 :]:
            twins = ((frame[first] == frame[second]) & (frame[first] != "")).to_numpy()
            if twins.any():
                row = frame.iloc[int(np.argmax(twins))]
                of = f"plate {row['plate']}, well {row['well']}, site {row['site']}"
                found = f"{row[first]} as {first} and as {second} of {of}" + f" ({twins.sum()} such fields)"
                edit = f"name another file, or the plane of a file of several, such as {row[first]} [c=1]"
                raise InputError("an image of its own for every channel", found, where, edit)


@choice("images", tables=("path",), checked=True)
def table(
    channels: list[str], staged: str, where: str, say=log.info, *, path: str, root="", names: dict | None = None,
    z="", time="", rgb: dict | None = None, axes="",
) -> pd.DataFrame:  # fmt: skip
    """An images table written by the user, in the file `path`; relative image paths start at `root` ("": here).

    A table with a column `path` instead of columns of channels lists files of all channels of a field: see
    `channel_planes`, which the other options belong to.
    """
    where = f"{where}.table"
    frame = user_tables.read(path, "images", (), f"{where}.path", say)
    if "path" in frame and not set(channels) & set(frame):
        inside = channel_planes.Inside(names or {}, z, time, rgb or {}, axes, where, say)
        return channel_planes.with_channels(_rooted(frame, ["path"], root), channels, inside)
    free = [name for name in frame if name not in (*user_tables.schema("images")["properties"], *channels)]
    alike = match([channel for channel in channels if channel not in frame], free)
    frame = frame.rename(columns=reported(alike, where, say))
    table_errors.require_columns(frame, [*user_tables.schema("images")["required"], *channels], path)
    return _rooted(frame, channels, root)


def _rooted(frame: pd.DataFrame, columns: list[str], root: str) -> pd.DataFrame:
    return frame.assign(**{column: _below(root, frame[column]) for column in columns})


def _below(root: str, paths: pd.Series) -> pd.Series:
    """str(Path(root, path)) of every path, "" of "": Path is asked only where it would write a path in another way."""
    start, relative = str(Path(root, "x"))[:-1], (paths != "") & ~paths.str.startswith("/")
    found = start + paths if relative.all() else paths.where(~relative, start + paths)
    may_be_odd = holds(paths, "//", "/.") or paths.str.startswith(".").any() or paths.str.endswith("/").any()
    if may_be_odd and (odd := paths.str.contains(ODD)).any():
        found[odd] = [str(Path(root, path)) for path in paths[odd]]
    return found


@choice("images", painted=True, tables=())
def painted(channels: list[str], staged: str, where: str, say=log.info, **options) -> pd.DataFrame:
    """A synthetic screen with known truth, painted by a rule of its own; `options` are those of `layout.images`."""
    _refuse_unpainted(channels, layout.CHANNELS, where)
    return layout.images(staged, **options)


@choice("images", painted=True, tables=())
def painted_atlas(channels: list[str], staged: str, where: str, say=log.info, **options) -> pd.DataFrame:
    """A synthetic protein atlas with known truth, likewise; `options` are those of `atlas_layout.images`."""
    _refuse_unpainted(channels, atlas_layout.CHANNELS, where)
    return atlas_layout.images(staged, **options)


def _refuse_unpainted(channels: list[str], known: tuple[str, ...], where: str) -> None:
    if unknown := [channel for channel in channels if channel not in known]:
        raise InputError(f"channels among {', '.join(known)}", ", ".join(unknown), where, "channels")
