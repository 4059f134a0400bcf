"""Which cells get a crop, decided from the table of objects alone: before any image is opened."""

import zlib

import numpy as np
import pandas as pd

from wellread.calibrate.flags import broken_rules
from wellread.runtime.errors import InputError


def object_flags(objects: pd.DataFrame, rules: dict) -> pd.Series:
    """The names of the rules that every object breaks (see `broken_rules`); `intensity` applies to all channels.

    Whole images have no intensities, so rules of these flag none. InputError for a rule of an unknown measure.
    """
    intensities = [column for column in objects if column.startswith("intensity_")]
    rules = {name: rule for name, rule in rules.items() if intensities or not name.startswith("intensity")}
    if unknown := [name for name in rules if name not in objects and name != "intensity"]:
        edit = "`flags` of the crops, or the names of channels in it"
        raise InputError(f"measures of cells: {', '.join(intensities)} ...", ", ".join(unknown), "crops.flags", edit)
    return broken_rules(objects, rules, {"intensity": intensities})


def reasons_without_crop(
    objects: pd.DataFrame, inside: np.ndarray, drop_flagged: bool, max_per_well: int, seed: int
) -> np.ndarray:
    """Why an object gets no crop (n,): "edge", "flagged", "max_per_well"; "" for those that get one.

    `inside` (n,) bool: the window lies within the field. `max_per_well` objects (0: all) are drawn at random from those
    left of a well; the draw depends on the seed and on the names of plate and well, not on other wells.
    """
    reasons = np.where(inside, "", "edge").astype(object)
    if drop_flagged:
        reasons[(reasons == "") & (objects["flags"] != "").to_numpy()] = "flagged"
    for (plate, well), rows in objects.groupby(["plate", "well"]).indices.items() if max_per_well else ():
        left = rows[reasons[rows] == ""]
        rng = np.random.default_rng([seed, zlib.crc32(f"{plate}/{well}".encode())])
        reasons[rng.permutation(left)[max_per_well:]] = "max_per_well"
    return reasons
