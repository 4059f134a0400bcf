"""What the names of image files say, guessed from all of them together: a glob for the source `pattern`.

A path is cut into places: every folder is one, and every word of the file's name. A place holds a column of words, one
per file, and has a kind: well (or row and column), channel, site, plate, z (plane) or t (time).
"""

import re
from collections import Counter
from typing import NamedTuple

from wellread.inputs.channels import kind
from wellread.preview.words import CHANNELS, COLUMN, KINDS, NUMBERED, ROW, WELL, well_like

SEPARATORS = re.compile(r"([^A-Za-z0-9]+)")
MOST = 0.8  # share of the files that one form of names must have


class Parts(NamedTuple):
    """Paths of one form, cut: `texts`, a column of words per place, and the text between it and the next one.

    `folders`: how many of the places are folders; `start`: what the glob begins with.
    """

    texts: list[list[str]]
    separators: list[str]
    folders: int
    start: str


def glob_of(names: list[str]) -> tuple[str, list[str]]:
    """A glob with {well} (or {row} and {column}), {channel}, {site}, {plate}, {z} and {t}; the channels in the names.

    `names` are paths of image files below a folder. "" if no place in most of them holds a well. Where files that
    differ by their channel alone have no well in their names, what else tells files apart is taken for it.
    """
    parts = _parts(names)
    kinds = _kinds(parts) if parts else {}
    if not {"well", "row"} & set(kinds.values()):
        return "", []
    channel = next((place for place, what in kinds.items() if what == "channel"), None)
    found = sorted(set(parts.texts[channel])) if channel is not None else []
    return _glob(parts, kinds), found


def _parts(names: list[str]) -> Parts | None:
    """The paths of the most common form, cut; None if that is not the form of most of them."""
    level = len({name.count("/") for name in names}) == 1
    cut = {name: (name.split("/")[:-1] if level else [], _words(name)) for name in names}
    form, n = Counter(tuple(words[1::2]) for _, words in cut.values()).most_common(1)[0]
    if n < MOST * len(cut):
        return None
    rows = [[*folders, *words[::2]] for folders, words in cut.values() if tuple(words[1::2]) == form]
    folders = names[0].count("/") if level else 0
    return Parts(
        [list(column) for column in zip(*rows, strict=True)], ["/"] * folders + list(form), folders,
        "" if level else "**/",
    )  # fmt: skip


def _words(name: str) -> list[str]:
    """The words of a file's name and the separators between them, in turn, without its ending."""
    return SEPARATORS.split(name.rpartition("/")[2].rpartition(".")[0])


def _kinds(parts: Parts) -> dict[int, str]:
    """What stands at every place that is known."""
    found = _places_of_wells(parts)
    free = [place for place in range(len(parts.texts)) if place not in found]
    channel = _place_of_channels(parts, free)
    found |= {channel: "channel"} if channel is not None else {}
    for what in ("z", "t", "site"):
        _add(found, parts, what, [place for place in free if all(map(KINDS[what].fullmatch, parts.texts[place]))])
    if not {"well", "row"} & set(found.values()):
        if channel is None or len(set(parts.texts[channel])) == 1:
            return {}
        _add(found, parts, "well", [*range(parts.folders, len(parts.texts)), *reversed(range(parts.folders))])
    if not {"well", "row"} & set(found.values()):
        return {}
    first = min(place for place, what in found.items() if what in ("well", "row"))
    _add(found, parts, "plate", [place for place in free if place < max(first, parts.folders)])
    _add(found, parts, "site", free)
    return found


def _add(found: dict[int, str], parts: Parts, what: str, places: list[int]) -> None:
    """Add to what is found the first of the places that tells apart files which agree in the others."""
    if what in found.values():
        return
    known = [parts.texts[place] for place in found]
    for place in places:
        if place not in found and _tells_apart(parts.texts[place], known):
            found[place] = what
            return


def _places_of_wells(parts: Parts) -> dict[int, str]:
    """The place most like wells; else a row and, beside it, a column."""
    places = [place for place, column in enumerate(parts.texts) if all(map(WELL.fullmatch, column))]
    if places:
        return {max(places, key=lambda place: well_like(parts.texts[place])): "well"}
    for place in range(parts.folders, len(parts.texts) - 1):
        if all(map(ROW.fullmatch, parts.texts[place])) and all(map(COLUMN.fullmatch, parts.texts[place + 1])):
            return {place: "row", place + 1: "column"}
    return {}


def _place_of_channels(parts: Parts, free: list[int]) -> int | None:
    """The first place that names several channels; else the first in the names of files that names one."""
    places = [place for place in free if _is_channel(parts.texts[place])]
    several = [place for place in places if len(set(parts.texts[place])) > 1]
    return next(iter([*several, *(place for place in places if place >= parts.folders)]), None)


def _is_channel(column: list[str]) -> bool:
    """Whether a place names channels: stains, or numbers after a word for channels, each as often as the others."""
    counts = Counter(column)
    named = all(kind(word) or NUMBERED.fullmatch(word) for word in counts)
    return named and len(counts) <= CHANNELS and max(counts.values()) <= 2 * min(counts.values())


def _tells_apart(column: list[str], known: list[list[str]]) -> bool:
    """Whether a place holds several words in files that agree in all that is known of them."""
    pairs = set(zip(column, *known, strict=True))
    return len(pairs) > (len(set(zip(*known, strict=True))) if known else 1)


def _glob(parts: Parts, kinds: dict[int, str]) -> str:
    glob = parts.start
    for place, column in enumerate(parts.texts):
        glob += _group(column, kinds[place]) if place in kinds else column[0] if len(set(column)) == 1 else "*"
        glob += parts.separators[place] if place < len(parts.separators) else ""
    return f"{glob}.*"


def _group(column: list[str], what: str) -> str:
    """The group of a place; planes and times are numbers, with a word before them."""
    return re.sub(r"\d.*", "", column[0]) + f"{{{what}}}" if what in ("z", "t") else f"{{{what}}}"
