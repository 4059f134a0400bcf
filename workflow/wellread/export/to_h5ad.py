"""Profiles as AnnData (.h5ad), which scanpy and its relatives open.

Written with h5py after the format that anndata publishes, version 0.1.0 of its files
(https://anndata.readthedocs.io/en/stable/fileformat-prose.html): anndata itself wants an older pandas than ours.
"""

import h5py
import numpy as np
import pandas as pd

from wellread.profiles import tables
from wellread.runtime.files import whole

EMPTY = ("layers", "obsm", "obsp", "varm", "varp")  # of an AnnData file that has none
TEXT = h5py.string_dtype()


def to_h5ad(profiles: pd.DataFrame, out, keys: list[str], names: dict[str, str], about: dict) -> None:
    """Write a profile table of n rows and D features as an AnnData file.

    X (n, D) float32; obs: its metadata, called by the columns `keys` (plate, well ...) joined by _; var: its features,
    with the name that each has in `names`, {feature: name}, or its own; uns: `about`, a dict of text, numbers, lists of
    text and such dicts. Text in obs is categorical, and has no category where it is missing.
    """
    meta, X = tables.split(profiles)
    features = [name for name in profiles if name not in meta]
    var = pd.DataFrame({"name": [names.get(name, name) for name in features]}, dtype=object)
    with whole(out) as part, h5py.File(part, "w") as file:
        _mark(file, "anndata", "0.1.0")
        _array(file, "X", X.astype(np.float32))
        _frame(file, "obs", meta, row_labels(meta, keys))
        _frame(file, "var", var, features)
        _mapping(file, "uns", about)
        for name in EMPTY:
            _mapping(file, name, {})


def row_labels(meta: pd.DataFrame, keys: list[str]) -> list[str]:
    """A name (n,) for every row, of those of the columns `keys` that there are: P1_A01_2; numbered if names repeat."""
    parts = [tables.text_column(meta, key) for key in tables.existing(meta, keys)]
    labels = ["_".join(filter(None, row)) for row in zip(*parts, strict=True)]
    if len(set(labels)) == len(labels):
        return labels
    return [f"{label}_{number}" for number, label in enumerate(labels)]


def _mark(item, kind: str, version: str) -> None:
    """Say how a group or an array is to be read."""
    item.attrs["encoding-type"], item.attrs["encoding-version"] = kind, version


def _array(group, name: str, values: np.ndarray) -> None:
    options = {"compression": "gzip", "shuffle": True} if values.size and values.ndim == 2 else {}
    _mark(group.create_dataset(name, data=values, **options), "array", "0.2.0")


def _texts(group, name: str, values) -> None:
    _mark(group.create_dataset(name, data=np.array(values, object), dtype=TEXT), "string-array", "0.2.0")


def _frame(file, name: str, frame: pd.DataFrame, index: list[str]) -> None:
    """A table, with its row names in the column _index."""
    group = file.create_group(name)
    _mark(group, "dataframe", "0.2.0")
    group.attrs["_index"] = "_index"
    group.attrs.create("column-order", np.array(list(frame), object), dtype=TEXT)
    _texts(group, "_index", index)
    for column in frame:
        values = frame[column]
        if pd.api.types.is_bool_dtype(values) or pd.api.types.is_numeric_dtype(values):
            _array(group, column, values.to_numpy())
        else:
            _categorical(group, column, values)


def _categorical(group, name: str, values: pd.Series) -> None:
    """Text as numbers of its distinct values, sorted; -1 where it is missing."""
    codes, categories = pd.factorize(values.astype(object), sort=True)
    own = group.create_group(name)
    _mark(own, "categorical", "0.2.0")
    own.attrs["ordered"] = False
    _array(own, "codes", codes.astype(np.int32))
    _texts(own, "categories", categories)


def _mapping(group, name: str, values: dict) -> None:
    """A dict of text, numbers, lists of text and such dicts."""
    own = group.create_group(name)
    _mark(own, "dict", "0.1.0")
    for key, value in values.items():
        if isinstance(value, dict):
            _mapping(own, key, value)
        elif isinstance(value, list):
            _texts(own, key, value)
        elif isinstance(value, str):
            _mark(own.create_dataset(key, data=value, dtype=TEXT), "string", "0.2.0")
        else:
            _mark(own.create_dataset(key, data=value), "numeric-scalar", "0.2.0")
