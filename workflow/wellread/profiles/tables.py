"""The shape of a profile table: `Metadata_*` columns say what a row is, `emb_*` columns are its profile.

No other module knows these prefixes. What is written opens in pycytominer and copairs as it is.
"""

import numpy as np
import pandas as pd

from wellread.runtime.errors import InputError
from wellread.runtime.files import whole

# What every table has, as pycytominer and copairs spell it. Other ones keep their names.
NAMES = {
    "plate": "Metadata_Plate",
    "well": "Metadata_Well",
    "site": "Metadata_Site",
    "object_count": "Metadata_Object_Count",
    "replicates": "Metadata_Replicates",
}


def column(name: str) -> str:
    """The metadata column of `name`: plate -> Metadata_Plate, moa -> Metadata_moa."""
    return NAMES.get(name, f"Metadata_{name}")


def split(frame: pd.DataFrame) -> tuple[pd.DataFrame, np.ndarray]:
    """Split a profile table into its metadata, rows numbered from 0, and its features (n, D) float64."""
    meta = frame[[name for name in frame if name.startswith("Metadata_")]]
    features = frame[[name for name in frame if name.startswith("emb_")]]
    return meta.reset_index(drop=True), features.to_numpy(np.float64)


def join(meta: pd.DataFrame, X: np.ndarray) -> pd.DataFrame:
    """Put metadata and features (n, D) side by side; features become float32, the precision of encoders."""
    features = pd.DataFrame(X.astype(np.float32), columns=[f"emb_{i:04d}" for i in range(X.shape[1])])
    return pd.concat([meta.reset_index(drop=True), features], axis=1)


def write(frame: pd.DataFrame, path) -> None:
    """Write a table to Parquet, whole or not at all."""
    with whole(path) as part:
        frame.to_parquet(part, index=False)


def present(meta: pd.DataFrame, by) -> list[str]:
    """Those of the columns `by` that there are: only `dose` may be missing, any other raises InputError."""
    missing = [name for name in by if column(name) not in meta and name != "dose"]
    if missing:
        known = ", ".join(name.removeprefix("Metadata_") for name in meta)
        edit = "name another column in the config, or add this one to the wells table"
        raise InputError(f"the column {', '.join(missing)}", f"only {known}", "the profiles", edit)
    return [name for name in by if column(name) in meta]


def text(meta: pd.DataFrame, name: str) -> np.ndarray:
    """Column `name` as an array of str (n,), "" where a value is missing."""
    values = meta[column(name)]
    words = [f"{value:g}" if isinstance(value, float) else str(value) for value in values.astype(object)]
    return np.where(values.isna(), "", words).astype(object)


def names(meta: pd.DataFrame, by) -> np.ndarray:
    """One name per row from the columns `by`, such as `taxol @ 0.3`; what is empty in a row adds nothing."""
    parts = zip(*(text(meta, name) for name in present(meta, by)), strict=True)
    return np.array([" @ ".join(filter(None, row)) for row in parts], dtype=object)
