"""Negative controls and their two halves: corrections are fitted on one, treatments are compared with the other.

Controls that a correction was fitted on look more alike than other wells do, so every treatment would look active
against them.
"""

from zlib import crc32

import numpy as np
import pandas as pd

from wellread.profiles import tables


def control_use(wells: pd.DataFrame, seed: int) -> np.ndarray:
    """The use of every well of a wells table (n,): "fit", "evaluate", or "" if it is no negative control.

    Half of a plate's controls each: those whose positions come first in an order of positions that is drawn by the
    seed, the same for all plates. So a position that is a control on several plates has one use, and can be followed
    from plate to plate; and a new plate changes nothing elsewhere. Of an odd number, the middle one goes either way;
    a single control by its plate.
    """
    use, names = np.full(len(wells), "", object), wells["well"].to_numpy(object)
    negative = np.flatnonzero(wells["control"] == "negative")
    rank = {well: _draw(seed, well).random() for well in set(names[negative])}
    for plate, group in pd.Series(negative).groupby(wells["plate"].to_numpy(object)[negative]):
        order = np.array(sorted(group, key=lambda row: rank[names[row]]))
        drawn_by = plate if len(order) == 1 else " ".join(sorted(names[order]))
        n_fit = (len(order) + _draw(seed, drawn_by).integers(2)) // 2
        use[order[:n_fit]], use[order[n_fit:]] = "fit", "evaluate"
    return use


def _draw(seed: int, name) -> np.random.Generator:
    return np.random.default_rng([seed, crc32(str(name).encode())])


def swapped(frame: pd.DataFrame) -> pd.DataFrame:
    """A profile table in which the two halves of the controls have changed their use."""
    column = tables.column("control_use")
    return frame.assign(**{column: frame[column].replace({"fit": "evaluate", "evaluate": "fit"})})


def is_negative(meta: pd.DataFrame) -> np.ndarray:
    """Which rows (n,) of the metadata of profiles are negative controls of either half."""
    return tables.text_column(meta, "control") == "negative"


def is_fitting(meta: pd.DataFrame) -> np.ndarray:
    """Which rows (n,) are negative controls of the fitting half."""
    return tables.text_column(meta, "control_use") == "fit"


def is_evaluation(meta: pd.DataFrame) -> np.ndarray:
    """Which rows (n,) are negative controls of the evaluation half."""
    return tables.text_column(meta, "control_use") == "evaluate"


def without_fitting_controls(frame: pd.DataFrame) -> pd.DataFrame:
    """The rows of a profile table that no correction was fitted on: all but the controls of the fitting half."""
    return frame[~is_fitting(frame)]
