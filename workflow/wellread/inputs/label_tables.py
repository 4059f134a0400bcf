"""Tables of labels that are joined to a wells table by a column, such as that of compounds."""

import re

import pandas as pd

from wellread.inputs import cleaning, spreadsheets
from wellread.inputs.cleaning import examples, listed
from wellread.runtime.errors import InputError

COMPOUND = r"(BRD-[A-Z]\d{8})(?:-\d{3}.*)?"  # an id of a compound, or of a sample of it


def joined(frame: pd.DataFrame, section: dict, called: dict, key: str, say) -> pd.DataFrame:
    """The table with the columns of a table of labels, by the columns `by`; as many rows as before, in their order."""
    path = section["path"]
    frame, labels = (_without_prefix(one) for one in (frame, spreadsheets.read(path, f"{key}.path", say)))
    ours, theirs = _joining_columns(frame, labels, section["by"], called, f"{key}.by", str(path))
    wanted = _wanted_columns(frame, labels, theirs, section.get("columns"), f"{key}.columns")
    own, other = cleaning.text(frame[ours]), cleaning.text(labels[theirs])
    keys = _keys(own, set(other))
    rows = _keyed(labels[wanted], other, set(keys.values()) - {""})
    cells = rows.groupby("key", sort=False)[wanted].agg(_distinct)
    _report_join(own, keys, rows["key"], other, key, f"{path} by {theirs}", say)
    found = cells.reindex(own.map(keys)).fillna("").set_axis(frame.index)
    return frame.assign(**{name: found[name] for name in wanted})


def _without_prefix(frame: pd.DataFrame) -> pd.DataFrame:
    return frame.rename(columns=lambda name: re.sub("^Metadata_", "", name))


def _joining_columns(frame, labels, by, called: dict, key: str, path: str) -> tuple[str, str]:
    """The columns of wells and labels that `by` names; that of the wells in any case, or as it was called before."""
    ours, theirs = (
        re.sub("^Metadata_", "", name) for name in ((by, by) if isinstance(by, str) else next(iter(by.items())))
    )
    ours = called.get(ours, ours)
    ours = ours if ours in frame else next((name for name in frame if name.casefold() == ours.casefold()), ours)
    for column, table, where in ((ours, frame, key), (theirs, labels, path)):
        if column not in table:
            edit = "`by`: a column of both tables, or {column of wells: column of labels}"
            raise InputError(f"a column {column}", listed(table), where, edit)
    return ours, theirs


def _wanted_columns(frame, labels, theirs: str, columns, key: str) -> list[str]:
    """The columns of labels to add: those asked for, or all that the wells lack."""
    asked = [re.sub("^Metadata_", "", name) for name in columns or ()]
    wanted = asked or [name for name in labels if name != theirs and name not in frame]
    if absent := [name for name in wanted if name not in labels]:
        edit = "the names, as in the header of the table of labels"
        raise InputError(f"the columns {', '.join(absent)}", listed(labels), key, edit)
    if there := [name for name in wanted if name in frame]:
        raise InputError("columns that the wells lack", ", ".join(there), key, "leave them out, or rename them")
    return wanted


def _keys(own: pd.Series, theirs: set) -> dict[str, str]:
    """What a value of the wells is looked for by: itself, or its compound if it is a sample the labels do not have."""
    return {value: value if value in theirs else _compound(value) or value for value in own.unique()}


def _compound(value: str) -> str:
    match = re.fullmatch(COMPOUND, value)
    return match[1] if match else ""


def _keyed(labels: pd.DataFrame, other: pd.Series, asked: set) -> pd.DataFrame:
    """The rows of labels that are asked for, by their value or by the compound that it is a sample of; column key."""
    exact = labels.assign(key=other)
    samples = labels.assign(key=other.map(_compound))[~other.isin(asked)]
    samples = samples[~samples["key"].isin(set(other))]
    rows = pd.concat([exact, samples])
    return rows[rows["key"].isin(asked)]


def _distinct(values: pd.Series) -> str:
    """The labels of several rows as one cell, each once."""
    if values.nunique() == 1:
        return values.iloc[0]
    cells = cleaning.labels(values)[0]
    return "|".join(dict.fromkeys(part for cell in cells for part in cleaning.parts(cell)))


def _report_join(own, keys: dict, found: pd.Series, other, key: str, named: str, say) -> None:
    """Tell how many values of both sides found each other; InputError if none did."""
    asked, there = set(keys.values()) - {""}, set(found)
    absent = [value for value, wanted in keys.items() if value and wanted not in there]
    if not there:
        words = f"{examples(sorted(set(own) - {''}))} in the wells table, {examples(other)} in {named}"
        raise InputError("values that both tables have", words, f"{key}.by", "the column, or spell the values alike")
    lost = f"; without labels stay {examples(absent)}" if absent else ""
    several = len(found) - len(there)
    merged = f"; {several} further rows of the same value were merged, their labels joined by |" if several else ""
    counts = f"{len(there)} of {len(asked)} values of the wells were found among {other[other != ''].nunique()}"
    say(f"{named}: {counts} of the labels{lost}{merged}")
