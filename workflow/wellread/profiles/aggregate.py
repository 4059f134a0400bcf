"""From the fields of all plates to profiles: fields are pooled into wells, and both get the labels of their wells."""

import logging

import numpy as np
import pandas as pd

from wellread.profiles import controls, tables
from wellread.profiles.baselines import blind, cells_per_well, embedded
from wellread.profiles.pool import STATISTICS
from wellread.runtime import table_files
from wellread.runtime.counted import counted
from wellread.runtime.errors import InputError
from wellread.runtime.progress import progress

log = logging.getLogger("wellread")


def aggregate(
    field_tables, pooled, wells: pd.DataFrame, fov, well, encoder=None, *, seed: int, fields="mean", min_cells=1
) -> None:
    """Write the profile tables `fov` of fields and `well` of wells, plate by plate.

    The files `field_tables[i]` and `pooled[i]` hold what `pool_plate` returns of a plate, in the order of plates.
    `fields` is the statistic over the fields of a well; median over cells and mean over fields are what the Cell-DINO
    evaluation code does. `encoder`: the section {name: options} of an encoder that looks at no pixels. Wells without
    cells, with fewer than `min_cells` or without a row in the wells table are in neither table; they are logged, and
    counted in the ledger. `seed` draws the fitting half of the controls. Raises InputError if no well is in the wells
    table.
    """
    plates = [table_files.read(path, "pooled") for path in field_tables]
    excluded = _exclusion_reasons(cells_per_well(pd.concat(plates)), wells, min_cells)
    _log_excluded_wells(excluded, wells)
    kept = pd.MultiIndex.from_frame(excluded.loc[excluded["reason"] == "", ["plate", "well"]])
    rows = [pd.MultiIndex.from_frame(plate[["plate", "well"]]).isin(kept) for plate in plates]
    todo = [number for number, own in enumerate(rows) if own.any()] or [0]  # no profile at all: two empty tables
    wells = wells.assign(control_use=controls.control_use(wells, seed))
    make = blind(encoder) if encoder else embedded
    with table_files.parts(fov, "profiles") as add_fields, table_files.parts(well, "profiles") as add_wells:
        for number in progress(todo, "plates", unit="plate"):
            plate, X = plates[number][rows[number]].reset_index(drop=True), np.load(pooled[number])[rows[number]]
            of_fields, of_wells = make(plate, X, STATISTICS[fields], seed)
            add_fields(_profile_table(*of_fields, wells))
            add_wells(_profile_table(*of_wells, wells))


def _exclusion_reasons(counts: pd.DataFrame, wells: pd.DataFrame, min_cells: int) -> pd.DataFrame:
    """Every well of either table, its number of cells, and why it gets no profile ("" if it gets one)."""
    every = counts.merge(wells[["plate", "well"]], on=["plate", "well"], how="outer", indicator="table")
    cells = every["cells"].fillna(0).astype(int)
    conditions = [every["table"] == "left_only", cells == 0, cells < min_cells]
    reason = np.select(conditions, ["not in wells table", "no cells", "below min_cells"], "")
    return every[["plate", "well"]].assign(reason=reason.astype(object), cells=cells)


def _profile_table(rows, X, wells) -> pd.DataFrame:
    rows = rows.rename(columns={"cells": "object_count"})
    meta = rows.merge(wells, on=["plate", "well"], how="left", validate="many_to_one")
    return tables.join(meta.rename(columns=tables.column), X)


def _log_excluded_wells(excluded: pd.DataFrame, wells: pd.DataFrame) -> None:
    """Log how many wells get no profile; raise InputError if no well with cells is in the wells table."""
    for reason, group in excluded[excluded["reason"] != ""].groupby("reason"):
        lost = counted(len(group), "well"), counted(group["cells"].sum(), "cell")
        log.warning("%s (%s) without a profile: %s", *lost, reason)
    with_cells = excluded[excluded["cells"] > 0]
    if len(with_cells) and (with_cells["reason"] == "not in wells table").all():
        found, known = (" ".join(t[["plate", "well"]].iloc[0]) if len(t) else "none" for t in (with_cells, wells))
        edit = "spell plates and wells alike in the images and the wells table"
        raise InputError(f"wells of the wells table, such as {known}", f"only {found} ...", "images", edit)
