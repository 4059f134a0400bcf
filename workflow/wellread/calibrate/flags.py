"""Rules of quality: what lies outside robust z-scores within its plate, or outside absolute limits, is flagged."""

import numpy as np
import pandas as pd

FEWEST = 12  # values that have a median and a spread worth speaking of
NARROWEST = 0.05  # least spread, in medians: where values hardly differ, small differences are no faults
DETECTED = 1e-3  # what counts as nothing beside the median, for logarithms


def flags(table: pd.DataFrame, rules: dict, groups: dict[str, list[str]] | None = None) -> pd.Series:
    """The names of the rules that every row breaks, joined by "|" in their order; "" for none.

    `rules`: {name: {"z": [low, high], "range": [low, high]}}, None for no bound. A rule looks at the columns that
    `groups` has for it, else at the column of its name; breaking it in one of them is enough. NaN breaks none.
    """
    found = pd.Series("", table.index, dtype=object)
    for name, rule in rules.items():
        found = also(found, name, _broken(table[(groups or {}).get(name, [name])], **rule))
    return found


def also(found: pd.Series, name: str, broken) -> pd.Series:
    """`found` with the name of one more rule in the rows that break it."""
    return found.where(~np.asarray(broken), found.where(found == "", found + "|") + name)


def tally(found: pd.Series) -> str:
    """How many rows each rule flags, most first: "4 of 96: 3 focus, 1 duplicate"."""
    names = found[found != ""].str.split("|").explode()
    told = ", ".join(f"{n} {name}" for name, n in names.value_counts(sort=True).items())
    return f"{(found != '').sum()} of {len(found)}" + (f": {told}" if told else "")


def robust_z(values: pd.Series, log: bool | None = None) -> pd.Series:
    """Distance from the median in deviations (1.4826 MAD; Iglewicz and Hoaglin 1993); 0 where fewer than 12 have one.

    Of the logarithms if `log`; by default of all measures without negative values and with a median above 0, since
    brightness, sharpness and areas differ by factors; but of eccentricity itself. The spread is 0.05 medians at least,
    of whole numbers also 1, so that it never is next to nothing.
    """
    values = values.astype(float)
    if values.count() < FEWEST:
        return values * 0
    middle = values.median()
    narrowest = max(NARROWEST * abs(middle), float((values.dropna() % 1 == 0).all()))
    if middle > 0 and (values.min() >= 0 and values.name != "eccentricity" if log is None else log):
        values, narrowest = np.log(values.clip(lower=DETECTED * middle)), narrowest / middle
    off = values - values.median()
    return off / (max(1.4826 * off.abs().median(), narrowest) or 1.2533 * off.abs().mean() or 1)


def _broken(columns: pd.DataFrame, z=(None, None), range=(None, None)) -> np.ndarray:
    scores = columns.apply(robust_z) if any(bound is not None for bound in z) else columns
    return (_outside(scores, z) | _outside(columns, range)).any(axis=1).to_numpy()


def _outside(values: pd.DataFrame, bounds) -> pd.DataFrame:
    low, high = (sign * np.inf if bound is None else bound for bound, sign in zip(bounds, (-1, 1), strict=True))
    return (values < low) | (values > high)
