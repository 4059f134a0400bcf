"""Where treatments and controls lie on the plates, and how much of the profiles their places tell."""

import numpy as np
import pandas as pd

from wellread.inputs.well_names import plate_format, well_row_column
from wellread.measure import nulls
from wellread.measure.tidy import row, table, undecidable
from wellread.profiles import controls, tables
from wellread.runtime.counted import counted, every
from wellread.runtime.registry import choice

SAME_TREATMENT = ["treatment"]
PLACES = ("row", "column", "rim", "position")  # within plates; plates and batches are told beside them
KINDS = ("controls", "wells")


@choice(
    "measure",
    columns=("sameby",),
    levels=("well",),
    metrics={
        "at_one_position": "proportion of treatments on several plates that have the same position on all of them",
        "sharing_positions": "proportion of these that have the same position on some, so that positions are permuted",
        "repeated_positions": "proportion of positions on several plates that hold one treatment, or controls, on all",
        "control_positions": "positions that hold a negative control on some plate",
        "control_positions_everywhere": "positions that hold a negative control on every plate",
        "row_of_controls": "share of the variance of negative controls that their row explains, plates centred",
        "column_of_controls": "share of it that their column explains",
        "rim_of_controls": "share of it that being in the outermost wells of the plate explains",
        "position_of_controls": "share of it that their position explains, followed over the plates",
        "plate_of_controls": "share of the variance of negative controls that their plate explains",
        "batch_of_controls": "share of it that their batch explains",
        "row_of_wells": "share of the variance of all wells that their row explains, plates centred",
        "column_of_wells": "share of it that their column explains",
        "rim_of_wells": "share of it that being in the outermost wells of the plate explains",
        "position_of_wells": "share of it that their position explains; where the layout repeats, treatments do, too",
        "plate_of_wells": "share of the variance of all wells that their plate explains",
        "batch_of_wells": "share of it that their batch explains",
    },
)
def layout(frame, seed, *, sameby=SAME_TREATMENT, permutations=20) -> pd.DataFrame:
    """Which treatments keep their positions, and the share of the variance of profiles that places explain.

    A treatment is what agrees in the columns `sameby`. It has the same position on several plates as `nulls.strata`
    says, by which average_precision decides what to permute; those of one plate are left out and counted.

    The share of variance is the R^2 of a one-way analysis of variance, the mean over features: of rows, columns, the
    rim (the outermost wells of a plate of 96, 384 or 1536) and positions, whatever the plate, once the mean of every
    plate is taken out; of plates and batches as they are. Of negative controls, and of all wells, both without those
    that corrections were fitted on. With many groups R^2 is above 0 by chance: `*_chance` is that of each of
    `permutations` of the wells, within their plates for places. What has one group only is undecidable.
    """
    kept = controls.without_fitting_controls(frame)
    wells = tables.split(frame)[0]
    rows = _treatments(wells, sameby) + _positions(wells, sameby) + _controls(wells)
    for kind in KINDS:
        own = kept if kind == "wells" else kept[controls.is_evaluation(kept)]
        meta, X = tables.split(own)
        for what, groups in _groups(meta).items():
            rows += _explained(f"{what}_of_{kind}", meta, X, groups, what in PLACES, seed, permutations)
    return table(rows)


def _treatments(meta: pd.DataFrame, sameby) -> list[dict]:
    """Result rows about the positions of treatments, from the metadata of wells."""
    plates, wells = tables.text_column(meta, "plate"), tables.text_column(meta, "well")
    names = np.where(controls.is_negative(meta), "", tables.row_names(meta, sameby))
    at = {name: np.flatnonzero(names == name) for name in sorted(set(names) - {""})}
    several = {name: own for name, own in at.items() if len(set(plates[own])) > 1}
    rows = [row("left_out", len(at) - len(several), len(at), "treatments on one plate")]
    if not several:
        return [*rows, undecidable("at_one_position", "no treatment on two plates", len(at))]
    layouts = nulls.layouts(*(values[names != ""] for values in (plates, wells, names)))
    layers = {name: nulls.strata(plates[own], wells[own], True, layouts) for name, own in several.items()}
    one = {name: len(found) == 1 for name, found in layers.items()}
    shared = [any(len(on) > 1 for on, _ in found) for found in layers.values()]
    rows += [row("at_one_position", np.mean(list(one.values())), len(one))]
    rows += [row("sharing_positions", np.mean(shared), len(shared))]
    return rows + [row("at_one_position", value, len(at[name]), name) for name, value in one.items()]


def _positions(meta: pd.DataFrame, sameby) -> list[dict]:
    """The result row about positions on several plates, if there are any."""
    negative, names = controls.is_negative(meta), tables.row_names(meta, sameby)
    held = pd.DataFrame({"plate": tables.text_column(meta, "plate"), "name": np.where(negative, "negative", names)})
    named = (held["name"] != "").to_numpy()
    counts = held[named].groupby(tables.text_column(meta, "well")[named]).nunique()
    same = counts.loc[counts["plate"] > 1, "name"] == 1
    return [row("repeated_positions", same.mean(), len(same))] if len(same) else []


def _controls(meta: pd.DataFrame) -> list[dict]:
    """Result rows about the positions of negative controls."""
    negative = meta[controls.is_negative(meta)]
    plates = pd.Series(tables.text_column(negative, "plate")).groupby(tables.text_column(negative, "well")).nunique()
    everywhere = plates == meta[tables.column("plate")].nunique()
    return [
        row("control_positions", len(plates), len(negative)),
        row("control_positions_everywhere", everywhere.sum(), len(negative)),
    ]


def _groups(meta: pd.DataFrame) -> dict[str, np.ndarray]:
    """The group of every well, {what: (n,)}; "" for all where names of wells do not say their row and column."""
    wells = tables.text_column(meta, "well")
    places = [well_row_column(well) for well in wells]
    found = {name: np.full(len(wells), "", object) for name in PLACES} | {"position": wells}
    if None not in places and places:
        n_rows, n_columns = plate_format(places)
        rim = [row in (0, n_rows - 1) or column in (0, n_columns - 1) for row, column in places]
        of_places = zip(("row", "column"), np.array(places).T, strict=True)
        found |= {name: values.astype(str) for name, values in of_places} | {"rim": np.array(rim).astype(str)}
    return found | {name: tables.text_column(meta, name) for name in ("plate", "batch") if tables.column(name) in meta}


def _explained(metric: str, meta, X: np.ndarray, groups: np.ndarray, within: bool, seed: int, permutations: int):
    """Result rows of the share of variance that groups (n,) explain, and by chance; or why there is none."""
    plate = np.unique(tables.text_column(meta, "plate"), return_inverse=True)[1]
    code = np.unique(groups, return_inverse=True)[1]
    if reason := _why_not(metric, groups, plate):
        return [undecidable(metric, reason, len(X))]
    blocks = plate if within else np.zeros(len(X), int)
    Z = _unit_variance(X - _means(X, blocks)[blocks])
    rows = [row(metric, _share(Z, code), len(X))]
    for repeat in range(permutations):
        drawn = np.random.default_rng([seed, repeat]).random(len(X))
        shuffled = np.empty_like(code)
        shuffled[np.lexsort((np.arange(len(X)), blocks))] = code[np.lexsort((drawn, blocks))]
        rows.append(row(f"{metric}_chance", _share(Z, shuffled), len(X), "", repeat))
    return rows


def _why_not(metric: str, groups: np.ndarray, plate: np.ndarray) -> str:
    """Why groups (n,) explain nothing, or everything: there is one, or nothing beside them."""
    n, what = len(groups), metric.split("_of_")[0]
    if n and not groups.astype(bool).any():
        return "wells are not named by row and column" if what in PLACES else f"no {what} in the wells table"
    if len(set(groups)) < 2:
        return f"one {what} in {every(n, 'well')}" if what != "rim" else "all wells are at the rim, or none is"
    if len(set(groups)) >= n - len(set(plate)) + 1:
        return f"{len(set(groups))} of {what} in {counted(n, 'well')}"
    return ""


def _means(X: np.ndarray, code: np.ndarray) -> np.ndarray:
    """The means (G, D) of the rows of X (n, D) of every group, codes (n,) from 0."""
    order = np.argsort(code, kind="stable")
    sizes = np.bincount(code)
    return np.add.reduceat(X[order], np.concatenate([[0], sizes.cumsum()[:-1]]), axis=0) / sizes[:, None]


def _unit_variance(X: np.ndarray) -> np.ndarray:
    """Features of X (n, D), centred, of mean square 1, without those that do not vary."""
    X = X - X.mean(axis=0)
    scale = np.sqrt((X**2).mean(axis=0))
    varies = scale > 1e-9 * np.abs(X).max(initial=0)
    return X[:, varies] / scale[varies]


def _share(Z: np.ndarray, code: np.ndarray) -> float:
    """Mean over features of the sum of squares between groups, as a share of that of Z (n, D), of mean square 1."""
    return float((np.bincount(code) @ _means(Z, code) ** 2).mean() / len(Z)) if Z.size else 0.0
