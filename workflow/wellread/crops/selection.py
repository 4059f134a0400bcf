"""Which cells get a crop, decided from the table of objects alone: before any image is opened."""

import zlib

import numpy as np
import pandas as pd

from wellread.calibrate.flags import broken_rules
from wellread.runtime.errors import InputError


def judged(objects: pd.DataFrame, rules: dict) -> pd.Series:
    """The names of the rules that every object breaks (see `broken_rules`); `intensity` applies to all channels.

    Whole images have no intensities: rules of these say nothing about them.
    """
    bright = [column for column in objects if column.startswith("intensity_")]
    rules = {name: rule for name, rule in rules.items() if bright or not name.startswith("intensity")}
    if unknown := [name for name in rules if name not in objects and name != "intensity"]:
        edit = "`flags` of the crops, or the names of channels in it"
        raise InputError(f"measures of cells: {', '.join(bright)} ...", ", ".join(unknown), "crops.flags", edit)
    return broken_rules(objects, rules, {"intensity": bright})


def reasons(objects: pd.DataFrame, inside: np.ndarray, drop_flagged: bool, most: int, seed: int) -> np.ndarray:
    """Why an object gets no crop, (n,), empty for those that do: edge, flagged, or not among the `most` of its well.

    The draw is among those left of a well and depends on the seed and on its name, not on other wells.
    """
    reasons = np.where(inside, "", "edge").astype(object)
    if drop_flagged:
        reasons[(reasons == "") & (objects["flags"] != "").to_numpy()] = "flagged"
    for (plate, well), rows in objects.groupby(["plate", "well"]).indices.items() if most else ():
        left = rows[reasons[rows] == ""]
        rng = np.random.default_rng([seed, zlib.crc32(f"{plate}/{well}".encode())])
        reasons[rng.permutation(left)[most:]] = "max_per_well"
    return reasons
