"""Well profiles with known truth: what the tests of profiles and measures measure."""

import numpy as np
import pandas as pd
from wellread.measure import tidy
from wellread.profiles import controls, tables
from wellread.profiles.aggregate import aggregate
from wellread.profiles.pool import pool_plate
from wellread.runtime import table_files


def screen(seed=0, plates=4, treatments=10, controls=8, positives=0, D=16, effect=0.0, shift=0.0, fixed=False):
    """A screen with every treatment once on every plate, neither centred nor scaled.

    Treatments lie `effect` away from the controls, each in a direction of its own, plates `shift` apart. They change
    places from plate to plate, unless `fixed`.
    """
    places = np.random.default_rng([seed, 1])
    rng = np.random.default_rng(seed)
    names = ["DMSO"] * controls + ["boost"] * positives + [f"t{i:03d}" for i in range(treatments)]
    control = ["negative"] * controls + ["positive"] * positives + [""] * treatments
    rows, X = [], []
    directions = rng.normal(size=(len(names), D)) * effect
    directions[:controls] = 0
    if positives:
        directions[controls : controls + positives] = directions[controls]
    for plate in range(plates):
        offset = rng.normal(size=D) * shift
        at = np.arange(len(names)) if fixed else places.permutation(len(names))
        for i, name in enumerate(names):
            rows.append((f"p{plate}", f"A{at[i]:03d}", f"b{plate % 2}", name, control[i]))
            X.append(rng.normal(size=D) + directions[i] + offset)
    wells = pd.DataFrame(rows, columns=["plate", "well", "batch", "treatment", "control"])
    return profiles(wells, np.array(X) * np.geomspace(0.1, 10, D) + 5, seed)


def profiles(wells: pd.DataFrame, X: np.ndarray, seed=0) -> pd.DataFrame:
    """The profile table of a wells table and its features (n, D)."""
    wells = wells.assign(control_use=controls.control_use(wells, seed), object_count=100)
    return tables.join(wells.rename(columns=tables.column), X)


def with_positions(frame, strength, seed=0):
    """A screen in which every position has an effect of its own, the same on all plates."""
    meta, X = tables.split(frame)
    code = np.unique(meta["Metadata_Well"], return_inverse=True)[1]
    rng = np.random.default_rng([seed, 7])
    return tables.join(
        meta,
        (X - 5) / np.geomspace(0.1, 10, X.shape[1]) + strength * rng.normal(size=(code.max() + 1, X.shape[1]))[code],
    )


def values(table: pd.DataFrame, metric: str) -> dict[str, float]:
    """The values of a metric of a measure, by item."""
    rows = table[table["metric"] == metric]
    return dict(zip(rows["item"], rows["value"], strict=True))


def undecided(table: pd.DataFrame, metric: str) -> str:
    """The reason why a metric of a measure has no number, after checking that it has none."""
    assert not values(table, metric)
    assert table.loc[table["metric"] == tidy.UNDECIDABLE, "value"].isna().all()
    return tidy.undecided(table)[metric][0]


def aggregated(folder, cell_tables, embeddings, wells, cells="median", **options) -> tuple[pd.DataFrame, pd.DataFrame]:
    """The profiles of fields and of wells of plates that are pooled and aggregated below a folder."""
    folder.mkdir(parents=True, exist_ok=True)
    fields, pooled = ([folder / f"{i}.{end}" for i in range(len(cell_tables))] for end in ("fields", "pooled.npy"))
    for table, array, *plate in zip(fields, pooled, cell_tables, embeddings, strict=True):
        found, X = pool_plate(*plate, cells=cells)
        table_files.write(found, table, "pooled")
        np.save(array, X)
    aggregate(fields, pooled, wells, folder / "fov.parquet", folder / "well.parquet", **options)
    return tuple(table_files.read(folder / f"{level}.parquet", "profiles") for level in ("fov", "well"))
