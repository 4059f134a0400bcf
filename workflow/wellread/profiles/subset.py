"""Which rows of a profile table a task or figure looks at: `where: {dose: max, cell_line: U2OS, plate: [P1, P2]}`."""

import logging

import numpy as np
import pandas as pd

from wellread.inputs.cleaning import parts
from wellread.profiles import tables
from wellread.profiles.controls import is_negative

log = logging.getLogger("wellread")

EXTREMES = ("max", "min")  # of the numbers of each treatment; as an item of a list, a word like any other


def subset(frame: pd.DataFrame, where: dict) -> tuple[pd.DataFrame, dict[str, int]]:
    """The rows of a profile table, or of its metadata, that fit all conditions of `where`; how many do not, by reason.

    A condition is {column: value}: the value, or one of a list, is the row's own, or one of several that are joined by
    `|`; negative controls without a value stay. `max` and `min` keep the rows with the highest or lowest number of
    their treatment, among those that fit all other conditions; negative controls, and treatments without any number,
    stay. Reasons are such as `not dose: max`.
    """
    fits, left_out = np.ones(len(frame), bool), {}
    for name in sorted(where, key=lambda name: is_extreme(where[name])):
        value = where[name]
        own = _is_extreme_row(frame, fits, name, value) if is_extreme(value) else _equals(frame, name, value)
        left_out[f"not {condition(name, value)}"] = int((fits & ~own).sum())
        fits = fits & own
    log.info("%d of %d rows are looked at; left out: %s", fits.sum(), len(frame), left_out or "none")
    return frame[fits], left_out


def is_extreme(value) -> bool:
    """Whether the value of a condition asks for the highest or lowest number of every treatment."""
    return isinstance(value, str) and value in EXTREMES


def condition(name: str, value) -> str:
    """A condition in words: `plate: P1, P2`."""
    return f"{name}: {', '.join(_word(one) or 'empty' for one in (value if isinstance(value, list) else [value]))}"


def values(frame: pd.DataFrame, name: str) -> set[str]:
    """The values that a column of metadata can be asked for, as text."""
    return {one for word in tables.text_column(frame, name) for one in _alternatives(word)}


def _equals(frame: pd.DataFrame, name: str, value) -> np.ndarray:
    wanted = {form for one in (value if isinstance(value, list) else [value]) for form in (str(one), _word(one))}
    words = tables.text_column(frame, name)
    own = np.array([not wanted.isdisjoint(_alternatives(word)) for word in words], bool)
    return own | (is_negative(frame) & (words == ""))


def _alternatives(word: str) -> list[str]:
    return [word, *parts(word)]


def _is_extreme_row(frame: pd.DataFrame, among: np.ndarray, name: str, which: str) -> np.ndarray:
    """Which rows (n,) have the highest or lowest number of the rows `among` (n,) of their treatment."""
    negative = is_negative(frame)
    numbers = pd.to_numeric(frame[tables.column(name)], errors="coerce").where(among & ~negative)
    best = numbers.groupby(tables.text_column(frame, "treatment")).transform(which)
    return (negative | best.isna() | (numbers == best)).to_numpy(bool)


def _word(value) -> str:
    """A value as `tables.text_column` writes it in a column of fractions."""
    return str(value) if isinstance(value, str) else tables.number_word(value)
