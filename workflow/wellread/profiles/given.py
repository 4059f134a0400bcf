"""Profiles from ready feature tables instead of images: their rows become the profiles of fields and of wells.

What is left out is counted: features that not every table has or that lack too many values, rows that then lack any.
"""

import logging
from typing import NamedTuple

import numpy as np
import pandas as pd

from wellread.inputs import feature_tables
from wellread.inputs.feature_tables import KEY, Table
from wellread.profiles import controls, tables
from wellread.profiles.ledger import counts_table
from wellread.profiles.pool import STATISTICS, pool
from wellread.runtime.counted import counted
from wellread.runtime.errors import InputError
from wellread.runtime.registry import choice

log = logging.getLogger("wellread")
WELL = ["plate", "well"]
UNKNOWN, INCOMPLETE = "not in wells table", "missing values"  # why rows are left out


class Profiles(NamedTuple):
    """The profile tables of fields and wells, the features (profile, feature, status), and the rows of the ledger."""

    fov: pd.DataFrame
    well: pd.DataFrame
    features: pd.DataFrame
    counts: pd.DataFrame


@choice("encoder", given=True)
def given(
    name: str, dataset: str, wells: pd.DataFrame, pooling: dict, seed: int, /, *, files, features="", exclude="",
    plate="", well="", site="", count="", rows="auto", max_missing=0.05, fill="none",
) -> Profiles:  # fmt: skip
    """The profiles that feature tables make, of the model `name`; options as in the config's schema.

    Features that are missing or infinite in more than the share `max_missing` of all rows of wells in the wells table
    are dropped, as in pycytominer's drop_na_columns, and those that a plate lacks wholly; what then is missing becomes,
    by `fill`, 0 or the feature's median over the plate, or ("none") its row is left out. Rows of one field are pooled,
    then the fields of a well, by `pooling`, the options of aggregate. Raises InputError if no row is left, and for
    whatever is wrong with the tables.
    """
    where = f"models.{name}.encoder.given"
    columns = {"plate": plate, "well": well, "site": site, "count": count}
    opened = feature_tables.opened(feature_tables.paths(files, dataset, f"{where}.files"), columns, where)
    feature_tables.check_rows(opened, rows, where)
    status = feature_tables.chosen_features(opened, features, exclude, where)
    names = _frequent(opened, status, wells, max_missing, where)
    parts = [_pooled(table, names, wells, fill, STATISTICS[pooling["cells"]]) for table in opened]
    keys, X, why = (pd.concat([part[i] for part in parts], ignore_index=True) for i in range(3))
    keys = keys.sort_values(KEY)
    profiles = _finished(keys, X.to_numpy()[keys.index], why, wells, pooling, seed, status, name)
    if not len(profiles.well):
        lost = profiles.counts.query("stage == 'wells' and n > 0 and reason != 'kept'").groupby("reason")["n"].sum()
        found = ", ".join(f"{counted(n, 'well')}: {reason}" for reason, n in lost.items())
        raise InputError("wells that can be used", found, where, "max_missing, fill, or aggregate.min_cells")
    return profiles


def _frequent(opened: list[Table], status: dict[str, str], wells: pd.DataFrame, most: float, where: str) -> list[str]:
    """The features that are kept; `status` then says which lack too many values."""
    names = [name for name, why in status.items() if why == "kept"]
    lacking, rows = _lacking(opened, names, wells)
    n = sum(rows.values())
    for number, name in enumerate(names):
        absent = [plate for plate in sorted(rows) if rows[plate] and lacking[plate][number] == rows[plate]]
        if sum(own[number] for own in lacking.values()) > most * n:
            status[name] = f"missing in more than {most:.0%} of the rows"
        elif absent:
            status[name] = f"missing on plate {absent[0]}"
    kept = [name for name in names if status[name] == "kept"]
    if not kept:
        found = f"{len(names)}, all missing on a plate or in more than {most:.0%} of {n} rows"
        raise InputError("features that rows have", found, where, "max_missing, or features")
    return kept


def _lacking(opened: list[Table], names: list[str], wells: pd.DataFrame) -> tuple[dict, dict]:
    """{plate: in how many rows of known wells each feature is missing (D,)}, and {plate: how many rows there are}."""
    lacking, rows = {}, {}
    for table in opened:
        known = _is_known(table.rows, wells)
        missing, plates = ~np.isfinite(table.values(names)[known]), table.rows["plate"].to_numpy()[known]
        for plate in np.unique(plates):
            own = missing[plates == plate]
            lacking[plate] = lacking.get(plate, 0) + own.sum(axis=0)
            rows[plate] = rows.get(plate, 0) + len(own)
    return lacking, rows


def _pooled(table: Table, names: list[str], wells: pd.DataFrame, fill: str, statistic):
    """Fields with their cells, features (F, D) of these, and why every row of the table was left out ("" if not)."""
    rows, X = table.rows, table.values(names)
    known = _is_known(rows, wells)
    X[~np.isfinite(X)] = np.nan
    X = _filled(X, rows, known, fill)
    lacking = known & np.isnan(X).any(axis=1)
    kept = known & ~lacking
    counts = _counts(rows["count"], table)[kept]
    keys, _, pooled = pool(rows.loc[kept, KEY], X[kept], statistic) if kept.any() else (rows.loc[kept, KEY], 0, X[kept])
    cells = rows.loc[kept, KEY].assign(object_count=counts).groupby(KEY, sort=True)["object_count"].sum()
    why = rows[WELL].assign(reason=np.select([~known, lacking], [UNKNOWN, INCOMPLETE], ""))
    return keys.assign(object_count=cells.to_numpy()), pd.DataFrame(pooled), why


def _is_known(rows: pd.DataFrame, wells: pd.DataFrame) -> np.ndarray:
    """Which rows (n,) are of wells in the wells table."""
    return pd.MultiIndex.from_frame(rows[WELL]).isin(pd.MultiIndex.from_frame(wells[WELL]))


def _filled(X: np.ndarray, rows: pd.DataFrame, known: np.ndarray, fill: str) -> np.ndarray:
    """X (n, D) with 0, or the median of the plate, if it has one, in the place of NaN."""
    if fill == "none" or not np.isnan(X).any():
        return X
    values = pd.DataFrame(X)
    if fill == "zero":
        return values.fillna(0).to_numpy()
    return values.fillna(values[known].groupby(rows["plate"][known]).transform("median")).to_numpy()


def _counts(words: pd.Series, table: Table) -> np.ndarray:
    """Cells of every row (n,): what the column of counts says, else 1."""
    if not table.places["count"]:
        return np.ones(len(words), int)
    counts = pd.to_numeric(words, errors="coerce")
    if (bad := counts.isna()).any():
        found = f"{words[bad].iloc[0]!r} and {bad.sum() - 1} more"
        raise InputError("numbers of cells", found, f"{table.path}, {table.places['count']}", "count: another column")
    return counts.round().astype(int).to_numpy()


def _finished(keys, X, why, wells, pooling, seed, status, name) -> Profiles:
    cells = keys.groupby(WELL, sort=True)["object_count"].transform("sum")
    enough = (cells >= pooling["min_cells"]).to_numpy()
    few = keys.loc[~enough, WELL].drop_duplicates()
    keys, X = keys[enough].reset_index(drop=True), X[enough]
    labels = wells.assign(control_use=controls.control_use(wells, seed))
    well_keys, _, well_X = pool(keys[WELL], X, STATISTICS[pooling["fields"]])
    well_keys = well_keys.merge(keys.groupby(WELL, as_index=False)["object_count"].sum(), on=WELL)
    fov, well = (
        tables.join(frame.merge(labels, on=WELL, how="left", validate="many_to_one").rename(columns=tables.column), Y)
        for frame, Y in ((keys, X), (well_keys, well_X))
    )
    counts = _ledger(why, few, well_keys, wells, status, name)
    return Profiles(fov, well, _features(status), counts)


def _features(status: dict[str, str]) -> pd.DataFrame:
    """A row per column of numbers: the column of the profiles that it became, its name, and its status."""
    frame = pd.DataFrame({"feature": list(status), "status": list(status.values())})
    kept = frame["status"] == "kept"
    number = kept.cumsum() - 1
    frame.insert(0, "profile", [tables.feature(n) if own else "" for n, own in zip(number, kept, strict=True)])
    return frame


def _ledger(why, few, profiled, wells, status: dict, model: str) -> pd.DataFrame:
    """The rows of the ledger: features once, rows and wells of every plate."""
    counts = {("", "features"): {"kept": 0} | pd.Series(status).value_counts().to_dict()}
    for plate in sorted({*why["plate"], *wells["plate"]}):
        own = why[why["plate"] == plate]
        if len(own):
            counts[plate, "rows"] = {"kept": 0} | own["reason"].replace("", "kept").value_counts().to_dict()
        counts[plate, "wells"] = _wells_of_plate(*(f[f["plate"] == plate] for f in (why, few, profiled, wells)))
    rows = [(plate, stage, model, why, n) for (plate, stage), own in counts.items() for why, n in own.items()]
    for plate, stage, _, reason, n in rows:
        if reason != "kept" and n:
            log.info("%s: %d %s left out: %s", plate or "all plates", n, stage, reason)
    return counts_table(rows)


def _wells_of_plate(why, few, profiled, wells) -> dict[str, int]:
    """{reason: wells} of one plate."""
    absent = sorted({*why["well"], *wells["well"]} - set(profiled["well"]))
    reasons = why.groupby("well")["reason"].first()  # all rows of a well without a profile were left out
    few = set(few["well"])
    words = ["below min_cells" if well in few else reasons.get(well, "no rows") for well in absent]
    return {"kept": len(profiled)} | pd.Series(words, dtype=object).value_counts().to_dict()
