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
    """Names of the `classes`; `sets` (K, classes) bool, each of none, one or several; `codes` (N,): the set of a cell.

    A row of classes for each of ten million cells would take many gigabytes; sets are as few as wells.
    """

    classes: list[str]
    sets: np.ndarray
    codes: np.ndarray

    def targets(self, cells) -> np.ndarray:
        """The classes of some cells, (n, classes) bool."""
        return self.sets[self.codes[cells]]

    @property
    def labelled(self) -> np.ndarray:
        """Whether a cell has a class, (N,) bool."""
        return self.sets.any(1)[self.codes]

    @property
    def multi_label(self) -> bool:
        """Whether any cell has several classes."""
        return bool((self.sets.sum(1) > 1).any())

    @property
    def hash(self) -> str:
        """SHA-256 of classes and targets, in hexadecimal."""
        return digest("|".join(self.classes).encode(), self.sets, self.codes)


@dataclass(frozen=True)
class FoldedLabels(Labels):
    """Labels whose targets also say in which fold a cell is: `folds` (K, folds) bool, of every set."""

    folds: np.ndarray

    def targets(self, cells) -> np.ndarray:
        """The classes and the fold of some cells, (n, classes + folds) bool."""
        return np.concatenate([self.sets, self.folds], axis=1)[self.codes[cells]]

    @property
    def hash(self) -> str:
        """SHA-256 of classes, targets and folds, in hexadecimal."""
        return digest("|".join(self.classes).encode(), self.sets, self.codes, self.folds)


def digest(*arrays) -> str:
    """SHA-256 of the bytes of arrays, one after another, in hexadecimal."""
    return hashlib.sha256(b"".join(bytes(array) for array in arrays)).hexdigest()


def read_labels(cells, wells, label: str) -> Labels:
    """The column `label` for every cell: `cells[i]` is the table of a plate's cells, `wells[i]` its wells table.

    A wells table is a path, or what a dataset's section of the config says of it (`user_tables.wells`).
    Several labels of a well are joined by `|`. A cell without any has an empty set. An InputError if the column is
    missing or has fewer than 2 classes.
    """
    values, codes = read_groups(cells, wells, [label])
    split = [parts(text) for (text,) in values]
    classes = sorted({name for names in split for name in names})
    if len(classes) < 2:
        edit = "`label`, or the wells table"
        raise InputError("at least 2 classes to tell apart", f"{classes}", f"{_named(wells[0])}, column {label}", edit)
    sets, number = np.unique([[name in names for name in classes] for names in split], axis=0, return_inverse=True)
    return Labels(classes, sets, number.ravel().astype(np.int32)[codes])


def read_groups(cells, wells, columns):
    """What the wells tables say of every cell: the distinct rows of these columns, as text, and each cell's row (N,).

    `cells`, `wells`: as for `read_labels`. A well that is in no table has empty texts.
    """
    tables, numbers, codes = {}, {}, []
    for path, source in zip(cells, wells, strict=True):
        name = str(source)
        tables[name] = tables.get(name) or _rows_of_wells(source, columns)
        keys = table_files.read(path, "cells", ["plate", "well"])
        own = [
            tables[name].get(well, ("",) * len(columns))
            for well in keys.drop_duplicates().itertuples(index=False, name=None)
        ]
        of_wells = np.array([numbers.setdefault(row, len(numbers)) for row in own], np.int32)
        codes.append(of_wells[keys.groupby(["plate", "well"], sort=False).ngroup()])
    return list(numbers), np.concatenate(codes)


def _rows_of_wells(source, columns) -> dict:
    """{(plate, well): texts of some columns}, of a wells table."""
    table = user_tables.wells(source)
    if missing := [name for name in columns if name not in table]:
        found, edit = listed(table), "the columns that training asks for, or the wells table"
        raise InputError(f"a column {missing[0]}", found, _named(source), edit)
    texts = table[list(columns)].fillna("").astype(str)
    wells = zip(table["plate"], table["well"], strict=True)
    return dict(zip(wells, texts.itertuples(index=False, name=None), strict=True))


def _named(wells) -> str:
    return ", ".join(user_tables.wells_files(wells))
