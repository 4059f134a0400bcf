"""Fields of a plate that do not belong together: counts of another type, or of another bit depth, than the others'."""

import numpy as np
import pandas as pd

MEASURES = ("dtype", "step")  # of a plane, beside those of its quality
STEPS = (257, 256, 128, 64, 32, 16, 8, 4)
LEVELS = 16  # a plane of fewer levels has no step
FACTOR = 8  # counts that are this much lower, dark ones too, are of another depth: 12 bits saved as 8
OFFSET = 2 * FACTOR  # counts: darker plates have no dark that could be compared


def measures(plane: np.ndarray, count: np.ndarray) -> dict:
    """The type of a plane of counts, and the step between its levels, if that tells of a bit depth: {measure: value}.

    12 bits moved up to 16 have a step of 16, 8 bits times 257 one of 257, others 1; 0 for too few levels to tell.
    `count` (65536,) is the histogram.
    """
    levels = np.flatnonzero(count[: int(plane.max()) + 1])
    step = int(np.gcd.reduce(levels)) if len(levels) >= LEVELS else 0
    return {
        "dtype": str(plane.dtype),
        "step": next((known for known in STEPS if step and step % known == 0), min(step, 1)),
    }


def strangers(table: pd.DataFrame, channels: list[str]) -> pd.Series:
    """Why a field does not belong to its plate, "" if it does: what its counts are and what most others' are.

    `table` has dtype, step, background, p99 and top of every channel, NaN for fields that cannot be used.
    """
    found = pd.Series("", table.index, dtype=object)
    for channel in reversed(channels):
        own = {name: table[f"{name}_{channel}"] for name in (*MEASURES, "background", "p99", "top")}
        for why in (_darker(own), _other_step(own["step"]), _other_type(own["dtype"])):
            found = found.where(why == "", f"{channel} has " + why)
    return found


def _other_type(dtype: pd.Series) -> pd.Series:
    kinds = dtype.dropna().value_counts().sort_index(ascending=False).sort_values(ascending=False, kind="stable")
    if len(kinds) < 2:
        return pd.Series("", dtype.index)
    usual = "uint16" if (kinds == kinds.iloc[0]).all() else kinds.index[0]
    return _where_strange(dtype.notna() & (dtype != usual), dtype.astype(str) + f" counts, most of the plate {usual}")


def _other_step(step: pd.Series) -> pd.Series:
    """Multiples of a number where most are not, or the other way round; fields of few levels have no say."""
    known = step[step > 0]
    if known.empty:
        return pd.Series("", step.index)
    usual = known.mode().iloc[0]
    strange = (step > 0) & (step != usual) & ((known == usual).sum() > len(known) / 2)
    words = "counts that are multiples of " + step.fillna(0).astype(int).astype(str)
    return _where_strange(strange, words + f", most of the plate of {usual:.0f}: another bit depth")


def _darker(own: dict[str, pd.Series]) -> pd.Series:
    """Background, bright and brightest counts that are all FACTOR times lower than most."""
    ratios = [own[name] * FACTOR <= own[name].median() for name in ("background", "p99", "top")]
    strange = ratios[0] & ratios[1] & ratios[2] & (own["background"].median() >= OFFSET)
    words = f"a background and brightest counts at least {FACTOR} times lower than most of the plate: another bit depth"
    return _where_strange(strange, pd.Series(words, strange.index))


def _where_strange(strange: pd.Series, words: pd.Series) -> pd.Series:
    return words.where(strange, "")
