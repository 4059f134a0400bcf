"""Is the most similar profile of another well, batch, source or position a replicate? Recall by strictness."""

import numpy as np
import pandas as pd
from scipy.stats import hypergeom

from wellread.measure.tidy import independent_units, multi_hot, one_value, proportion, row, table, undecidable
from wellread.profiles import similarity, tables
from wellread.profiles.controls import is_negative
from wellread.runtime.registry import choice

SAME_TREATMENT = ["treatment"]
STRICTNESS = ["well", "batch", "source", "position"]
COLUMNS = {"well": "plate+well", "position": "well"}  # levels that are called otherwise than their column
PLACES = {"row": r"^([A-Za-z]+)", "column": r"(\d+)$"}  # parts of the name of a well, levels if no column is called so


@choice(
    "measure",
    columns=("sameby", "diffby"),
    levels=("cell", "fov", "well"),
    needs=("replicates at every level",),
    metrics={
        "recall_well": "proportion of profiles whose most similar profile of another well is a replicate",
        "recall_batch": "the same, among the profiles of other batches",
        "recall_source": "the same, among the profiles of other sources",
        "recall_position": "the same, among the profiles of other well positions, whatever their plate",
        "recall_plate": "the same, among the profiles of other plates",
        "recall_batch_if_any_well": "of the profiles that can be asked for other batches, those recalled anywhere",
        "recall_source_if_any_well": "of those that can be asked for other sources",
        "recall_position_if_any_well": "of those that can be asked for other positions",
        "recall_plate_if_any_well": "of those that can be asked for other plates",
    },
)
def retrieval(frame, seed, *, sameby=SAME_TREATMENT, diffby=(), strictness=STRICTNESS, k=1) -> pd.DataFrame:
    """Recall at k of the replicates of a profile, at every level of `strictness` (MorphoHELM, arXiv 2605.15383).

    Replicates agree in the columns `sameby` (of labels joined by `|`, in one of them). A profile is compared by cosine
    with those that differ from it in every column of `diffby` and at the level: "well" is any other well, "position"
    another name of the well on any plate, "row" and "column" another row or column, other levels are columns of the
    wells table. It is recalled if a replicate is among the `k` most similar. Profiles without such a replicate are left
    out and counted, so that levels ask different profiles; `*_if_any_well` is the recall of the same profiles among all
    other wells. `*_chance` is what a random order has. A level at which no profile has one is undecidable. Negative
    controls take no part.
    """
    meta, X = tables.split(frame)
    names = tables.row_names(meta, sameby)
    kept = ~is_negative(meta) & (names != "")
    rows = [row("left_out", is_negative(meta).sum(), len(meta), "negative controls")]
    rows.append(row("left_out", (~kept & ~is_negative(meta)).sum(), len(meta), f"no {' or '.join(sameby)}"))
    meta, X = meta[kept].reset_index(drop=True), X[kept]
    anywhere = _recalled(meta, X, sameby, [*diffby, COLUMNS["well"]], k)
    for level in strictness:
        columns, metric = [*diffby, COLUMNS.get(level, level)], f"recall_{level}"
        if reason := why_not(meta, sameby, diffby, level):
            rows.append(undecidable(metric, reason, len(meta)))
            continue
        recalled = anywhere if level == "well" else _recalled(meta, X, sameby, columns, k)
        rows += _answers(metric, tables.row_names(meta, sameby), independent_units(meta), recalled, anywhere, k)
    return table(rows)


def why_not(meta: pd.DataFrame, sameby, diffby, level: str) -> str:
    """Why the design, metadata of treated profiles, cannot be asked at a level of strictness; "" if it can."""
    meta, columns = placed(meta), [*diffby, COLUMNS.get(level, level)]
    if absent := [name for name in columns[-1].split("+") if tables.column(name) not in meta]:
        return f"no column {absent[0]} in the wells table"
    if reason := one_value(meta, columns):
        return reason
    replicates = _replicates(meta, sameby)
    masks = similarity.neighbour_masks(similarity.exclusion_codes(meta, columns))
    if any((allowed & replicates(rows)).any() for rows, allowed in masks):
        return ""
    return f"no two profiles of one {' and '.join(sameby)} differ in {' and '.join([*diffby, level])}"


def placed(meta: pd.DataFrame) -> pd.DataFrame:
    """Metadata with row and column of the well, where they have no columns of these names."""
    wells = pd.Series(tables.text_column(meta, "well"), meta.index, dtype=object)
    found = {tables.column(name): wells.str.extract(part, expand=False).fillna("") for name, part in PLACES.items()}
    return meta.assign(**{name: place for name, place in found.items() if name not in meta})


def _replicates(meta: pd.DataFrame, sameby):
    """A function of row numbers (b,): which rows (b, n) are replicates of these."""
    names = tables.row_names(meta, sameby)
    if len(sameby) == 1 and any("|" in name for name in names):
        ones = multi_hot(names)[1].astype(np.float32)
        return lambda rows: ones[rows] @ ones.T > 0
    code = np.unique(names, return_inverse=True)[1]
    return lambda rows: code[rows, None] == code


def _answers(metric: str, names: np.ndarray, units: np.ndarray, recalled, anywhere, k: int) -> list[dict]:
    """Result rows of a level from what `_recalled` found there and `anywhere`, of profiles called `names` (n,)."""
    found, possible, compared = recalled
    asked = possible > 0
    found, possible, compared = found[asked], possible[asked], compared[asked]
    level = metric.removeprefix("recall_")
    rows = [row("left_out", (~asked).sum(), len(asked), f"{level}: no replicate to find")]
    rows += proportion(metric, found, units[asked])
    rows.append(
        row(f"{metric}_chance", hypergeom.sf(0, compared, possible, np.minimum(k, compared)).mean(), len(found))
    )
    if recalled is not anywhere:
        rows.append(row(f"{metric}_if_any_well", anywhere[0][asked].mean(), len(found)))
    single = pd.Series(found).groupby(names[asked])
    return rows + [row(metric, own.mean(), len(own), item) for item, own in single]


def _recalled(meta: pd.DataFrame, X: np.ndarray, sameby, columns, k: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Per profile (n,), compared with those that differ in `columns`: whether a replicate is among the k most similar,
    how many replicates there are, how many profiles.
    """
    codes = similarity.exclusion_codes(placed(meta), columns)
    index, _ = similarity.nearest_neighbours(X, codes, k)
    replicates, found = _replicates(meta, sameby), np.zeros(len(meta), bool)
    possible, compared = np.zeros(len(meta), int), np.zeros(len(meta), int)
    for rows, allowed in similarity.neighbour_masks(codes):
        same = replicates(rows)
        possible[rows], compared[rows] = (same & allowed).sum(axis=1), allowed.sum(axis=1)
        found[rows] = np.take_along_axis(same, index[rows], 1).any(axis=1)  # without neighbours: whatever is at -1
    return found, possible, compared
