"""Where the picture of one channel of one field lies: a file, or a plane of a file, or several files of z-planes.

Images tables hold references as text: `a.tif`; `field.ome.tif [c=2]`; `z1.tif | z2.tif | z3.tif [z=max]`;
`plate.zarr/B/03/0 [c=0, z=max]`; `cells.npy [item=17, c=1]`. A name that is a file as it stands is that file.
"""

import re
from dataclasses import dataclass, fields
from pathlib import Path

from wellread.runtime.errors import InputError

BAR = " | "
PROJECTIONS = {"max": "the maximum", "focus": "the sharpest"}  # of z-planes: what it takes of them
COLOURS = ("red", "green", "blue")
PLACEHOLDERS = "{plate}, {well}, {site}, {field}, {stem}"
KEYS = re.compile(r"^(?P<files>.*\S) ?\[(?P<keys>\w+=[^\[\],]+(?:, ?\w+=[^\[\],]+)*)\]$", re.DOTALL)


@dataclass(frozen=True)
class Reference:
    """One plane (H, W) of one file, or a projection of several.

    `files`: a path, or several, z-planes from bottom to top. `c`, `t`, `item`: numbers from 0 of a channel, a time, a
    crop in a stack of them. `z`: the number of a plane, or `max` (brightest pixels) or `focus` (sharpest plane).
    `tile`: "2/5" is the third of five pictures side by side, from the left. `axes`: what the dimensions of a file are
    that does not say so itself, such as ZCYX. `rgb`: red, green or blue, of a colour picture. `name`: an array in NPZ.
    """

    files: tuple[str, ...]
    c: int | None = None
    z: int | str | None = None
    t: int | None = None
    item: int | None = None
    tile: str = ""
    axes: str = ""
    rgb: str = ""
    name: str = ""

    def __str__(self) -> str:
        """The reference as an images table holds it; `parse` reads it."""
        given = {f.name: value for f in fields(self)[1:] if (value := getattr(self, f.name)) not in (None, "")}
        keys = ", ".join(f"{key}={value}" for key, value in given.items())
        return BAR.join(self.files) + (f" [{keys}]" if keys else "")

    @property
    def path(self) -> Path:
        """The first file."""
        return Path(self.files[0])


def parse(text: str) -> Reference:
    """The reference that `text` is; InputError for keys that there are not. Nothing is opened."""
    text = str(text)
    match = KEYS.match(text)
    if not match or Path(text).exists():
        return Reference(_files(text))
    listed = [pair.strip().split("=", 1) for pair in match["keys"].split(",")]
    pairs = dict(listed)
    if len(pairs) < len(listed):
        raise InputError("every key of an image once", match["keys"], text, "the images table")
    known = [field.name for field in fields(Reference)[1:]]
    if unknown := [key for key in pairs if key not in known]:
        raise InputError(f"the keys {', '.join(known)} of an image", ", ".join(unknown), text, "the images table")
    return Reference(_files(match["files"]), **{key: _value(key, value, text) for key, value in pairs.items()})


def _files(text: str) -> tuple[str, ...]:
    return (text,) if BAR not in text or Path(text).exists() else tuple(text.split(BAR))


def _value(key: str, value: str, text: str):
    if key == "axes":
        return value.upper()
    if key in ("tile", "rgb", "name") or (key == "z" and value in PROJECTIONS):
        return value
    if value.isdecimal():
        return int(value)
    wanted = "a whole number" + (f", or {' or '.join(PROJECTIONS)}," if key == "z" else "")
    raise InputError(f"{wanted} for {key}", value, text, "the images table")


def path_of(pattern: str, metadata: dict) -> Path:
    """The path of a field by a pattern such as masks/{plate}/{well}_{site}.png; InputError for other placeholders.

    `metadata` is `Plate.metadata` of the field: `{field}` is the number of the field within its plate from 0, `{stem}`
    the name of its first channel's file without the extension.
    """
    try:
        return Path(pattern.format(**metadata))
    except (KeyError, IndexError, ValueError) as error:
        edit = f"use only {PLACEHOLDERS}"
        raise InputError("a pattern of paths", f"{pattern} ({error!r})", "the path of label images", edit) from None
