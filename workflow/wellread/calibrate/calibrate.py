"""Per plate: inspect every field, note its quality, find the illumination and the intensity limits of every channel."""

import logging
from collections import Counter
from functools import partial
from typing import NamedTuple

import numpy as np
import pandas as pd

from wellread.calibrate import depths, gaps, quality
from wellread.calibrate import illumination as light
from wellread.calibrate.flags import MIN_VALUES, add_flag, broken_rules, summary
from wellread.calibrate.limits import LEVELS, histograms_of, intensity_limits, summed_histograms
from wellread.inputs import images
from wellread.runtime import table_files
from wellread.runtime.errors import InputError
from wellread.runtime.files import whole
from wellread.runtime.parallel import ordered
from wellread.runtime.progress import progress
from wellread.runtime.registry import chosen, pick

log = logging.getLogger("wellread")
SHOWN = 5  # fields named in one line
EVEN = {"none": {}}
RULES = {
    "focus": {"z": [-6, None]},
    "slope": {"z": [-6, 8]},
    "saturated": {"range": [None, 0.01]},
    "background": {"z": [None, 10]},
    "signal": {"z": [-6, None], "range": [5, None]},
}


class Inspection(NamedTuple):
    """What reading all fields of a plate once gave."""

    measures: list[dict]  # of every field: status, detail and measures of quality
    thumbnails: dict[int, np.ndarray]  # number of a sampled field: its channels, shrunk (C, h, w)
    histograms: np.ndarray  # of counts of every channel over all readable fields (C, LEVELS)


def calibrate(rows, channels: list[str], calibration_out, fields_out, threads: int = 1, **options) -> None:
    """Calibrate one plate: from `rows` of its images table write fields.parquet and calibration.npz (see `survey`).

    `options` are the keyword-only ones of `survey`.
    """
    fields, calibration = survey(rows, channels, threads, **options)
    table_files.write(fields, fields_out, "fields")
    with whole(calibration_out) as part:
        np.savez(part, **calibration, channels=np.array(channels))


def survey(
    rows, channels: list[str], threads: int = 1, *,
    illumination=EVEN, percentiles=(0.05, 99.95), max_failed_fields=0.2, flags=RULES, duplicates=True, flagged="keep",
    incomplete=True,
) -> tuple[pd.DataFrame, dict]:  # fmt: skip
    """Table of fields (quality, status and flags of each), and the plate's calibration: illumination, dark and limits.

    `illumination` (C, H, W) or (C, 1, 1) is that of the method `illumination` ({method: options}), `dark` (C,) counts,
    `limits` (C, 2) the two `percentiles` of flat-field corrected counts over the good fields without flags (with them,
    if all have some). `flags` are rules on the measures of quality (see `flags.broken_rules`), broken in any channel;
    `duplicates`: whether fields with the same pixels are flagged, too; `flagged`: keep or drop those fields;
    `incomplete`: whether fields with gaps (see `gaps`) are left out. InputError if more than the fraction
    `max_failed_fields` cannot be used, or none is left.
    """
    plate = light.PlateShape(rows["plate"].iloc[0], channels, _usual_shape(rows[channels[0]]))
    paths = rows[channels].to_numpy(object).tolist()
    inspection = _inspect_fields(paths, plate, _sampled(len(paths), illumination), threads, incomplete)
    _log_notes(inspection.measures)
    _set_strangers_apart(inspection, paths, plate, threads)
    fields = _fields_table(rows, inspection, channels, flags, duplicates)
    if flagged == "drop":
        _drop(fields)
    _refuse_too_many(fields, max_failed_fields)
    used = _used(fields)
    thumbnails = [inspection.thumbnails[number] for number in fields.index[used] if number in inspection.thumbnails]
    surface, dark = pick("illumination", illumination)(plate, np.array(thumbnails))
    left_out = np.isin(fields["status"], ("ok", "flagged")) & ~used
    histograms = inspection.histograms - summed_histograms(paths, left_out, plate, threads)
    limits = intensity_limits(paths, used, histograms, (surface, dark), plate, threads, percentiles)
    return fields, {"illumination": surface, "dark": dark, "limits": limits}


def _used(fields: pd.DataFrame) -> np.ndarray:
    """Which fields the light and the limits are taken from: good ones without flags, or all good ones, if none is."""
    good = (fields["status"] == "ok").to_numpy()
    unflagged = good & (fields["flags"] == "").to_numpy()
    return unflagged if unflagged.any() else good


def _log_notes(measures: list[dict]) -> None:
    """Warn once of everything that was noted on reading images, with the number of fields."""
    for note, n in sorted(Counter(note for one in measures for note in one.get("notes", ())).items()):
        log.warning("%d of %d fields have images of: %s", n, len(measures), note)


def _set_strangers_apart(inspection: Inspection, paths, plate: light.PlateShape, threads: int) -> None:
    """Give fields that do not belong to their plate, in place, the status `depth`, and take their counts out again."""
    names = [f"{name}_{channel}" for channel in plate.channels for name in (*quality.MEASURES, *quality.AUXILIARY)]
    why = depths.strangers(pd.DataFrame(inspection.measures).reindex(columns=names), plate.channels)
    inspection.histograms[:] -= summed_histograms(paths, why != "", plate, threads)
    for number in np.flatnonzero(why != ""):
        inspection.measures[number] = {"status": "depth", "detail": why[number]}


def _usual_shape(paths) -> tuple[int, int]:
    """The most common (H, W) of image files; (0, 0) if none can be read."""
    shapes = Counter(filter(None, map(images.read_shape, paths)))
    return shapes.most_common(1)[0][0] if shapes else (0, 0)


def _sampled(n: int, illumination: dict) -> list[bool]:
    """Whether the illumination is estimated from a field, for each of n: SAMPLED at most, spread evenly."""
    most = light.SAMPLED if chosen("illumination", illumination).samples else 0
    return np.isin(np.arange(n), np.linspace(0, n - 1, min(n, most)).astype(int)).tolist()


def _inspect_fields(paths, plate: light.PlateShape, sampled: list[bool], threads: int, incomplete: bool) -> Inspection:
    inspect = partial(_inspect_field, channels=plate.channels, expected=plate.shape, incomplete=incomplete)
    inspection = Inspection([], {}, np.zeros((len(plate.channels), LEVELS), np.int64))
    results = ordered(inspect, zip(paths, sampled, strict=True), threads)
    for number, (measures, thumbnail, histograms) in enumerate(progress(results, "calibrate", len(paths), "fields")):
        inspection.measures.append(measures)
        inspection.histograms[:] += histograms
        if thumbnail is not None:
            inspection.thumbnails[number] = thumbnail
    return inspection


def _inspect_field(item: tuple[list[str], bool], channels: list[str], expected: tuple[int, int], incomplete: bool):
    """Status and measures of a field, its thumbnail (C, h, w) if sampled, histograms (C, LEVELS), or 0 if unusable."""
    (paths, sampled), notes = item, set()
    try:
        raw = images.read_planes(paths, expected, notes)
        histograms = histograms_of(raw)
        _refuse_blank(raw, channels)
        if incomplete:
            _refuse_gaps(raw, histograms, paths)
    except images.BadField as bad:
        return {"status": bad.status, "detail": bad.detail, "notes": notes}, None, 0
    measures = {"status": "ok", "detail": "", "notes": notes}
    for channel, plane, histogram in zip(channels, raw, histograms, strict=True):
        found = quality.measures(plane, histogram) | depths.measures(plane, histogram)
        measures |= {f"{name}_{channel}": value for name, value in found.items()}
    return measures, np.stack([light.shrink(plane) for plane in raw]) if sampled else None, histograms


def _refuse_blank(raw: list[np.ndarray], channels: list[str]) -> None:
    blank = [channel for channel, plane in zip(channels, raw, strict=True) if plane.min() == plane.max()]
    if blank:
        raise images.BadField("blank", f"every pixel of {', '.join(blank)} has the same value")


def _refuse_gaps(raw: list[np.ndarray], histograms: np.ndarray, paths: list[str]) -> None:
    cause = "an interrupted copy, or lost lines or tiles"
    for plane, histogram, path in zip(raw, histograms, paths, strict=True):
        share, value = gaps.gap(plane, histogram)
        if share:
            raise images.BadField("incomplete", f"{path}: {share:.1%} of it are blocks of the count {value}: {cause}")
        if share := gaps.repeated_lines(plane):
            raise images.BadField("incomplete", f"{path}: {share:.1%} of its lines are equal to earlier ones: {cause}")


def _fields_table(rows, inspection: Inspection, channels: list[str], rules: dict, duplicates: bool) -> pd.DataFrame:
    """fields.parquet: number, plate, well, site and paths of every field, its status, flags and measures."""
    keys = rows[["plate", "well", "site", *channels]].rename(columns={c: f"path_{c}" for c in channels})
    table = pd.DataFrame(inspection.measures)
    columns = [f"{measure}_{c}" for c in channels for measure in quality.MEASURES]
    measured = [f"{measure}_{c}" for c in channels for measure in (*quality.MEASURES, *quality.AUXILIARY)]
    table = table.reindex(columns=["status", "detail", *measured])
    for channel, histogram in zip(channels, inspection.histograms, strict=True):
        table[f"saturated_{channel}"] = quality.saturated(table, histogram, channel)
    names = (keys["well"] + " " + keys["site"].astype(str)).reset_index(drop=True)
    fingerprints = table[[f"fingerprint_{c}" for c in channels]].set_axis(channels, axis=1)
    table["duplicate_of"] = quality.duplicates(fingerprints, names)
    groups = {measure: [f"{measure}_{c}" for c in channels] for measure in quality.MEASURES}
    duplicate = duplicates & (table["duplicate_of"] != "")
    table["flags"] = add_flag(broken_rules(table, rules, groups), "duplicate", duplicate)
    _log_flags(table, rules)
    table = table[["status", "detail", "flags", "duplicate_of", *columns]]
    fields = pd.concat([keys.reset_index(drop=True), table], axis=1)
    fields.insert(0, "field", np.arange(len(fields)))
    return fields


def _log_flags(table: pd.DataFrame, rules: dict) -> None:
    good = table["status"] == "ok"
    if good.sum() < MIN_VALUES and any("z" in rule for rule in rules.values()):
        log.info("flags: %d good fields are too few for z-scores; only ranges are checked", good.sum())
    log.info("fields flagged: %s", summary(table.loc[good, "flags"]))


def _drop(fields: pd.DataFrame) -> None:
    """Give flagged fields, in place, the status `flagged`, with their flags as the detail."""
    flagged = fields["flags"] != ""
    fields.loc[flagged, "detail"] = fields.loc[flagged, "flags"].str.replace("|", ", ")
    fields.loc[flagged, "status"] = "flagged"


def _refuse_too_many(fields: pd.DataFrame, limit: float) -> None:
    """Warn of every unusable field; InputError if they are more than the fraction `limit`, or if none is left."""
    bad = fields[~fields["status"].isin(["ok", "flagged"])]
    lines = _by_reason(bad)
    for line in lines:
        log.warning("field left out: %s", line)
    if len(bad) > limit * len(fields) or (len(bad) == len(fields) and limit < 1):
        raise InputError(
            f"at most {limit:.0%} of the {len(fields)} fields unusable (max_failed_fields)",
            f"{len(bad)} unusable: " + "; ".join(lines[:10]) + (" ..." if len(lines) > 10 else ""),
            f"plate {fields['plate'].iloc[0]}",
            "the images or their table; or raise calibrate.max_failed_fields (1: go on even without any)",
        )
    if len(bad) < len(fields) and not (fields["status"] == "ok").any():
        found = f"all of them flagged: {summary(fields['flags'])}"
        edit = "calibrate.flags, or `flagged: keep`"
        raise InputError("a field without flags", found, f"plate {fields['plate'].iloc[0]}", edit)


def _by_reason(bad: pd.DataFrame) -> list[str]:
    """A line for every reason why fields are bad: where, for one field; how many, and where some are, for several."""
    paths = [column for column in bad if column.startswith("path_")]
    reasons = {}
    for field in bad.to_dict("records"):
        general = field["detail"]
        for path in filter(None, (field[column] for column in paths)):
            general = general.replace(path, "an image")
        reasons.setdefault((field["status"], general), []).append(field)
    return [_line(fields) for fields in reasons.values()]


def _line(fields: list[dict]) -> str:
    first, n = fields[0], len(fields)
    where = ", ".join(f"well {f['well']} site {f['site']}" for f in fields[:SHOWN]) + (" ..." if n > SHOWN else "")
    also = f"{n} fields ({where}): {first['status']}, for example " if n > 1 else f"{where}: {first['status']}, "
    return also + first["detail"]
