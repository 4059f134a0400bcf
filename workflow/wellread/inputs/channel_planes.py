"""Files that hold all channels of a field: which plane of a file is which channel.

One file of every plate is opened, at planning; the others of the plate are taken to be like it, and when they are read
a file that is not is told.
"""

import logging
import math
import re
from collections.abc import Callable
from dataclasses import dataclass, replace

import pandas as pd

from wellread.inputs import decode, listing
from wellread.inputs.channels import match, reported
from wellread.inputs.description import Description
from wellread.inputs.formats import BadField
from wellread.inputs.references import COLOURS, PROJECTIONS, Reference
from wellread.runtime.errors import InputError

log = logging.getLogger("wellread")
GENERIC = re.compile(r"(channel|chan|ch|c|w)?[\s:_#-]*\d+([\s:_-]*\d+)*|", re.IGNORECASE)


@dataclass(frozen=True)
class Inside:
    """What the config says of the inside of files: options of the source, and its key, for errors.

    `names`: what a channel is called in the file (or c0, c1, ... by its place) -> its name; `z`, `time`, `rgb` and
    `axes` as in the config. `say` is told what was taken for granted.
    """

    names: dict
    z: int | str
    time: int | str
    rgb: dict
    axes: str
    where: str
    say: Callable[[str], None] = log.info


def with_channels(
    frame: pd.DataFrame, channels: list[str], inside: Inside, items: pd.Series | None = None
) -> pd.DataFrame:
    """`frame` (with plate and path) with a column of references per channel in the place of its path.

    `items`: the number of every row's picture within its file, where a file holds several.
    """
    firsts = frame[frame["path"] != ""].drop_duplicates("plate").set_index("plate")["path"]
    keys = {}
    for plate, path in firsts.items():
        found = header(path, inside.where)
        one = _of_items(found, inside) if items is not None else (_alone(found, path, inside), inside, "")
        keys[plate] = planes(one[0], path, channels, *one[1:])
    columns = {c: frame["plate"].map({plate: own[c] for plate, own in keys.items()}).fillna("") for c in channels}
    if items is not None:
        start = " [item=" + items.astype(str)
        columns = {c: start + ends.map(lambda end: f", {end[2:]}" if end else "]") for c, ends in columns.items()}
    columns = {c: (frame["path"] + ends).where(frame["path"] != "", "") for c, ends in columns.items()}
    return frame.drop(columns="path").assign(**columns)


def _of_items(found: Description, inside: Inside) -> tuple[Description, Inside, str]:
    """The header of one picture of a stack of them, what is left to say of it, and the axes of the stack if needed."""
    axes = _checked_axes(found, inside)
    if len(axes) < 3:
        return found, inside, ""
    place = max(axes.find("I"), 0)
    rest, shape = (part[:place] + part[place + 1 :] for part in (axes, found.shape))
    stack = f"{axes[:place]}I{axes[place + 1 :]}"
    needed = stack if inside.axes or axes[place] not in "IQ" else ""
    return replace(found, axes=rest, shape=shape), replace(inside, axes=""), needed


def _alone(found: Description, path: str, inside: Inside) -> Description:
    """The header of a file; InputError if it is a stack of pictures."""
    if _size(found, "I") > 1 and not inside.axes:
        many = f"{_size(found, 'I')} pictures in {path}"
        raise InputError("one picture in a file", many, inside.where, "say which by a column `item` of the table")
    return found


def _checked_axes(found: Description, inside: Inside) -> str:
    """The axes that the config gives, else those of the file."""
    if inside.axes and len(inside.axes) != len(found.shape):
        expected = f"{len(found.shape)} axes for {' x '.join(map(str, found.shape))}"
        raise InputError(expected, inside.axes, f"{inside.where}.axes", "axes, such as ZCYX")
    return inside.axes or found.axes


def planes(found: Description, path: str, channels: list[str], inside: Inside, axes: str = "") -> dict[str, str]:
    """For every channel what follows the path in a reference, such as ` [c=1, z=max]`; `axes` to say there.

    InputError if the file does not say what its channels are, or has several times and none is asked for.
    """
    if inside.rgb:
        return _colours(channels, inside)
    found = _with_axes(found, channels, path, inside)
    if _size(found, "S") > 1:
        edit = f"write `rgb: {{{channels[0]}: blue}}`: which colour is which channel"
        raise InputError("grey pictures", f"{path} has colours", inside.where, edit)
    numbers = _numbers(found, channels, path, inside)
    common = {"z": _z(found, inside), "t": _t(found, path, inside), "axes": axes or inside.axes}
    return {c: str(Reference(("",), c=numbers[c], **common)) for c in channels}


def _colours(channels: list[str], inside: Inside) -> dict[str, str]:
    wrong = [f"{name}: {colour}" for name, colour in inside.rgb.items() if colour not in COLOURS]
    missing = [channel for channel in channels if channel not in inside.rgb]
    if wrong or missing:
        found = ", ".join(wrong or [f"none of {', '.join(missing)}"])
        raise InputError(f"{', '.join(COLOURS)} for every channel", found, f"{inside.where}.rgb", "rgb")
    return {channel: str(Reference(("",), rgb=inside.rgb[channel])) for channel in channels}


def _with_axes(found: Description, channels: list[str], path: str, inside: Inside) -> Description:
    """The header with the axes that the config gives, or with those that can be guessed without harm."""
    if inside.axes:
        return replace(found, axes=_checked_axes(found, inside))
    if found.meaning != "colour":
        found = replace(found, axes=found.axes.replace("S", "C"))
    if _size(found, "Q") > 1 and _size(found, "Q") != len(channels):
        many = f"{_size(found, 'Q')} pages in {path}, and it does not say what they are"
        edit = "give `axes`, such as CYX for channels or ZYX for planes"
        raise InputError(f"a page for each of {', '.join(channels)}", many, inside.where, edit)
    return found


def _numbers(found: Description, channels: list[str], path: str, inside: Inside) -> dict[str, int | None]:
    """The place of every channel in the file, by its name there, or by its place."""
    count = _size(found, "C") * _size(found, "Q")
    raw = found.channels if len(found.channels) == count else [""] * count
    called = {name: place for place, one in enumerate(raw) for name in (f"c{place}", one) if name}
    named = {name: called[str(one)] for one, name in inside.names.items() if str(one) in called}
    places = {c: named.get(c, called.get(c)) for c in channels}
    free = [one for place, one in enumerate(raw) if one and place not in places.values()]
    alike = reported(match([c for c in channels if places[c] is None], free), inside.where, inside.say)
    places |= {ours: called[theirs] for theirs, ours in alike.items()}
    if all(place is None for place in places.values()) and len(channels) == count and all(map(GENERIC.fullmatch, raw)):
        places = {channel: place for place, channel in enumerate(channels)}
    if absent := [channel for channel, place in places.items() if place is None]:
        held = ", ".join(f"c{place}" + f" ({one})" * bool(one) for place, one in enumerate(raw))
        names = ", ".join(f"c{place}: {channel}" for place, channel in zip(range(count), channels, strict=False))
        edit = f"write `names: {{{names}}}`, if that is what they are"
        raise InputError("every channel in the file", f"no {', '.join(absent)} in {path}: {held}", inside.where, edit)
    return places if count > 1 else dict.fromkeys(channels)


def _z(found: Description, inside: Inside) -> int | str | None:
    """The plane, or the projection of all of them; None for a file of one plane."""
    if _size(found, "Z") == 1:
        return None
    if isinstance(inside.z, int) and inside.z >= _size(found, "Z"):
        edit = f"z: 0 to {_size(found, 'Z') - 1}, max or focus"
        raise InputError(f"a plane {inside.z}", f"{_size(found, 'Z')} planes", f"{inside.where}.z", edit)
    if inside.z in ("", *PROJECTIONS):
        of = f"{PROJECTIONS[inside.z or 'max']} of {_size(found, 'Z')} planes in a file"
        inside.say(f"{inside.where}.z: taken of z-planes: {of}; max, focus or a number takes another")
    return "max" if inside.z == "" else inside.z


def _t(found: Description, path: str, inside: Inside) -> int | None:
    count = _size(found, "T")
    if count == 1:
        return None
    if inside.time == "":
        raise InputError("one time point", f"{count} times in {path}", inside.where, "write `time: 0` for the first")
    if int(inside.time) >= count:
        raise InputError(f"time {inside.time}", f"{count} times in {path}, from 0", f"{inside.where}.time", "time")
    return int(inside.time)


def header(path: str, where: str) -> Description:
    """What an image file, or a folder of Zarr, says of its pixels; InputError if it cannot be read."""
    listing.require(path, "an image file", where)
    try:
        return decode.describe(path)
    except BadField as error:
        expected = "a readable image as the first of its plate"
        raise InputError(expected, str(error), where, "the file, or leave it out") from error


def _size(found: Description, axis: str) -> int:
    """The length of an axis, or of all that are called so; 1 if there is none."""
    return math.prod(length for name, length in zip(found.axes, found.shape, strict=True) if name == axis)
