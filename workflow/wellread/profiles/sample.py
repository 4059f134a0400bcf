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


def chosen_cells(wells: pd.DataFrame, cell_tables, *, seed: int, label: str, values, each: int) -> pd.DataFrame:
    """`each` cells of every value of the column `label`, or of those `values` in their order: plate, crop_row, label.

    They are drawn at random from the files `cell_tables` (cells.parquet), of wells with a profile in `wells`.
    """
    meta, _ = tables.split(wells)
    places = pd.MultiIndex.from_arrays([tables.text_column(meta, "plate"), tables.text_column(meta, "well")])
    keys = pd.concat([_cells(path, number) for number, path in enumerate(cell_tables)], ignore_index=True)
    of_wells = pd.Series(tables.text_column(meta, label), places)
    names = of_wells.reindex(pd.MultiIndex.from_frame(keys[["plate", "well"]])).fillna("").to_numpy()
    wanted = list(values) or sorted(set(names) - {""})
    drawn = [_drawn(keys[names == value], value, each, seed) for value in wanted]
    found = keys.assign(label=names).loc[np.concatenate(drawn), ["plate", "row", "label"]]
    return found.set_axis(["plate", "crop_row", "label"], axis=1).reset_index(drop=True)


def _cells(path, number: int) -> pd.DataFrame:
    """The cells of a plate: where they are, the number of the plate's file, and their row in it."""
    keys = table_files.read(path, "cells", ["plate", "well", "site"])
    return keys.assign(number=number, row=np.arange(len(keys)))


def _drawn(own: pd.DataFrame, name: str, cells: int, seed: int) -> np.ndarray:
    """Up to `cells` of the index of a group's cells, whatever the order of the plates."""
    rng = np.random.default_rng([seed, crc32(name.encode())])
    ordered = own.sort_values(["plate", "row"]).index.to_numpy()
    return rng.permutation(ordered)[:cells]
