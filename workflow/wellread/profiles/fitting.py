"""The rows that corrections are fitted on."""

import numpy as np
import pandas as pd

from wellread.profiles import controls
from wellread.runtime.errors import InputError


def fitting_controls(meta: pd.DataFrame) -> np.ndarray:
    """Which rows (n,) are controls to fit on; raises InputError if there are fewer than two."""
    fit = controls.is_fitting(meta)
    if fit.sum() < 2:
        edit = "write negative in the column control of the wells table, or leave this correction out"
        raise InputError("negative controls to fit on, two or more", f"{fit.sum()}", "the profiles", edit)
    return fit
