"""Rules of quality control: what lies outside limits of robust z-scores within its plate, or outside absolute ones, is
flagged. Fields (calibrate) and objects (crops) are flagged by the same code."""

import numpy as np
import pandas as pd

MIN_VALUES = 12  # fewer have no robust z-scores
MIN_SPREAD = 0.05  # least deviation, in medians: where values hardly differ, small differences are no faults
LOG_FLOOR = 1e-3  # smaller values, in medians, are raised to this before logarithms are taken


def broken_rules(table: pd.DataFrame, rules: dict, groups: dict[str, list[str]] | None = None) -> pd.Series:
    """The names of the rules that every row breaks, joined by "|" in their order; "" for none.

    `rules`: {name: {"z": [low, high], "range": [low, high]}}, None for no bound. A rule applies to the columns that
    `groups` has for it, else to the column of its name; breaking it in one of them is enough. NaN breaks none.
    """
    found = pd.Series("", table.index, dtype=object)
    for name, rule in rules.items():
        found = add_flag(found, name, _broken(table[(groups or {}).get(name, [name])], **rule))
    return found


def add_flag(found: pd.Series, name: str, broken) -> pd.Series:
    """`found`, rules joined by "|", with one more `name` in the rows where `broken` (boolean, by position) is true."""
    return found.where(~np.asarray(broken), found.where(found == "", found + "|") + name)


def summary(found: pd.Series) -> str:
    """How many rows each rule flags, most first, as a text: "4 of 96: 3 focus, 1 duplicate"."""
    names = found[found != ""].str.split("|").explode()
    counts = ", ".join(f"{n} {name}" for name, n in names.value_counts(sort=True).items())
    return f"{(found != '').sum()} of {len(found)}" + (f": {counts}" if counts else "")


def robust_z(values: pd.Series, log: bool | None = None) -> pd.Series:
    """Robust z-scores: (value - median) / (1.4826 MAD) (Iglewicz and Hoaglin 1993); all 0 for fewer than 12 values.

    Of the logarithms if `log`; by default of all measures without negative values and with a median above 0, since
    brightness, sharpness and areas differ by factors; but of eccentricity itself. The deviation is 0.05 medians at
    least, of whole numbers also 1, so that it is never close to 0.
    """
    values = values.astype(float)
    if values.count() < MIN_VALUES:
        return values * 0
    middle = values.median()
    min_spread = max(MIN_SPREAD * abs(middle), float((values.dropna() % 1 == 0).all()))
    if middle > 0 and (values.min() >= 0 and values.name != "eccentricity" if log is None else log):
        values, min_spread = np.log(values.clip(lower=LOG_FLOOR * middle)), min_spread / middle
    deviation = values - values.median()
    return deviation / (max(1.4826 * deviation.abs().median(), min_spread) or 1.2533 * deviation.abs().mean() or 1)


def _broken(columns: pd.DataFrame, z=(None, None), range=(None, None)) -> np.ndarray:
    scores = columns.apply(robust_z) if any(bound is not None for bound in z) else columns
    return (_outside(scores, z) | _outside(columns, range)).any(axis=1).to_numpy()


def _outside(values: pd.DataFrame, bounds) -> pd.DataFrame:
    low, high = (sign * np.inf if bound is None else bound for bound, sign in zip(bounds, (-1, 1), strict=True))
    return (values < low) | (values > high)
