"""The shape of a profile table: `Metadata_*` columns say what a row is, `emb_*` columns are its profile.

Only this module knows these prefixes. The written tables can be read by pycytominer and copairs as they are.
"""

import numpy as np
import pandas as pd

from wellread.runtime.errors import InputError

# Metadata columns that pycytominer and copairs spell in their own way; all others are Metadata_ and their name.
STANDARD_NAMES = {
    "plate": "Metadata_Plate",
    "well": "Metadata_Well",
    "site": "Metadata_Site",
    "object_count": "Metadata_Object_Count",
    "replicates": "Metadata_Replicates",
}


def column(name: str) -> str:
    """The metadata column of `name`: plate -> Metadata_Plate, moa -> Metadata_moa."""
    return STANDARD_NAMES.get(name, f"Metadata_{name}")


def feature(number: int) -> str:
    """The column of the feature of a number, counted from 0."""
    return f"emb_{number:04d}"


def split(frame: pd.DataFrame) -> tuple[pd.DataFrame, np.ndarray]:
    """Split a profile table into its metadata, rows numbered from 0, and its features (n, D) float64."""
    meta = frame[[name for name in frame if name.startswith("Metadata_")]]
    features = frame[[name for name in frame if name.startswith("emb_")]]
    return meta.reset_index(drop=True), features.to_numpy(np.float64)


def join(meta: pd.DataFrame, X: np.ndarray) -> pd.DataFrame:
    """A profile table of metadata and features (n, D), which become float32, the precision of encoders."""
    features = pd.DataFrame(X.astype(np.float32), columns=[feature(i) for i in range(X.shape[1])])
    return pd.concat([meta.reset_index(drop=True), features], axis=1)


def existing(meta: pd.DataFrame, by) -> list[str]:
    """Those of the columns `by` that exist: only `dose` may be missing, any other raises InputError."""
    missing = [name for name in by if column(name) not in meta and name != "dose"]
    if missing:
        known = ", ".join(name.removeprefix("Metadata_") for name in meta)
        edit = "name another column in the config, or add this one to the wells table"
        raise InputError(f"the column {', '.join(missing)}", f"only {known}", "the profiles", edit)
    return [name for name in by if column(name) in meta]


def text_column(meta: pd.DataFrame, name: str) -> np.ndarray:
    """Column `name` as text: an object array (n,) of str, "" where a value is missing."""
    values = meta[column(name)]
    if isinstance(values.dtype, pd.StringDtype):
        return values.to_numpy(object, na_value="")
    words = [number_word(value) if isinstance(value, float) else str(value) for value in values.astype(object)]
    return np.where(values.isna(), "", words).astype(object)


def number_word(value: float) -> str:
    """A number as part of a name: all digits of a whole one, which may be an identifier, else six at most."""
    return str(int(value)) if float(value).is_integer() and abs(value) < 1e15 else f"{value:g}"


def row_names(meta: pd.DataFrame, by) -> np.ndarray:
    """A name for every row (n,) from the columns `by`, such as `taxol @ 0.3`; empty values are left out of it.

    Raises InputError if a column other than `dose` is missing.
    """
    parts = zip(*(text_column(meta, name) for name in existing(meta, by)), strict=True)
    return np.array([" @ ".join(filter(None, row)) for row in parts], dtype=object)
