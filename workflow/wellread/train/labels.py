"""What the wells table says of single cells. Only training with labels asks; all else learns of labels later."""

import hashlib
from dataclasses import dataclass

import numpy as np
import pandas as pd

from wellread.inputs import user_tables
from wellread.runtime.errors import InputError


@dataclass(frozen=True)
class Truth:
    """Names of the classes, and `targets` (N, classes) bool: what holds of cell i; perhaps several."""

    classes: list[str]
    targets: np.ndarray

    @property
    def several(self) -> bool:
        return bool((self.targets.sum(1) > 1).any())

    @property
    def hash(self) -> str:
        return hashlib.sha256("|".join(self.classes).encode() + self.targets.tobytes()).hexdigest()


def truth(cells, wells, label: str) -> Truth:
    """The `label` of every cell: `cells[i]` is the table of a plate's cells, `wells[i]` the wells table it belongs to.

    Several labels of a well are joined by `|`. A cell without any has a row of zeros.
    """
    texts = np.concatenate([_of_plate(*pair, label) for pair in zip(cells, wells, strict=True)])
    split = [list(filter(None, text.split("|"))) for text in texts]
    classes = sorted({name for names in split for name in names})
    if len(classes) < 2:
        edit = "`label`, or the wells table"
        raise InputError("at least 2 classes to tell apart", f"{classes}", f"{wells[0]}, column {label}", edit)
    place = {name: i for i, name in enumerate(classes)}
    targets = np.zeros((len(split), len(classes)), bool)
    for row, names in zip(targets, split, strict=True):
        row[[place[name] for name in names]] = True
    return Truth(classes, targets)


def _of_plate(cells, wells, label):
    table = user_tables.read(wells, "wells", (label,), key="wells")
    keys = pd.read_parquet(cells, columns=["plate", "well"])
    return keys.merge(table, on=["plate", "well"], how="left")[label].fillna("").astype(str).to_numpy(object)
