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

    Half of a plate's controls each, drawn at random; of an odd number, the last goes either way. The draw
    depends on the seed and on the plate's own name and controls, so that a new plate changes nothing
    elsewhere.
    """
    use = pd.Series("", index=wells.index, dtype=object)
    for plate, group in wells[wells["control"] == "negative"].groupby("plate"):
        rng = np.random.default_rng([seed, crc32(str(plate).encode())])
        order = rng.permutation(group.sort_values("well").index)
        n_fit = (len(order) + rng.integers(2)) // 2
        use.loc[order[:n_fit]], use.loc[order[n_fit:]] = "fit", "evaluate"
    return use.to_numpy(object)


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
