"""Fields from the names of files: a vendor's preset, a glob or a regex says what the parts of a name mean."""

import logging
import re
from pathlib import Path

import numpy as np
import pandas as pd

from wellread.inputs import channel_planes, listing, projections, vendors
from wellread.inputs.channels import match, reported
from wellread.inputs.vendors import PICTURE, Naming
from wellread.inputs.well_names import of_row_and_column, well_name
from wellread.runtime.errors import InputError
from wellread.runtime.registry import choice

log = logging.getLogger("wellread")
FIELD = ["plate", "well", "site"]
SAMPLE = 200  # names that are looked at to explain why none fits


@choice("images")
def pattern(
    channels: list[str], staged: str, where: str, say=log.info, *, folder: str, preset="", files="", regex="",
    plate="", well="", names: dict | None = None, z="", time="", rgb: dict | None = None, axes="",
) -> pd.DataFrame:  # fmt: skip
    """Image files below `folder`, by their relative paths, which a `preset`, a glob (`files`) or a `regex` describes.

    The regex must match all of the path, with named groups well (or row and column), and perhaps channel, plate, site,
    z and t. Without a channel, every file holds all channels of a field: see `channel_planes`, which `axes`, `rgb`,
    and `z` and `time` there belong to. `plate` and `well` are used where names have none; `names` translates the
    channel of a file to the name of a channel. InputError if no file matches, several do for one channel of a field,
    or a channel is missing.
    """
    where, names = f"{where}.pattern", names or {}
    naming = _naming(preset, files, regex, well, where)
    listed = listing.files_below(folder, f"{where}.folder")
    frame = _matches(listed, naming, folder, where, say)
    frame = _with_keys(frame, naming, folder, plate or ("plate" if regex else ""), well)
    frame = projections.at_time(frame, time, where)
    if "channel" not in frame:
        frame = _once(projections.in_one_image(frame.assign(channel=""), z, where, say), folder)
        inside = channel_planes.Inside(names, z, time, rgb or {}, axes, where, say)
        return channel_planes.with_channels(frame[[*FIELD, "path"]], channels, inside)
    frame = _known_channels(frame, channels, names, where, say)
    return _wide(_once(projections.in_one_image(frame, z, where, say), folder), channels)


def _naming(preset: str, files: str, regex: str, well: str, where: str) -> Naming:
    """What the config says of the names of files; InputError unless it is said once, and well."""
    if len(given := [word for word in (preset, files, regex) if word]) != 1:
        found = f"{len(given)} of them" if given else "none of them"
        raise InputError("one of preset, files, regex", found, where, "write `preset: imagexpress`, or a glob as files")
    try:
        naming = vendors.PRESETS[preset] if preset else vendors.of_glob(files) if files else Naming(regex, regex)
        groups = naming.groups
    except KeyError as error:
        known = ", ".join(f"{{{name}}}" for name in vendors.GROUPS)
        raise InputError(f"placeholders among {known}", f"{{{error.args[0]}}} in {files}", where, "files") from None
    except re.error as error:
        raise InputError("a regular expression", f"{regex}: {error}", f"{where}.regex", "regex, or use files") from None
    if not (well or "well" in groups or {"row", "column"} <= groups):
        edit = "add {well} to files" if files else "add (?P<well>...) to regex"
        raise InputError("named groups channel and well (or row and column)", naming.shown, where, edit)
    return naming


def _matches(listed: list[str], naming: Naming, folder: str, where: str, say) -> pd.DataFrame:
    """A row for every file whose name fits: path, and the groups of the naming; what does not fit is told."""
    match, rows = naming.compiled.fullmatch, []
    ignored = re.compile(naming.ignored).fullmatch
    unfit = []
    for name in listed:
        if (found := match(name)) and not ignored(name):
            rows.append((name, *found.groups()))
        elif PICTURE.fullmatch(name) and not ignored(name):
            unfit.append(name)
    if not rows:
        raise _none_fits(listed, unfit, naming, folder, where)
    if unfit:
        say(f"{len(rows)} files of {folder} fit {naming.shown}, {len(unfit)} do not, such as {unfit[0]}")
    frame = pd.DataFrame(rows, columns=["path", *_in_order(naming)]).dropna(axis=1, how="all")
    return frame.assign(channel=frame.get("channel", "w1")) if "channel" in naming.groups else frame


def _in_order(naming: Naming) -> list:
    """The names of all groups by number; those without a name by their number."""
    by_number = {number: name for name, number in naming.compiled.groupindex.items()}
    return [by_number.get(number, number) for number in range(1, naming.compiled.groups + 1)]


def _none_fits(listed, unfit: list[str], naming: Naming, folder: str, where: str) -> InputError:
    """Where the match stops, on the file for which it comes farthest."""
    expected = f"files that match {naming.shown}"
    sample = (unfit or listed)[:SAMPLE]
    if not sample:
        return InputError(expected, f"no files in {folder}", folder, f"{where}.folder")
    end, rest, name = max(((*naming.stop(name), name) for name in sample), key=lambda stop: stop[0])
    stop = f"fits as far as `{name[:end]}`; then `{rest}` should match `{name[end:]}`" if end else "differs at once"
    found = f"{len(listed)} files, none fits, such as {name}: it {stop}"
    if near := [preset for preset in vendors.that_fit(listed) if naming is not vendors.PRESETS[preset]]:
        return InputError(expected, found, folder, f"these look like {near[0]}: write `preset: {near[0]}`")
    return InputError(expected, found, folder, f"{where}: the folder, or how files are named")


def _with_keys(frame: pd.DataFrame, naming: Naming, folder: str, plate: str, well: str) -> pd.DataFrame:
    """The matches with plate, well and site, and whole paths."""
    if "well" not in frame and {"row", "column"} <= set(frame):
        places = frame["row"] + " " + frame["column"]
        frame["well"] = places.map(_on_unique(places, _of_place))
    frame["well"] = frame["well"].map(_on_unique(frame["well"], well_name)) if "well" in frame else well
    if "plate" not in frame:
        frame["plate"] = plate or _plates(frame["path"], naming, folder)
    frame["plate"] = frame["plate"].map(_plate_names(frame["plate"], folder))
    frame["site"] = frame["site"].fillna("1") if "site" in frame else "1"
    if naming.numbered:
        frame["site"] = frame["site"].map(_on_unique(frame["site"], lambda site: str(int(site))))
    else:
        frame["site"] = frame["site"].map(_alike_numbers(frame["site"]))
    if "channel" in frame:
        frame["channel"] = frame["channel"].fillna("w1")
    base = str(Path(folder))
    return frame.assign(path=frame["path"] if base == "." else f"{base}/" + frame["path"])


def _alike_numbers(sites: pd.Series) -> dict[str, str]:
    """Every site by one spelling: 01 is 1 where both occur."""
    found = set(sites.unique())
    return {site: bare if (bare := site.lstrip("0")) in found and site.isdecimal() else site for site in found}


def _on_unique(values: pd.Series, function) -> dict:
    """What `function` makes of each of the few different `values`."""
    return {value: function(value) for value in values.unique()}


def _of_place(place: str) -> str:
    """The well of a row and a column, with a blank between them."""
    row, _, column = place.rpartition(" ")
    return of_row_and_column(row, column) or (f"r{row}c{column}" if row.isdecimal() else row + column)


def _plates(paths: pd.Series, naming: Naming, folder: str) -> pd.Series:
    """Every file's plate: with a preset the folder that holds it, else the folder that holds all images."""
    root = Path(folder).absolute().resolve() if folder in (".", "..") else Path(folder).absolute()
    if not naming.numbered:
        return pd.Series(root.name, index=paths.index)
    below = pd.Series([path.rpartition("/")[0] for path in paths.to_numpy(object)], paths.index)
    return below.map(_on_unique(below, lambda inner: naming.plate_of((root / inner).as_posix())))


def plate_name(name: str) -> str:
    """The name of a plate as a folder can be called: blanks and other signs become `_`."""
    return re.sub(r"[^A-Za-z0-9.+_-]+", "_", name).lstrip("._+-") or "plate"


def _plate_names(plates: pd.Series, folder: str) -> dict[str, str]:
    """The name that every plate of the files gets; InputError if two of them would have the same."""
    called = _on_unique(plates, plate_name)
    for name in set(called.values()):
        same = [plate for plate in called if called[plate] == name]
        if len(same) > 1:
            edit = "rename the folders or files: names of plates hold letters, digits and . + - _ alone"
            raise InputError(
                "plates of different names", f"{' and '.join(map(repr, same[:2]))}, both {name}", folder, edit
            )
    return called


def _known_channels(frame: pd.DataFrame, channels: list[str], names: dict, where: str, say) -> pd.DataFrame:
    """The files of our channels, by their names, without those of others; InputError if there are none of one."""
    spelt = {str(raw): name for raw, name in names.items()}
    found = sorted(frame["channel"].unique(), key=listing.natural)
    called = {raw: spelt.get(raw, raw) for raw in found}
    spelt |= {raw: name for raw in found for name in channels if raw not in spelt and raw.casefold() == name.casefold()}
    called |= {raw: spelt[raw] for raw in found if raw in spelt}
    free = [raw for raw in found if raw not in spelt]
    called |= reported(match([name for name in channels if name not in called.values()], free), where, say)
    unknown = [raw for raw in found if called[raw] not in channels]
    absent = [channel for channel in channels if channel not in called.values()]
    if absent:
        raise _absent(absent, called, names, where)
    frame = frame.assign(channel=frame["channel"].map(called))
    if not unknown:
        return frame
    say(f"{where}: channels that are not used: {', '.join(unknown)}")
    return frame[frame["channel"].isin(channels)]


def _absent(absent: list[str], called: dict[str, str], names: dict, where: str) -> InputError:
    files = ", ".join(f"{raw} ({name})" if name != raw else raw for raw, name in called.items())
    free = [raw for raw, name in called.items() if raw == name]
    example = ", ".join(f"{_quoted(raw)}: ..." for raw in free)
    edit = (
        f"write `names: {{{example}}}` with {', '.join(absent)} in the place of the dots"
        if free
        else "channels of the dataset"
    )
    where = f"{where}.names" if names else where
    found = f"none of {', '.join(absent)}; the files have {files}"
    return InputError("files of every channel", found, where, edit)


def _quoted(raw: str) -> str:
    """As YAML needs it to be text."""
    return raw if re.fullmatch(r"[A-Za-z][\w-]*", raw) else f'"{raw}"'


def _once(frame: pd.DataFrame, folder: str) -> pd.DataFrame:
    """The same; InputError if two files are the same channel of the same field."""
    key = [*FIELD, "channel"]
    again = frame.duplicated(key).to_numpy()
    if not again.any():
        return frame
    second = frame.iloc[int(np.argmax(again))]
    same = (frame[key] == second[key]).all(axis=1).to_numpy()
    first = frame.iloc[int(np.argmax(same))]
    of = ", ".join(f"{name} {second[name]}" for name in key if second[name])
    found = f"{first['path']} and {second['path']}, both {of}" + (
        f" ({again.sum()} such files)" if again.sum() > 1 else ""
    )
    edit = "a narrower folder, or a group more in the pattern ({z} planes? {t} times? {plate}?)"
    raise InputError("one file per plate, well, site and channel", found, folder, edit)


def _wide(frame: pd.DataFrame, channels: list[str]) -> pd.DataFrame:
    """A row per field, and a column of paths per channel; "" where there is no file."""
    wide = frame.pivot(index=FIELD, columns="channel", values="path").reset_index()
    return wide.rename_axis(columns=None).fillna("").reindex(columns=[*FIELD, *channels], fill_value="")
