"""The columns of a table of the user's by the names that we know them by."""

import re

import pandas as pd

from wellread.inputs import cleaning, well_names
from wellread.runtime.errors import InputError

RESERVED = ("site", "crop_row", "object_count", "replicates", "control_use")  # columns that profiles have of their own
FEATURES = "emb_"  # how the columns of profiles' features begin


def named(frame: pd.DataFrame, columns: dict, kind: str, where: str, kept) -> pd.DataFrame:
    """The table with our names of known columns, whatever their case and with or without Metadata_ before them."""
    names = {name: name if name in kept else _our_name(str(name), columns, kind) for name in frame}
    if kind == "images":  # further columns mean nothing there
        names = {name: name if ours in frame else ours for name, ours in names.items()}
    for ours in dict.fromkeys(names.values()):
        theirs = [name for name, our in names.items() if our == ours]
        if len(theirs) > 1:
            found = (
                f"{' and '.join(theirs)}, which both mean {ours}"
                if len(theirs) == 2
                else f"{', '.join(theirs)}, which all mean {ours}"
            )
            raise InputError("every column once", found, f"{where}, header", "rename or remove all but one of them")
    if kind == "wells":
        _refuse_alike(frame.rename(columns=names), where)
    if kind == "wells" and (taken := [name for name, ours in names.items() if is_reserved(ours)]):
        edit = "; ".join(f"rename {name}, to {_free_name(names[name])} for example" for name in taken)
        found = f"the column {', '.join(taken)}"
        expected = f"columns not called {', '.join(RESERVED)} or {FEATURES}..., which profiles have of their own"
        raise InputError(expected, found, f"{where}, header", edit)
    return frame.rename(columns=names)


def _refuse_alike(frame: pd.DataFrame, where: str) -> None:
    """InputError for columns one of which may be asked for by the name of another, though they say other things."""
    alike: dict[str, list[str]] = {}
    for name in frame:
        alike.setdefault(_lower(str(name)), []).append(name)
    for several in (group for group in alike.values() if len(group) > 1):
        if all(frame[several[0]].equals(frame[name]) for name in several[1:]):
            continue
        found = f"{' and '.join(several)}, which differ only by case or blanks"
        raise InputError("every column once", found, f"{where}, header", "rename or remove all but one of them")


def _lower(name: str) -> str:
    return re.sub(r"[\s.-]+", "_", name.casefold())


def _our_name(name: str, columns: dict, kind: str) -> str:
    bare = _bare(name)
    lower = bare.casefold()
    if lower in columns or lower == "dose_unit":
        return lower
    return bare if kind == "wells" and bare else name


def _bare(name: str) -> str:
    return re.sub("^(image_)?metadata_", "", name, flags=re.IGNORECASE)


def is_reserved(name: str) -> bool:
    """Whether profiles have a column of this name of their own."""
    lower = _lower(name)
    return lower in RESERVED or lower.startswith(FEATURES)


def _free_name(name: str) -> str:
    return f"my_{re.sub('[^a-z0-9]+', '_', name.casefold())}"


def with_wells(frame: pd.DataFrame, where: str) -> pd.DataFrame:
    """The table with a column well made from row and column, if it has these instead."""
    given = {_bare(str(name)).casefold(): name for name in frame}
    row, column = given.get("row"), given.get("column", given.get("col"))
    if "well" in frame or row is None or column is None:
        return frame
    pairs = pd.Series(list(zip(cleaning.text(frame[row]), cleaning.text(frame[column]), strict=True)), frame.index)
    found = {pair: well_names.of_row_and_column(*pair) for pair in pairs.unique()}
    wells = pairs.map(found)
    if (wells == "").any():
        bad = (wells == "").idxmax()
        edit = "give rows as letters or numbers from 1, columns as numbers from 1, or a column well"
        found = f"row {pairs[bad][0]!r}, column {pairs[bad][1]!r}"
        raise InputError("the row and column of a well", found, f"{where}, row {bad + 2}", edit)
    return frame.drop(columns=[row, column]).assign(well=wells)
