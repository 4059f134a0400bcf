"""Planes and times in separate files: which of them are the picture of a field."""

import logging
import re

import numpy as np
import pandas as pd

from wellread.inputs.references import BAR, PROJECTIONS
from wellread.runtime.counted import between, counted
from wellread.runtime.errors import InputError

log = logging.getLogger("wellread")
KEY = ["plate", "well", "site", "channel"]


def at_time(frame: pd.DataFrame, time, where: str) -> pd.DataFrame:
    """The files of one time point (column t, if any); InputError if there are several and none is asked for."""
    if "t" not in frame:
        return frame
    times = _numbers(frame["t"])
    there = [int(one) for one in sorted(times.dropna().unique())]
    if time == "" and len(there) > 1:
        found = f"{len(there)} times: {_few(there)}"
        raise InputError("one time point", found, where, f"write `time: {there[0]}` below {where}")
    if time != "" and int(time) not in there:
        raise InputError(f"files of time {time}", f"times {_few(there)}", f"{where}.time", "time")
    return frame if time == "" else frame[(times == int(time)).to_numpy()]


def in_one_image(frame: pd.DataFrame, z, where: str, say=log.info) -> pd.DataFrame:
    """One row per KEY, its path a file or a reference to the planes (column z, if there is one) of which it is made.

    `z`: max or focus of all planes, the number of one, or "": the projection that the microscope saved (a file
    without a z beside others that have one), else the maximum. What was taken is told. InputError for a number that
    some channel does not have.
    """
    if "z" not in frame:
        return frame
    frame = frame.assign(z=_numbers(frame["z"]))
    if z not in ("", *PROJECTIONS):
        return _one_plane(frame, int(z), where)
    flat, planes = frame[frame["z"].isna()], frame[frame["z"].notna()]
    first, second = (flat, _projected(planes, z or "max")) if z == "" else (_projected(planes, z), flat)
    rest = second[~_keys(second).isin(_keys(first))] if len(first) and len(second) else second
    saved, projected = (first, rest) if z == "" else (rest, first)
    if taken := _taken(len(saved), projected["path"], z):
        say(f"{where}.z: taken of z-planes: {taken}; max, focus or a number takes another")
    return pd.concat([first, rest])[[*KEY, "path"]]


def _numbers(texts: pd.Series) -> pd.Series:
    """Text as numbers, NaN where there is none; the few different ones are read once."""
    codes, found = pd.factorize(texts)
    return pd.Series(np.array([*map(float, found), np.nan])[codes], texts.index)


def _projected(planes: pd.DataFrame, z: str) -> pd.DataFrame:
    """A row per KEY: its only plane, or a reference to the projection of all of them, from bottom to top."""
    if not planes.duplicated(KEY).any() or planes.duplicated([*KEY, "z"]).any():
        return planes  # as they are; what is there twice is told later
    groups = planes.sort_values([*KEY, "z"], kind="stable").groupby(KEY, sort=False)["path"]
    joined, sizes = groups.agg(BAR.join), groups.size()
    return joined.where(sizes == 1, joined + f" [z={z}]").reset_index()


def _taken(saved: int, paths: pd.Series, z: str) -> str:
    """What is taken of z-planes: the number of projections that were `saved`, and what others, `paths`, are made of.

    "" where all images have a single plane.
    """
    n = paths.str.count(re.escape(BAR)) + 1
    several, single = n[n > 1], int((n == 1).sum())
    if not saved and several.empty:
        return ""
    words = [f"the projection that the microscope saved ({counted(saved, 'image')})"] if saved else []
    if len(several):
        of = between(several.min(), several.max(), "plane")
        words.append(f"{PROJECTIONS[z or 'max']} of {of} ({counted(len(several), 'image')})")
    return ", ".join([*words, *([f"the only one ({counted(single, 'image')})"] if single else [])])


def _one_plane(frame: pd.DataFrame, z: int, where: str) -> pd.DataFrame:
    """Plane number `z` of every channel; of channels with a single plane or projection throughout, that."""
    kinds = frame["z"].fillna(-1).groupby(frame["channel"])
    single = kinds.transform("nunique") == 1
    kept = frame[single | (frame["z"] == z)]
    if lacking := sorted(set(frame["channel"]) - set(kept["channel"])):
        planes = [int(one) for one in sorted(frame.loc[frame["channel"] == lacking[0], "z"].dropna().unique())]
        found = f"{lacking[0] or 'the files'}: planes {_few(planes)}"
        raise InputError(f"a plane {z} of every channel", found, f"{where}.z", "z: max, focus or another number")
    return kept[[*KEY, "path"]]


def _keys(frame: pd.DataFrame) -> pd.MultiIndex:
    return pd.MultiIndex.from_frame(frame[KEY])


def _few(numbers: list[int]) -> str:
    return ", ".join(map(str, numbers[:8])) + (" ..." if len(numbers) > 8 else "")
