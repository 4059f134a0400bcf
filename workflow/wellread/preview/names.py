"""What the names of image files say, guessed from all of them together: a glob for the source `pattern`."""

import re
from collections import Counter
from itertools import pairwise
from typing import NamedTuple

from wellread.inputs.channels import kind

SEPARATORS = re.compile(r"([^A-Za-z0-9]+)")
WELL = re.compile(r"[A-P]\d{1,2}", re.IGNORECASE)
ROW, COLUMN = re.compile(r"[A-P]", re.IGNORECASE), re.compile(r"0?[1-9]|1\d|2[0-4]")
NUMBERED = re.compile(r"(channel|chan|ch|wavelength|w|c)\d{1,2}", re.IGNORECASE)
MOST, CHANNELS = 0.8, 12  # share of the files that one form of names must have; channels at most


class Parts(NamedTuple):
    """Names of one form, cut at their separators: `texts`, a column of words per place, and the `separators`."""

    names: list[str]
    texts: list[list[str]]
    separators: list[str]


def glob_of(names: list[str]) -> tuple[str, list[str]]:
    """A glob with {well} (or {row} and {column}), {channel}, {site} and {plate}, and the channels in the names.

    `names` are paths of image files below a folder. "" if no place in most of them holds a well.
    """
    folders = {name.rpartition("/")[0] for name in names}
    parts = _parts([name.rpartition("/")[2] for name in names])
    if parts is None:
        return "", []
    kinds = _kinds(parts)
    if not {"well", "row"} & set(kinds.values()):
        return "", []
    channel = next((place for place, what in kinds.items() if what == "channel"), None)
    found = sorted(set(parts.texts[channel])) if channel is not None else []
    return _folder_glob(folders) + _name_glob(parts, kinds), found


def _parts(names: list[str]) -> Parts | None:
    """The names of the most common form, cut; None if that is not the form of most of them."""
    cut = {name: SEPARATORS.split(name.rpartition(".")[0]) for name in names}
    form, n = Counter(tuple(pieces[1::2]) for pieces in cut.values()).most_common(1)[0]
    if n < MOST * len(cut):
        return None
    kept = [name for name in names if tuple(cut[name][1::2]) == form]
    return Parts(kept, [list(column) for column in zip(*(cut[name][::2] for name in kept), strict=True)], list(form))


def _kinds(parts: Parts) -> dict[int, str]:
    """What stands at every place that is known: well, or row and column, channel, site."""
    found = _places_of_wells(parts.texts)
    free = [place for place in range(len(parts.texts)) if place not in found]
    if (channel := next((place for place in free if _is_channel(parts.texts[place])), None)) is not None:
        found[channel] = "channel"
    known = [parts.texts[place] for place in found]
    for place in free:
        if place not in found and _tells_apart(parts.texts[place], known):
            return found | {place: "site"}
    return found


def _places_of_wells(texts: list[list[str]]) -> dict[int, str]:
    for place, column in enumerate(texts):
        if all(map(WELL.fullmatch, column)):
            return {place: "well"}
    for place, (column, following) in enumerate(pairwise(texts)):
        if all(map(ROW.fullmatch, column)) and all(map(COLUMN.fullmatch, following)):
            return {place: "row", place + 1: "column"}
    return {}


def _is_channel(column: list[str]) -> bool:
    """Whether a place names channels: stains, or numbers after a word for channels, each as often as the others."""
    counts = Counter(column)
    named = all(kind(word) or NUMBERED.fullmatch(word) for word in counts)
    return named and len(counts) <= CHANNELS and max(counts.values()) <= 2 * min(counts.values())


def _tells_apart(column: list[str], known: list[list[str]]) -> bool:
    """Whether a place holds several words in files that agree in all that is known of them."""
    pairs = set(zip(column, *known, strict=True))
    return len(pairs) > len(set(zip(*known, strict=True)))


def _name_glob(parts: Parts, kinds: dict[int, str]) -> str:
    glob = ""
    for place, column in enumerate(parts.texts):
        alone = column[0] if len(set(column)) == 1 else "*"
        glob += f"{{{kinds[place]}}}" if place in kinds else alone
        glob += parts.separators[place] if place < len(parts.separators) else ""
    return f"{glob}.*"


def _folder_glob(folders: set[str]) -> str:
    """The folders of the files: what they share, {plate} where one level differs, else any."""
    levels = {tuple(folder.split("/")) if folder else () for folder in folders}
    if len({len(level) for level in levels}) > 1:
        return "**/"
    columns = [set(column) for column in zip(*levels, strict=True)]
    different = [len(column) > 1 for column in columns]
    if sum(different) > 1:
        return "**/"
    return "".join("{plate}/" if len(column) > 1 else f"{next(iter(column))}/" for column in columns)
