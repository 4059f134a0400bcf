"""Folders that hold data sets of several kinds: a config is made of each."""

from collections import defaultdict

from wellread.inputs import vendors
from wellread.preview.names import glob_of
from wellread.runtime.errors import InputError


def forms(pictures: list[str]) -> dict[str, str]:
    """How files are named below every folder of the first level: a preset, a glob, or ""; {} with files beside them.

    `pictures` are paths of image files below the folder that holds all.
    """
    inside = defaultdict(list)
    for name in pictures:
        top, _, rest = name.partition("/")
        inside[top if rest else ""].append(rest)
    if "" in inside or len(inside) < 2:
        return {}
    return {top: next(iter(vendors.that_fit(names)), "") or glob_of(names)[0] for top, names in inside.items()}


def refuse(folder: str, pictures: list[str], preset: str, understood: bool) -> None:
    """InputError if folders of the first level have names of other kinds than the `preset` that fits most files.

    If no names are understood, it is one if those of a folder alone are.
    """
    found = forms(pictures)
    others = {top: form for top, form in found.items() if form in vendors.PRESETS and form != preset}
    if others if understood and preset else not understood and any(found.values()):
        kinds = "; ".join(f"{top} as {form or 'nothing known'}" for top, form in list(found.items())[:4])
        edit = f"one of these folders at a time: make config FOLDER={folder}/{next(iter(found))}"
        raise InputError("files that are named in one way", f"named in several: {kinds}", folder, edit)
