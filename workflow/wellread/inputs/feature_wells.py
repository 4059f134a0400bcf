"""The wells table that the metadata of feature tables make, where a dataset has none of its own."""

import logging

import pandas as pd

from wellread.inputs import crop_files, table_columns
from wellread.inputs.cleaning import listed
from wellread.inputs.feature_tables import Table, bare
from wellread.runtime.errors import InputError

log = logging.getLogger("wellread")
WELL = ["plate", "well"]
WAYS = ("path", "platemaps", "grids")  # of a wells table of its own


def is_made(wells) -> bool:
    """Whether a dataset's key wells leaves the table to the metadata of its feature tables."""
    return not wells or (isinstance(wells, dict) and not set(WAYS) & set(wells))


def wells(section, name: str, tables: list[Table]) -> str | dict:
    """What a dataset says of its wells table; without one it is made of the metadata of its feature tables."""
    if not is_made(section):
        return section
    path = crop_files.write_wells(name, _without_gaps(metadata(tables), section or {}, f"datasets.{name}.wells"))
    return {"path": path, **section} if section else path


def metadata(tables: list[Table]) -> pd.DataFrame:
    """A row per well with the metadata that all its rows share, as text; what one table leaves empty others may fill.

    Where two tables contradict each other the first counts. Columns that differ within a well are told and left out.
    """
    frames: dict[str, list] = {}
    for table in tables:
        wanted = [column for column in table.metadata if not table_columns.is_reserved(bare(column))]
        text = table.text(wanted) if wanted else pd.DataFrame(index=table.rows.index)
        frames.setdefault(",".join(wanted), []).append(pd.concat([table.rows[WELL], text], axis=1))
    found = None
    for several in frames.values():
        one = _shared(pd.concat(several, ignore_index=True)).set_index(WELL).replace("", None)
        found = one if found is None else found.combine_first(one)
    return found.fillna("").reset_index()


def _shared(frame: pd.DataFrame) -> pd.DataFrame:
    """A row per well, with the columns in which its rows agree."""
    others = [column for column in frame if column not in WELL]
    kinds = frame.groupby(WELL)[others].nunique().max() if others else pd.Series(dtype=int)
    if varied := [column for column in others if kinds[column] > 1]:
        log.info("no labels of wells, since rows of one well differ in them: %s", listed(varied))
    return frame.drop(columns=varied).drop_duplicates(WELL)


def _without_gaps(frame: pd.DataFrame, section: dict, where: str) -> pd.DataFrame:
    """The table, each column once; InputError if neither it nor the names in `section` have treatments."""
    first = {bare(column).casefold(): column for column in reversed(frame.columns)}
    frame = frame[[column for column in frame if first[bare(column).casefold()] == column]]
    if "treatment" not in {*first, *section.get("names", {})}:
        edit = "say which column it is, `wells: {names: {treatment: COLUMN}}`, or give a wells table"
        raise InputError("a column treatment", f"only {listed(frame)} in the feature tables", where, edit)
    return frame
