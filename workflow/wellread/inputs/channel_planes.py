"""Files that hold all channels of a field: which plane of a file is which channel.

One file of every plate is opened, at planning; the others of the plate are taken to be like it, and when they are read
a file that is not is told.
"""

import re
from dataclasses import dataclass, field
from pathlib import Path

import pandas as pd

from wellread.inputs import listing, zarr_metadata
from wellread.inputs.references import COLOURS, Reference
from wellread.runtime.errors import InputError

GENERIC = re.compile(r"(channel|chan|ch|c|w)?[\s:_#-]*\d+([\s:_-]*\d+)*|", re.IGNORECASE)


@dataclass(frozen=True)
class Header:
    """What a file says of its pixels: `axes` (T, C, Z, Y, X; S colours, Q not said), `shape`, names of `channels`."""

    axes: str
    shape: tuple[int, ...]
    channels: list[str] = field(default_factory=list)

    def size(self, axis: str) -> int:
        """The length of an axis, 1 if there is none."""
        return dict(zip(self.axes, self.shape, strict=True)).get(axis, 1)


@dataclass(frozen=True)
class Inside:
    """What the config says of the inside of files: options of the source, and its key, for errors.

    `names`: what a channel is called in the file (or c0, c1, ... by its place) -> its name; `z`, `time`, `rgb` and
    `axes` as in the config.
    """

    names: dict
    z: int | str
    time: int | str
    rgb: dict
    axes: str
    where: str


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
        keys[plate] = planes(_one_item(found, path, items is not None, inside), path, channels, inside)
    columns = {c: frame["plate"].map({plate: own[c] for plate, own in keys.items()}).fillna("") for c in channels}
    if items is not None:
        start = " [item=" + items.astype(str)
        columns = {c: start + ends.map(lambda end: f", {end[2:]}" if end else "]") for c, ends in columns.items()}
    columns = {c: (frame["path"] + ends).where(frame["path"] != "", "") for c, ends in columns.items()}
    return frame.drop(columns="path").assign(**columns)


def _one_item(found: Header, path: str, several: bool, inside: Inside) -> Header:
    """The header of one picture of a file that may hold `several`."""
    place = found.axes.find("I") if "I" in found.axes else 0
    if inside.axes:
        return found
    if several and len(found.shape) > 2:
        return Header(found.axes[:place] + found.axes[place + 1 :], found.shape[:place] + found.shape[place + 1 :])
    if found.size("I") > 1:
        many = f"{found.size('I')} pictures in {path}"
        raise InputError("one picture in a file", many, inside.where, "say which by a column `item` of the table")
    return found


def planes(found: Header, path: str, channels: list[str], inside: Inside) -> dict[str, str]:
    """For every channel what follows the path in a reference, such as ` [c=1, z=max]`.

    InputError if the file does not say what its channels are, or has several times and none is asked for.
    """
    if inside.rgb:
        return _colours(channels, inside)
    found = _with_axes(found, channels, path, inside)
    if found.size("S") > 1:
        edit = f"write `rgb: {{{channels[0]}: blue}}`: which colour is which channel"
        raise InputError("grey pictures", f"{path} has colours", inside.where, edit)
    numbers = _numbers(found, channels, path, inside)
    common = {"z": _z(found, inside), "t": _t(found, path, inside), "axes": inside.axes}
    return {c: str(Reference(("",), c=numbers[c], **common)) for c in channels}


def _colours(channels: list[str], inside: Inside) -> dict[str, str]:
    wrong = [f"{name}: {colour}" for name, colour in inside.rgb.items() if colour not in COLOURS]
    missing = [channel for channel in channels if channel not in inside.rgb]
    if wrong or missing:
        found = ", ".join(wrong or [f"none of {', '.join(missing)}"])
        raise InputError(f"{', '.join(COLOURS)} for every channel", found, f"{inside.where}.rgb", "rgb")
    return {channel: str(Reference(("",), rgb=inside.rgb[channel])) for channel in channels}


def _with_axes(found: Header, channels: list[str], path: str, inside: Inside) -> Header:
    """The header with the axes that the config gives, or with those that can be guessed without harm."""
    if inside.axes:
        if len(inside.axes) != len(found.shape):
            expected = f"{len(found.shape)} axes for {' x '.join(map(str, found.shape))}, as {path} has"
            raise InputError(expected, inside.axes, f"{inside.where}.axes", "axes, such as ZCYX")
        return Header(inside.axes, found.shape, found.channels)
    if found.size("Q") > 1 and found.size("Q") != len(channels):
        many = f"{found.size('Q')} pages in {path}, and it does not say what they are"
        edit = "give `axes`, such as CYX for channels or ZYX for planes"
        raise InputError(f"a page for each of {', '.join(channels)}", many, inside.where, edit)
    return found


def _numbers(found: Header, channels: list[str], path: str, inside: Inside) -> dict[str, int | None]:
    """The place of every channel in the file, by its name there, or by its place."""
    count = found.size("C") * found.size("Q")
    raw = found.channels if len(found.channels) == count else [""] * count
    called = {name: place for place, one in enumerate(raw) for name in (f"c{place}", one) if name}
    named = {name: called[str(one)] for one, name in inside.names.items() if str(one) in called}
    places = {c: named.get(c, called.get(c)) for c in channels}
    if all(place is None for place in places.values()) and len(channels) == count and all(map(GENERIC.fullmatch, raw)):
        places = {channel: place for place, channel in enumerate(channels)}
    if absent := [channel for channel, place in places.items() if place is None]:
        held = ", ".join(f"c{place}" + f" ({one})" * bool(one) for place, one in enumerate(raw))
        names = ", ".join(f"c{place}: {channel}" for place, channel in zip(range(count), channels, strict=False))
        edit = f"write `names: {{{names}}}`, if that is what they are"
        raise InputError("every channel in the file", f"no {', '.join(absent)} in {path}: {held}", inside.where, edit)
    return places if count > 1 else dict.fromkeys(channels)


def _z(found: Header, inside: Inside) -> int | str | None:
    """The plane, or the projection of all of them; None for a file of one plane."""
    if found.size("Z") == 1:
        return None
    if isinstance(inside.z, int) and inside.z >= found.size("Z"):
        edit = f"z: 0 to {found.size('Z') - 1}, max or focus"
        raise InputError(f"a plane {inside.z}", f"{found.size('Z')} planes", f"{inside.where}.z", edit)
    return "max" if inside.z == "" else inside.z


def _t(found: Header, path: str, inside: Inside) -> int | None:
    count = found.size("T")
    if count == 1:
        return None
    if inside.time == "":
        raise InputError("one time point", f"{count} times in {path}", inside.where, "write `time: 0` for the first")
    if int(inside.time) >= count:
        raise InputError(f"time {inside.time}", f"{count} times in {path}, from 0", f"{inside.where}.time", "time")
    return int(inside.time)


def header(path: str, where: str) -> Header:
    """What a picture file, or an array file, says of its pixels; InputError if it cannot be read."""
    listing.require(path, "an image file", where)
    if Path(path).is_dir():
        return _of_zarr(Path(path))
    try:
        return _header(Path(path))
    except Exception as error:  # every decoder has exceptions of its own for a damaged file
        found = f"{path} cannot be read ({error})"
        raise InputError(
            "a readable image of all channels as the first of its plate", found, where, "the file"
        ) from error


def _header(path: Path) -> Header:
    if path.suffix.lower() in (".npy", ".npz"):
        return _of_array(path)
    if path.suffix.lower() in (".tif", ".tiff"):
        return _of_tiff(path)
    from PIL import Image

    with Image.open(path) as picture:
        bands = len(picture.getbands()) if picture.mode != "P" else 1
        return Header("YXS" if bands > 2 else "YX", (picture.height, picture.width, *([bands] * (bands > 2))))


def _of_zarr(path: Path) -> Header:
    """An image of OME-Zarr: its axes, the shape of its largest level, and the labels of its channels."""
    said = zarr_metadata.attributes(path)
    image = said["multiscales"][0]
    axes = "".join((axis["name"] if isinstance(axis, dict) else axis)[0].upper() for axis in image["axes"])
    labels = [str(one.get("label", "")) for one in said.get("omero", {}).get("channels", [])]
    return Header(axes, zarr_metadata.shape(path / image["datasets"][0]["path"]), labels)


def _of_array(path: Path) -> Header:
    import numpy as np

    array = np.load(path, mmap_mode="r")
    shape = (array if path.suffix.lower() == ".npy" else array[array.files[0]]).shape
    return Header("ICYX"[-len(shape) :] if len(shape) == 4 else "QYX"[-len(shape) :], shape)


def _of_tiff(path: Path) -> Header:
    import tifffile

    with tifffile.TiffFile(path) as tiff:
        series = tiff.series[0]
        axes = "".join("Q" if axis not in "TCZYXS" else axis for axis in series.axes)
        return Header(axes, series.shape, _ome_channels(tiff.ome_metadata))


def _ome_channels(xml: str | None) -> list[str]:
    """The names of the channels of the first picture of OME's description of a file."""
    import xml.etree.ElementTree as tree

    if not xml:
        return []
    pixels = tree.fromstring(xml).find(".//{*}Pixels")
    return [] if pixels is None else [channel.get("Name") or "" for channel in pixels.findall("{*}Channel")]
