"""The wells of a dataset as the page shows them: what they are called, where they lie, and their numbers."""

import numpy as np
import pandas as pd

from wellread.pictures.plate_layout import plate_layout
from wellread.profiles import tables
from wellread.profiles.consensus import BY
from wellread.report.run import Run
from wellread.runtime import table_files

HIDDEN = ("plate", "well", "site", "control_use", "object_count")  # metadata that are no labels of wells
MAX_LABELS = 20  # columns of metadata
NAMES = ("pert_iname", "compound_name", "name", "compound")  # columns of the wells table that say what an identifier is
TITLES = {
    "cells": "cells found",
    "focus": "focus (1: median of the plate)",
    "flagged": "fields with a warning of quality (share)",
    "position of cells": "position effect on cells found (row + column, share of the plate's median)",
    "position of distance": "position effect on distance to controls (row + column, share of the plate's median)",
    "active": "tests that call the treatment active",
    "distance": "distance to controls (SD of a control well)",
}


def well_table(run: Run) -> pd.DataFrame:
    """A row for every well: plate, well, row, column (from 0, NaN where its name does not say), item, labels, numbers.

    `item` names treatment and dose as the list of hits does. Numbers are columns called `number NAME`, the keys of
    TITLES and the mean intensity of every channel in counts: of fields that could be used, and of the profiles of
    `main_pair`.
    """
    found = _known(run)
    places = plate_layout(found["well"].unique())[0]
    found["row"], found["column"] = (found["well"].map({w: p[i] for w, p in places.items()}) for i in (0, 1))
    numbers = [_counted(run), *_of_fields(run), _distances(run), _activity(run, found)]
    for own in filter(lambda own: own is not None, numbers):
        found = found.merge(own, on=["plate", "well"], how="left")
    effects = {name: position_effect(found, f"number {name}") for name in ("cells", "distance")}
    return found.assign(**{f"number position of {name}": own for name, own in effects.items() if own is not None})


def position_effect(table: pd.DataFrame, name: str) -> pd.Series | None:
    """What row and column of a well add to the median of its plate in column `name`, as a share of that median.

    That is, the median of the row plus that of the column, each less that of the plate: one step of the additive model
    of Tukey's median polish (Brideau et al. 2003 take it from the values for their B score). None without the column.
    """
    if name not in table:
        return None
    values = table[name]
    plate = values.groupby(table["plate"]).transform("median")
    lines = [values.groupby([table["plate"], table[line]]).transform("median") for line in ("row", "column")]
    return (lines[0] + lines[1] - 2 * plate) / plate.replace(0, np.nan)


def columns(run: Run) -> list[str]:
    """What wells can be coloured by: treatment and control first, then numbers, then all other labels that differ."""
    table = run.once(well_table)
    numbers = [name for name in table if name.startswith("number ") and table[name].notna().any()]
    known = [name for name in table if name.startswith("label ") and table[name].nunique() > 1]
    first = [name for name in ("label treatment", "label control") if name in known]
    return [*first, *numbers, *(name for name in known if name not in first)][: len(first) + len(numbers) + MAX_LABELS]


def title(name: str) -> str:
    """What a column of `columns` is called on the page."""
    kind, name = name.split(" ", 1)
    return TITLES.get(name, name) if kind == "number" else name


def main_pair(run: Run) -> tuple[str, str] | None:
    """The model and correction of the list of hits, or without one of the first map of the headline's correction."""
    for path in run.paths("hits"):
        table = table_files.read(path, "hits", ["model", "correction"])
        if len(table):
            return tuple(table.iloc[0])
    pairs = list(run.maps())
    return next((pair for pair in pairs if pair[1] == run.settings.get("headline")), pairs[0] if pairs else None)


def _known(run: Run) -> pd.DataFrame:
    """What the wells table and the profiles say of every well, as text; the labels are columns called `label NAME`."""
    frames = [run.wells.rename(columns=tables.column)] if len(run.wells) else []
    for path in [*run.profiles().values()][:1]:
        names = [name for name in table_files.columns(path, "profiles") if name.startswith("Metadata_")]
        frames.append(table_files.read(path, "profiles", names))
    frames = frames or [pd.DataFrame(columns=[tables.column(name) for name in ("plate", "well", "treatment")])]
    meta = pd.concat(frames[::-1], ignore_index=True)
    meta = meta.drop_duplicates([tables.column("plate"), tables.column("well")], ignore_index=True)
    known = {name: tables.text_column(meta, name) for name in ("plate", "well")}
    known["item"] = tables.row_names(meta, BY)
    usual = {tables.column(name) for name in HIDDEN}
    labels = [name.removeprefix("Metadata_") for name in meta if name not in usual]
    known |= {f"label {name}": tables.text_column(meta, name) for name in labels}
    return pd.DataFrame(known).sort_values(["plate", "well"], ignore_index=True)


def _counted(run: Run) -> pd.DataFrame | None:
    """The objects of every well with a usable field, those without a crop too; of ready profiles what these say."""
    if not run.has_images:
        return None
    counts = []
    for plate, path in run.by_folder("fields").items():
        fields = table_files.read(path, "fields", ["well", "status"])
        own = [table_files.read(run.by_folder(kind)[plate], kind, ["well"])["well"] for kind in ("cells", "lost")]
        found = (
            pd.concat(own).value_counts().reindex(fields.loc[fields["status"] == "ok", "well"].unique(), fill_value=0)
        )
        counts.append(pd.DataFrame({"plate": plate, "well": found.index, "number cells": found.to_numpy()}))
    return pd.concat(counts) if counts else None


def _of_fields(run: Run) -> list[pd.DataFrame]:
    """Focus, the mean over channels of value / median of the plate, the mean intensity of every channel, and flags."""
    channels, parts = run.settings.get("channels", []), []
    for plate, path in run.by_folder("fields").items():
        wanted = ["well", "status", "flags", *(f"{m}_{c}" for m in ("focus", "mean") for c in channels)]
        fields = table_files.read(path, "fields", wanted)
        usable = fields[fields["status"] == "ok"].drop(columns="status")
        own = usable.assign(flags=usable["flags"].ne("").astype(float)).groupby("well").mean()
        focus = own[[f"focus_{c}" for c in channels]]
        values = {"number focus": (focus / focus.median().replace(0, np.nan)).mean(axis=1)}
        values |= {f"number intensity of {c}": own[f"mean_{c}"] for c in channels}
        values |= {"number flagged": own["flags"]}
        parts.append(pd.DataFrame(values).reset_index().assign(plate=plate))
    if not parts:
        return []
    found = pd.concat(parts)
    return [found if found["number flagged"].any() else found.drop(columns="number flagged")]


def is_flagged(table: pd.DataFrame) -> pd.Series:
    """Whether a well of `well_table` has a usable field with a warning of quality."""
    return table["number flagged"] > 0 if "number flagged" in table else pd.Series(False, index=table.index)


def _distances(run: Run) -> pd.DataFrame | None:
    path = run.maps().get(main_pair(run))
    if path is None:
        return None
    points = table_files.read(path, "maps", ["plate", "well", "distance"], [("kind", "==", "well")])
    return points.rename(columns={"distance": "number distance"})


def _activity(run: Run, wells: pd.DataFrame) -> pd.DataFrame | None:
    """How many tests of the list of hits call the treatment of every well active."""
    for path in run.paths("hits"):
        active = table_files.read(path, "hits")
        active = dict(zip(item_names(active), active["active"].astype(float), strict=True))
        return wells[["plate", "well"]].assign(**{"number active": wells["item"].map(active)})
    return None


def known_as(table: pd.DataFrame) -> list[str]:
    """What the treatment of every row of a list of hits is called beside its identifier, "" where nothing is known."""
    column = next((name for name in NAMES if name in table), None)
    known = table[column].fillna("").astype(str) if column else [""] * len(table)
    return [name if name not in item else "" for name, item in zip(known, item_names(table), strict=True)]


def item_names(hits: pd.DataFrame) -> np.ndarray:
    """The names (n,) of the rows of a list of hits: treatment, and dose if there are doses."""
    return tables.row_names(hits.rename(columns={name: tables.column(name) for name in BY}), BY)
