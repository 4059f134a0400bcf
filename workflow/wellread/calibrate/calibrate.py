"""Per plate: look at every field, note its quality and faults, and find light and intensity limits of every channel."""

import logging
from collections import Counter
from functools import partial
from itertools import compress
from typing import NamedTuple

import numpy as np
import pandas as pd

from wellread.calibrate import illumination as light
from wellread.calibrate import quality
from wellread.calibrate.flags import FEWEST, also, tally
from wellread.calibrate.flags import flags as broken_rules
from wellread.calibrate.plate import flat_field
from wellread.inputs import images
from wellread.runtime.errors import InputError
from wellread.runtime.files import whole
from wellread.runtime.parallel import ordered
from wellread.runtime.progress import progress
from wellread.runtime.registry import chosen, pick

log = logging.getLogger("wellread")
LEVELS = 2**16  # of the histograms: exact percentiles for 8- and 16-bit counts
EVEN = {"none": {}}
RULES = {
    "focus": {"z": [-6, None]},
    "slope": {"z": [-6, 8]},
    "saturated": {"range": [None, 0.01]},
    "background": {"z": [None, 10]},
    "signal": {"z": [-6, None], "range": [5, None]},
}


class Looks(NamedTuple):
    """What one look at all fields found."""

    facts: list[dict]  # of every field
    small: dict[int, np.ndarray]  # number of a field: its channels, shrunken (C, h, w)
    counts: np.ndarray  # histogram of every channel over all readable fields (C, LEVELS)


def calibrate(rows, channels: list[str], calibration_out, fields_out, threads: int = 1, **options) -> None:
    """Calibrate one plate: `rows` of its images table -> calibration.npz and fields.parquet."""
    fields, calibration = survey(rows, channels, threads, **options)
    with whole(fields_out) as part:
        fields.to_parquet(part, index=False)
    with whole(calibration_out) as part:
        np.savez(part, **calibration, channels=np.array(channels))


def survey(
    rows, channels: list[str], threads: int = 1, *,
    illumination=EVEN, percentiles=(0.05, 99.95), max_failed_fields=0.2, flags=RULES, duplicates=True, flagged="keep",
) -> tuple[pd.DataFrame, dict]:  # fmt: skip
    """Quality, status and flags of every field (table), and what calibrates the plate: illumination, dark and limits.

    `illumination` is {method: options}. `flags` are rules on the measures of quality (see `flags.flags`), broken in any
    channel; `duplicates`: whether fields with the same pixels are flagged, too; `flagged`: keep those fields, or drop
    them. Limits (C, 2) are percentiles of the counts that dark and illumination leave, over the good fields.
    """
    site = light.Site(rows["plate"].iloc[0], channels, _usual_shape(rows[channels[0]]))
    paths = rows[channels].to_numpy(object).tolist()
    looks = _look_at_all(paths, site, _sampled(len(paths), illumination), threads)
    fields = _judged(rows, looks, channels, flags, duplicates)
    if flagged == "drop":
        _drop(fields)
    _refuse_too_many(fields, max_failed_fields)
    faultless = [looks.small[number] for number in fields.index[fields["flags"] == ""] if number in looks.small]
    surface, dark = pick("illumination", illumination)(site, np.array(faultless))
    limits = _limits(paths, fields["status"], looks.counts, (surface, dark), site, threads, percentiles)
    return fields, {"illumination": surface, "dark": dark, "limits": limits}


def _usual_shape(paths) -> tuple[int, int]:
    shapes = Counter(filter(None, map(images.shape, paths)))
    return shapes.most_common(1)[0][0] if shapes else (0, 0)


def _sampled(n: int, illumination: dict) -> list[bool]:
    """Whether the illumination is estimated from a field: from at most so many, from all over the plate."""
    most = light.SAMPLED if chosen("illumination", illumination).samples else 0
    return np.isin(np.arange(n), np.linspace(0, n - 1, min(n, most)).astype(int)).tolist()


def _look_at_all(paths, site: light.Site, sampled: list[bool], threads: int) -> Looks:
    look = partial(_look, channels=site.channels, expected=site.shape)
    looks = Looks([], {}, np.zeros((len(site.channels), LEVELS), np.int64))
    found = ordered(look, zip(paths, sampled, strict=True), threads)
    for number, (fact, small, counts) in enumerate(progress(found, "calibrate", len(paths), "fields")):
        looks.facts.append(fact)
        looks.counts[:] += counts
        if small is not None:
            looks.small[number] = small
    return looks


def _look(item: tuple[list[str], bool], channels: list[str], expected: tuple[int, int]):
    """Facts of one field, its channels shrunken if they are wanted, and their histograms (0 if it cannot be used)."""
    paths, wanted = item
    try:
        raw = images.stack(paths, expected)
        flat = [channel for channel, plane in zip(channels, raw, strict=True) if plane.min() == plane.max()]
        if flat:
            raise images.BadField("blank", f"every pixel of {', '.join(flat)} has the same value")
    except images.BadField as bad:
        return {"status": bad.status, "detail": bad.detail}, None, 0
    counts = np.stack([np.bincount(plane.ravel(), minlength=LEVELS) for plane in raw])
    facts = {"status": "ok", "detail": ""}
    for channel, plane, count in zip(channels, raw, counts, strict=True):
        facts |= {f"{name}_{channel}": value for name, value in quality.measures(plane, count).items()}
    return facts, np.stack([light.shrink(plane) for plane in raw]) if wanted else None, counts


def _judged(rows, looks: Looks, channels: list[str], rules: dict, duplicates: bool) -> pd.DataFrame:
    """The table of fields: what they are, their status, flags and measures."""
    named = rows[["plate", "well", "site", *channels]].rename(columns={c: f"path_{c}" for c in channels})
    facts = pd.DataFrame(looks.facts)
    columns = [f"{measure}_{c}" for c in channels for measure in quality.MEASURES]
    found = [f"{measure}_{c}" for c in channels for measure in (*quality.MEASURES, *quality.MEANS)]
    facts = facts.reindex(columns=["status", "detail", *found])
    for channel, count in zip(channels, looks.counts, strict=True):
        facts[f"saturated_{channel}"] = quality.saturated(facts, count, channel)
    names = named["well"] + " " + named["site"].astype(str)
    facts["duplicate_of"] = quality.duplicates(facts[[f"print_{c}" for c in channels]], names.reset_index(drop=True))
    broken = broken_rules(facts, rules, {measure: [f"{measure}_{c}" for c in channels] for measure in quality.MEASURES})
    facts["flags"] = also(broken, "duplicate", duplicates & (facts["duplicate_of"] != ""))
    _tell(facts, rules)
    facts = facts[["status", "detail", "flags", "duplicate_of", *columns]]
    fields = pd.concat([named.reset_index(drop=True), facts], axis=1)
    fields.insert(0, "field", np.arange(len(fields)))
    return fields


def _tell(facts: pd.DataFrame, rules: dict) -> None:
    good = facts["status"] == "ok"
    if good.sum() < FEWEST and any("z" in rule for rule in rules.values()):
        log.info("flags: %d good fields are too few for z-scores; only ranges are looked at", good.sum())
    log.info("fields flagged: %s", tally(facts.loc[good, "flags"]))


def _drop(fields: pd.DataFrame) -> None:
    """Leave out what is flagged, with its flags for a reason."""
    out = fields["flags"] != ""
    fields.loc[out, "detail"] = fields.loc[out, "flags"].str.replace("|", ", ")
    fields.loc[out, "status"] = "flagged"


def _limits(paths, status: pd.Series, counts: np.ndarray, even, site: light.Site, threads: int, percentiles):
    """Percentiles (C, 2) of corrected counts over the fields with status ok; a second look only where it takes one.

    Without correction the flagged fields' counts are taken off again. With it, counts are no whole numbers: there are
    LEVELS bins between the least and the greatest that may be.
    """
    even_light = even[0][0].size == 1 and not even[1].any()
    wanted = status == ("flagged" if even_light else "ok")
    levels = np.arange(LEVELS)
    if even_light:
        span = np.array([[0, LEVELS - 1]] * len(counts), float)
    else:
        ends = np.array([levels[count > 0][[0, -1]] if count.any() else [0, 1] for count in counts])
        span = (ends - even[1][:, None]) / np.stack([even[0].max((1, 2)), even[0].min((1, 2))], axis=1)
    again = ordered(partial(_corrected, even=even, span=span, shape=site.shape), list(compress(paths, wanted)), threads)
    seen = sum(progress(again, "limits", int(wanted.sum()), "fields"), np.zeros_like(counts))
    total = counts - seen if even_light else seen
    places = np.stack([_percentiles(count, percentiles) for count in total])
    return span[:, :1] + places * (span[:, 1:] - span[:, :1]) / (LEVELS - 1)


def _corrected(paths: list[str], even, span: np.ndarray, shape: tuple[int, int]) -> np.ndarray:
    """Histograms (C, LEVELS) of the corrected counts of a field, in bins from the one to the other end of `span`."""
    planes = flat_field(images.stack(paths, shape), *even)
    scale = (LEVELS - 1) / np.maximum(span[:, 1] - span[:, 0], 1e-6)
    bins = [
        np.rint((plane - np.float32(low)) * np.float32(k))
        for plane, low, k in zip(planes, span[:, 0], scale, strict=True)
    ]
    return np.stack([np.bincount(np.clip(b, 0, LEVELS - 1).astype(np.intp).ravel(), minlength=LEVELS) for b in bins])


def _percentiles(count: np.ndarray, percentiles) -> np.ndarray:
    """Levels below which the given percentages of all counted pixels lie."""
    shares = np.cumsum(count) / max(count.sum(), 1)
    return np.searchsorted(shares, np.array(percentiles) / 100).astype(float)


def _refuse_too_many(fields: pd.DataFrame, limit: float) -> None:
    bad = fields[~fields["status"].isin(["ok", "flagged"])]
    told = [f"well {f.well} site {f.site}: {f.status}, {f.detail}" for f in bad.itertuples()]
    for line in told:
        log.warning("field left out: %s", line)
    if len(bad) > limit * len(fields) or (len(bad) == len(fields) and limit < 1):
        raise InputError(
            f"at most {limit:.0%} of the {len(fields)} fields unusable (max_failed_fields)",
            f"{len(bad)} unusable: " + "; ".join(told[:10]) + (" ..." if len(told) > 10 else ""),
            f"plate {fields['plate'].iloc[0]}",
            "the images or their table; or raise calibrate.max_failed_fields (1: go on even without any)",
        )
    if len(bad) < len(fields) and not (fields["status"] == "ok").any():
        found = f"all of them flagged: {tally(fields['flags'])}"
        edit = "calibrate.flags, or `flagged: keep`"
        raise InputError("a field without flags", found, f"plate {fields['plate'].iloc[0]}", edit)
