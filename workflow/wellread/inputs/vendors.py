"""How microscopes name their files: a preset for each, and the same from a glob such as `{plate}/{well}_{channel}.tif`.

A `Naming` matches all of a path below the folder of the images, with the groups well (or row and column), channel,
site, plate, z (plane) and t (time).
"""

import re
import warnings
from dataclasses import dataclass
from functools import cached_property
from pathlib import PurePosixPath

PICTURE = re.compile(r".*\.(tiff?|png|jpe?g|bmp|flex|stk|c01|dib|npy|npz)", re.IGNORECASE)


@dataclass(frozen=True)
class Naming:
    """A way to name files. `shown` is how the config says it; `ignored`: files that lie beside the fields by design.

    `steps`: pairs of the regex of a beginning of the name and of what is left of `shown`, from short to long.
    `inner`: folders that are parts of a plate, below the one that is called like it. `cut`: what follows the plate in
    the name of its folder.
    """

    regex: str
    shown: str
    ignored: str = "(?!)"
    inner: str = "(?!)"
    cut: str = "(?!)"
    numbered: bool = False  # sites are numbers, zeros before them mean nothing
    steps: tuple[tuple[str, str], ...] = ()

    @cached_property
    def compiled(self) -> re.Pattern:
        return re.compile(self.regex)

    @property
    def groups(self) -> set[str]:
        """The names of its groups."""
        return set(self.compiled.groupindex)

    def plate_of(self, folder: str) -> str:
        """The name of the plate whose files lie in `folder`, from the names of folders."""
        parts = list(PurePosixPath(folder).parts)
        while len(parts) > 1 and re.fullmatch(self.inner, parts[-1], re.IGNORECASE):
            parts.pop()
        return re.sub(self.cut, "", parts[-1] if parts else "")

    def stop(self, name: str) -> tuple[int, str]:
        """How many characters of `name` fit the longest beginning that fits, and what of `shown` comes next."""
        best = (0, self.shown)
        for beginning, rest in self.steps or _prefixes(self.regex):
            if match := re.match(beginning, name):
                best = (match.end(), rest)
        return best


def _prefixes(regex: str):
    """The beginnings of a regex that are regexes, and what follows each."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for end in range(1, len(regex) + 1):
            try:
                re.compile(regex[:end])
            except re.error:
                continue
            yield regex[:end], regex[end:]


WELL = r"(?P<well>(?:[A-Pa-p]|[Aa][A-Fa-f])\d{1,2})"
DIRECTORY = r"(?:[^/]+/)*?"
PRESETS = {
    "imagexpress": Naming(
        DIRECTORY + r"(?:TimePoint_(?P<t>\d+)/)?(?:ZStep_(?P<z>\d+)/)?"
        r"(?:[^/]*_)?" + WELL + r"(?:_s(?P<site>\d+))?"
        r"(?:_(?P<channel>w\d+?)(?:[0-9A-Fa-f]{8}(?:-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12})?)?\.(?i:tiff?|png)",
        "[TimePoint_1/][ZStep_1/]NAME_A01_s1_w1.tif",
        ignored=r"(?i).*_thumb[^/]*",
        inner=r"(TimePoint|ZStep)_\d+",
        numbered=True,
    ),
    "opera": Naming(
        DIRECTORY + r"r(?P<row>\d+)c(?P<column>\d+)f(?P<site>\d+)p(?P<z>\d+)"
        r"-(?P<channel>ch\d+)(?:sk(?P<t>\d+)fk\d+fl\d+)?\.(?i:tiff?|png)",
        "[Images/]r01c01f01p01-ch1sk1fk1fl1.tiff",
        inner=r"images",
        cut=r"__.*",
        numbered=True,
    ),
    "cv8000": Naming(
        DIRECTORY + r"[^/]*_" + WELL + r"_T(?P<t>\d+)F(?P<site>\d+)L\d+A\d+Z(?P<z>\d+)"
        r"(?P<channel>C\d+)\.(?i:tiff?|png)",
        "NAME_A01_T0001F001L01A01Z01C01.tif",
        ignored=r"(?i)(.*/)?(DC|SC)_[^/]*",
        numbered=True,
    ),
}
GROUPS = {  # of a glob: what may stand there, the usual first
    "plate": r"[^/]+?",
    "well": r"[A-Za-z]{1,2}[- ]?\d{1,2}|[rR]\d+[cC]\d+|[^/]+?",
    "row": r"[A-Za-z]{1,2}|\d{1,2}",
    "column": r"\d{1,2}",
    "site": r"\d+|[^/]+?",
    "channel": r"[^/]+?",
    "z": r"\d+",
    "t": r"\d+",
}
TOKEN = re.compile(r"\{(\w+)\}|(\*\*/)|(\*)|(\?)|([^{*?]|\{)")


def of_glob(glob: str) -> Naming:
    """The naming that a glob means; KeyError for a placeholder that there is not."""
    regex, steps, seen = "", [], set()
    for token in TOKEN.finditer(glob):
        regex += _piece(token, seen)
        steps.append((regex, glob[token.end() :]))
    return Naming(regex, glob, steps=tuple(steps))


def _piece(token: re.Match, seen: set[str]) -> str:
    name, folders, star, one, text = token.groups()
    if name in seen:
        return f"(?P={name})"
    if name:
        seen.add(name)
        return f"(?P<{name}>{GROUPS[name]})"
    return DIRECTORY if folders else "[^/]*?" if star else "[^/]" if one else re.escape(text)


def that_fit(names: list[str]) -> list[str]:
    """The presets that fit most of the pictures among `names`, or of the first hundred of them."""
    pictures = [name for name in names if PICTURE.fullmatch(name)][:100]
    return [
        name
        for name, naming in PRESETS.items()
        if pictures and 2 * sum(bool(naming.compiled.fullmatch(one)) for one in pictures) > len(pictures)
    ]
