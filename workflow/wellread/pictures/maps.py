"""The maps of wells, treatments and cells on the page: where every one lies, and how far wells are from controls."""

from zlib import crc32

import numpy as np
import pandas as pd
from sklearn.preprocessing import StandardScaler

from wellread.pictures.projection import two_dimensions
from wellread.profiles import controls, tables
from wellread.profiles.consensus import BY
from wellread.profiles.similarity import unit_length
from wellread.runtime import table_files

COLUMNS = ["kind", "plate", "well", "row", "item", "x", "y", "distance"]


def maps(
    wells, treatments, cell_tables=(), embeddings=(), *, seed, cells=20000, method="umap", n_neighbors=15, min_dist=0.1
):
    """A table of all points of three maps, each by `method` of its own: COLUMNS, `kind` being well, treatment or cell.

    `wells` and `treatments` are profile tables. The files `cell_tables[i]` (cells.parquet) and `embeddings[i]` (N, D)
    belong to one plate; about `cells` cells are drawn, as many of every well, and `row` is their row in these files.
    `item` names the treatment and its dose. `distance` of a well: see `distance_to_controls`.
    """
    how = {"seed": seed, "n_neighbors": n_neighbors, "min_dist": min_dist, "method": method}
    of_wells, X = tables.split(wells)
    parts = [_points("well", X, how, **_names(of_wells)).assign(distance=distance_to_controls(of_wells, X))]
    of_treatments, X = tables.split(treatments)
    parts.append(_points("treatment", X, how, item=tables.row_names(of_treatments, BY)))
    if len(cell_tables):
        drawn = _drawn_cells(of_wells, cell_tables, cells, seed)
        X = _embedded(embeddings, drawn)
        X, drawn = X[whole := np.isfinite(X).all(axis=1)], drawn[whole]
        parts.append(_points("cell", X, how, **drawn[["plate", "well", "row"]]))
    found = pd.concat(parts, ignore_index=True)
    blank = {"plate": "", "well": "", "item": "", "row": -1, "distance": np.nan}
    found = found.assign(**{name: value for name, value in blank.items() if name not in found}).fillna(blank)
    return found[COLUMNS].astype({"row": "int64"})


def distance_to_controls(meta: pd.DataFrame, X: np.ndarray) -> np.ndarray:
    """How far every row of X (n, D) is from the negative controls of its plate (n,), in their standard deviations.

    The root mean square over features of the difference from the mean of the evaluation half, for one of these from
    the mean of the others; the standard deviation of a feature is that of the fitting half of all plates. NaN where a
    plate has no such control, and everywhere with fewer than two of the fitting half.
    """
    fitting, reference, plates = (
        controls.is_fitting(meta),
        controls.is_evaluation(meta),
        tables.text_column(meta, "plate"),
    )
    found = np.full(len(X), np.nan)
    if fitting.sum() < 2:
        return found
    Z = StandardScaler().fit(X[fitting]).transform(X)
    for plate in np.unique(plates[reference]):
        here, own = plates == plate, (plates == plate) & reference
        n = own.sum() - own[here]  # a control is not compared with itself
        with np.errstate(invalid="ignore", divide="ignore"):
            centres = (Z[own].sum(axis=0) - Z[here] * own[here, None]) / n[:, None]
        found[here] = np.sqrt(((Z[here] - centres) ** 2).mean(axis=1))
    return found


def _names(meta: pd.DataFrame) -> dict[str, np.ndarray]:
    places = {name: tables.text_column(meta, name) for name in ("plate", "well")}
    return places | {"item": tables.row_names(meta, BY)}


def _points(kind: str, X: np.ndarray, how: dict, **columns) -> pd.DataFrame:
    points = two_dimensions(unit_length(X), **how)[0] if len(X) else np.zeros((0, 2))
    return pd.DataFrame(
        {"kind": kind, "x": points[:, 0], "y": points[:, 1]} | {k: np.array(v) for k, v in columns.items()}
    )


def _drawn_cells(wells: pd.DataFrame, cell_tables, cells: int, seed: int) -> pd.DataFrame:
    """About `cells` cells, as many of every well with a profile: plate, well, row, number of the plate's file."""
    places = pd.MultiIndex.from_arrays([tables.text_column(wells, name) for name in ("plate", "well")])
    each, drawn = max(1, round(cells / max(len(wells), 1))), []
    for number, path in enumerate(cell_tables):
        keys = table_files.read(path, "cells", ["plate", "well"])
        keys = keys.assign(number=number, row=np.arange(len(keys)))
        known = keys[pd.MultiIndex.from_frame(keys[["plate", "well"]]).isin(places)]
        name = "".join(known["plate"].iloc[:1])
        shuffled = known.iloc[np.random.default_rng([seed, crc32(name.encode())]).permutation(len(known))]
        drawn.append(shuffled.groupby("well", sort=False).head(each).sort_values("row"))
    return pd.concat(drawn, ignore_index=True)


def _embedded(embeddings, drawn: pd.DataFrame) -> np.ndarray:
    """The embeddings of cells, from the file of their plate."""
    parts = [
        np.load(path, mmap_mode="r")[drawn.loc[drawn["number"] == i, "row"].to_numpy()]
        for i, path in enumerate(embeddings)
    ]
    return np.concatenate(parts).astype(np.float64)
