"""Where fields come from: each source turns its options into the images table, cheaply enough for building the DAG.

A source is `f(channels, staged, where, *, options) -> DataFrame`: plate, well, site and a column of paths per channel.
`staged` is the folder where a source that makes its own images puts them; `where` is its key in the config, for errors.
"""

import re
from pathlib import Path

import pandas as pd

from wellread.inputs import user_tables, well_names
from wellread.painted import layout
from wellread.runtime.errors import InputError
from wellread.runtime.registry import choice, pick

STAGED = "results/{dataset}/painted"  # where the painted source puts its images, a folder per plate


def fields(dataset: dict, name: str) -> pd.DataFrame:
    """The checked images table of the dataset `name` of the config, sorted by plate, well and site.

    InputError for what the table or the files lack, or if no field has an image of some channel.
    """
    channels, where = dataset["channels"], f"datasets.{name}.images"
    frame = pick("images", dataset["images"])(channels, STAGED.format(dataset=name), where)
    frame = user_tables.check(frame, "images", where, tuple(channels))
    if absent := [channel for channel in channels if not (frame[channel] != "").any()]:
        raise InputError("files of every channel", f"none of {', '.join(absent)}", where, "channels, or the source")
    return frame


@choice("images")
def table(channels: list[str], staged: str, where: str, *, path: str, root: str = "") -> pd.DataFrame:
    """An images table written by the user, in the file `path`; relative image paths start at `root` ("": here)."""
    frame = user_tables.read(path, "images", tuple(channels), f"{where}.table.path")
    return frame.assign(**{c: [str(Path(root, p)) if p else "" for p in frame[c]] for c in channels})


@choice("images")
def pattern(
    channels: list[str],
    staged: str,
    where: str,
    *,
    folder: str,
    regex: str,
    plate: str = "",
    names: dict | None = None,
):
    """Image files below `folder`, by their relative paths.

    `regex` must match all of the path, with named groups channel, well (or row and column), and optionally plate and
    site; `plate` is the plate's name where there is no such group; `names` translates the group channel to the name of
    a channel. InputError if no file matches, several do for one channel of a field, or a channel is unknown.
    """
    files = sorted(p.relative_to(folder).as_posix() for p in Path(folder).rglob("*") if p.is_file())
    found = [match.groupdict() | {"path": name} for name in files if (match := re.fullmatch(regex, name))]
    if not found:
        example = f", such as {files[0]}" if files else ""
        raise InputError(
            f"files that match {regex}", f"{len(files)} files, none fits{example}", folder, "folder or regex"
        )
    frame = pd.DataFrame(found).assign(path=lambda f: [str(Path(folder, p)) for p in f["path"]])
    frame = _with_keys(frame, plate, names or {}, regex)
    unknown = sorted(set(frame["channel"]) - set(channels))
    if unknown and not names:
        raise InputError(f"the channels {', '.join(channels)}", ", ".join(unknown), folder, "channels, or give `names`")
    frame = frame[frame["channel"].isin(channels)]
    _refuse_duplicates(frame, folder)
    wide = frame.pivot(index=["plate", "well", "site"], columns="channel", values="path").reset_index()
    return (
        wide.rename_axis(columns=None).fillna("").reindex(columns=["plate", "well", "site", *channels], fill_value="")
    )


def _with_keys(frame: pd.DataFrame, plate: str, names: dict, regex: str) -> pd.DataFrame:
    """The matches with plate, well, site and channel, where the regex has no groups for them by default."""
    if "channel" not in frame or ("well" not in frame and not {"row", "column"} <= set(frame)):
        raise InputError(
            "named groups channel and well (or row and column)",
            regex,
            "the option regex",
            "add (?P<well>...)",
        )
    if "well" not in frame:
        pairs = zip(frame["row"], frame["column"], strict=True)
        frame["well"] = [well_names.of_row_and_column(*pair) or "".join(pair) for pair in pairs]
    if "plate" not in frame:
        frame["plate"] = plate or "plate"
    if "site" not in frame:
        frame["site"] = "1"
    return frame.assign(
        channel=[names.get(c, c) for c in frame["channel"]], well=frame["well"].map(well_names.well_name)
    )


def _refuse_duplicates(frame: pd.DataFrame, folder: str) -> None:
    twice = frame[frame.duplicated(["plate", "well", "site", "channel"], keep=False)]
    if len(twice):
        pair = " and ".join(twice["path"].iloc[:2])
        raise InputError(
            "one file per plate, well, site and channel",
            pair,
            folder,
            "a narrower regex (planes, projections?)",
        )


@choice("images", painted=True)
def painted(channels: list[str], staged: str, where: str, **options) -> pd.DataFrame:
    """A synthetic screen with known truth, painted by a rule of its own; `options` are those of `layout.images`."""
    if unknown := [channel for channel in channels if channel not in layout.CHANNELS]:
        raise InputError(f"channels among {', '.join(layout.CHANNELS)}", ", ".join(unknown), where, "channels")
    return layout.images(staged, **options)
