"""Profiles of several datasets as one table."""

import pandas as pd

from wellread.inputs.cleaning import parts
from wellread.profiles import tables
from wellread.runtime.errors import InputError

OWN = ("plate", "batch")  # columns whose values say little without the dataset: P1 of one is not P1 of another


def pool_datasets(frames: dict[str, pd.DataFrame]) -> pd.DataFrame:
    """The rows of the profile tables, or of their metadata, of several datasets {name: table}, in this order.

    A column `dataset` says where a row is from, and plates and batches are called `dataset/plate`. Columns of metadata
    that a dataset lacks are empty there. Raises InputError if the datasets have different features.
    """
    features = {name: [one for one in frame if one.startswith("emb_")] for name, frame in frames.items()}
    if len({tuple(own) for own in features.values()}) > 1:
        found = ", ".join(f"{len(own)} of {name}" for name, own in features.items())
        edit = "pool datasets of the same channels, or leave the model out"
        raise InputError("the same features in all pooled datasets", found, "pool", edit)
    together = pd.concat([_named(frame, name) for name, frame in frames.items()], ignore_index=True)
    own = next(iter(features.values()))
    return together[[name for name in together if name not in own] + own]


def _named(frame: pd.DataFrame, dataset: str) -> pd.DataFrame:
    """A table with a column `dataset`, which the names of its plates and batches begin with."""
    own = {tables.column(name): tables.text_column(frame, name) for name in OWN if tables.column(name) in frame}
    named = {column: [_prefixed(value, dataset) for value in values] for column, values in own.items()}
    return frame.assign(**{tables.column("dataset"): dataset}, **named)


def _prefixed(value: str, dataset: str) -> str:
    return "|".join(f"{dataset}/{part}" for part in parts(value))
