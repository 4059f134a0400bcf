"""Single cells as profiles: some of every treatment, with the metadata of their wells."""

from zlib import crc32

import numpy as np
import pandas as pd

from wellread.profiles import controls, tables
from wellread.runtime import table_files

BY = ["treatment"]


def sample(wells: pd.DataFrame, cell_tables, embeddings, *, seed: int, cells=200, by=BY) -> pd.DataFrame:
    """The embeddings of up to `cells` cells per combination of values in the columns `by`, drawn at random.

    `wells` is the profile table of the wells; cells of wells that have no profile are not drawn, nor are those of the
    fitting half of the negative controls, as for treatments. The files `cell_tables[i]` (cells.parquet) and
    `embeddings[i]` (N, D) belong to one plate. The draw of a group depends on the seed and on its own cells only.
    Returns a profile table whose rows are cells, sorted by plate, with the site, the row of the
    plate's crops that a cell is (crop_row), and the columns of their wells.
    """
    meta, _ = tables.split(controls.without_fitting_controls(wells))
    keys = pd.concat([_cells(path, number) for number, path in enumerate(cell_tables)], ignore_index=True)
    places = dict(
        zip(zip(meta[tables.column("plate")], meta[tables.column("well")], strict=True), meta.index, strict=True)
    )
    keys["at"] = [places.get(place, -1) for place in zip(keys["plate"], keys["well"], strict=True)]
    keys = keys[keys["at"] >= 0]
    groups = keys.groupby(tables.row_names(meta, by)[keys["at"]])
    chosen = keys.loc[np.sort(np.concatenate([_drawn(own, name, cells, seed) for name, own in groups]))]
    X = [np.load(embeddings[number], mmap_mode="r")[own["row"].to_numpy()] for number, own in chosen.groupby("number")]
    found = meta.loc[chosen["at"]].reset_index(drop=True)
    found[tables.column("object_count")] = 1
    found.insert(2, tables.column("site"), chosen["site"].to_numpy())
    found.insert(3, tables.column("crop_row"), chosen["row"].to_numpy())
    return tables.join(found, np.concatenate(X))


def _cells(path, number: int) -> pd.DataFrame:
    """The cells of a plate: where they are, the number of the plate's file, and their row in it."""
    keys = table_files.read(path, "cells", ["plate", "well", "site"])
    return keys.assign(number=number, row=np.arange(len(keys)))


def _drawn(own: pd.DataFrame, name: str, cells: int, seed: int) -> np.ndarray:
    """Up to `cells` of the index of a group's cells, whatever the order of the plates."""
    rng = np.random.default_rng([seed, crc32(name.encode())])
    ordered = own.sort_values(["plate", "row"]).index.to_numpy()
    return rng.permutation(ordered)[:cells]
