"""Labels of single cells, from the wells table. Read only by methods and probes that use labels."""

import hashlib
from dataclasses import dataclass

import numpy as np

from wellread.inputs import user_tables
from wellread.inputs.cleaning import listed, parts
from wellread.runtime import table_files
from wellread.runtime.errors import InputError


@dataclass(frozen=True)
class Labels:
    """Names of the `classes`, and `targets` (N, classes) bool: the classes of cell i; none, one or several."""

    classes: list[str]
    targets: np.ndarray

    @property
    def multi_label(self) -> bool:
        """Whether any cell has several classes."""
        return bool((self.targets.sum(1) > 1).any())

    @property
    def hash(self) -> str:
        """SHA-256 of classes and targets, in hexadecimal."""
        return hashlib.sha256("|".join(self.classes).encode() + self.targets.tobytes()).hexdigest()


def read_labels(cells, wells, label: str) -> Labels:
    """The column `label` for every cell: `cells[i]` is the table of a plate's cells, `wells[i]` its wells table.

    A wells table is a path, or what a dataset's section of the config says of it (`user_tables.wells`).
    Several labels of a well are joined by `|`. A cell without any has a row of zeros. An InputError if the column is
    missing or has fewer than 2 classes.
    """
    texts = np.concatenate([_labels_of_plate(*pair, label) for pair in zip(cells, wells, strict=True)])
    split = [parts(text) for text in texts]
    classes = sorted({name for names in split for name in names})
    if len(classes) < 2:
        edit = "`label`, or the wells table"
        raise InputError("at least 2 classes to tell apart", f"{classes}", f"{_named(wells[0])}, column {label}", edit)
    index = {name: i for i, name in enumerate(classes)}
    targets = np.zeros((len(split), len(classes)), bool)
    for row, names in zip(targets, split, strict=True):
        row[[index[name] for name in names]] = True
    return Labels(classes, targets)


def _named(wells) -> str:
    return ", ".join(user_tables.wells_files(wells))


def _labels_of_plate(cells, wells, label):
    table = user_tables.wells(wells)
    if label not in table:
        raise InputError(f"a column {label}", listed(table), _named(wells), "`label`, or the wells table")
    keys = table_files.read(cells, "cells", ["plate", "well"])
    return keys.merge(table, on=["plate", "well"], how="left")[label].fillna("").astype(str).to_numpy(object)
