"""Per plate: look at every field once, note its quality, and find the intensity limits of every channel."""

import logging
from collections import Counter
from functools import partial

import numpy as np
import pandas as pd
from scipy import ndimage

from wellread import images
from wellread.errors import InputError
from wellread.files import whole
from wellread.parallel import ordered
from wellread.progress import progress

log = logging.getLogger("wellread")
LEVELS = 2**16  # of the histograms: exact percentiles for 8- and 16-bit counts


def calibrate(rows, channels: list[str], calibration_out, fields_out, threads: int = 1, **options) -> None:
    """Calibrate one plate: `rows` of its images table -> calibration.npz and fields.parquet."""
    fields, limits = survey(rows, channels, threads, **options)
    with whole(fields_out) as part:
        fields.to_parquet(part, index=False)
    illumination = np.ones((len(channels), 1, 1), np.float32)
    with whole(calibration_out) as part:
        np.savez(part, illumination=illumination, limits=limits, channels=np.array(channels))


def survey(rows, channels: list[str], threads: int = 1, *, percentiles=(0.05, 99.95), max_failed_fields=0.2):
    """Quality of every field (table) and the percentile limits of every channel over the good ones (C, 2)."""
    expected = _usual_shape(rows[channels[0]])
    paths = rows[channels].to_numpy(object).tolist()
    look = partial(_look, channels=channels, expected=expected)
    counts, facts = np.zeros((len(channels), LEVELS), np.int64), []
    for fact, histogram in progress(ordered(look, paths, threads), "calibrate", len(paths), "fields"):
        facts.append(fact)
        counts += histogram if histogram is not None else 0
    named = rows[["plate", "well", "site", *channels]].rename(columns={c: f"path_{c}" for c in channels})
    fields = pd.concat([named.reset_index(drop=True), pd.DataFrame(facts)], axis=1)
    fields.insert(0, "field", np.arange(len(fields)))
    _refuse_too_many(fields, max_failed_fields)
    return fields, np.stack([_percentiles(count, percentiles) for count in counts])


def _usual_shape(paths) -> tuple[int, int]:
    shapes = Counter(filter(None, map(images.shape, paths)))
    return shapes.most_common(1)[0][0] if shapes else (0, 0)


def _look(paths: list[str], channels: list[str], expected: tuple[int, int]):
    try:
        raw = images.stack(paths, expected)
        flat = [channel for channel, plane in zip(channels, raw, strict=True) if plane.min() == plane.max()]
        if flat:
            raise images.BadField("blank", f"every pixel of {', '.join(flat)} has the same value")
    except images.BadField as bad:
        return {"status": bad.status, "detail": bad.detail}, None
    facts = {"status": "ok", "detail": ""}
    for channel, plane in zip(channels, raw, strict=True):
        facts |= {f"{name}_{channel}": value for name, value in _quality(plane).items()}
    return facts, np.stack([np.bincount(plane.ravel(), minlength=LEVELS) for plane in raw])


def _quality(plane: np.ndarray) -> dict:
    """Mean, 99th percentile, share of pixels at the type's maximum, and focus (Laplacian variance / variance)."""
    sharpness = ndimage.laplace(plane.astype(np.float32)).var() / plane.var()
    top = np.iinfo(plane.dtype).max
    return {
        "mean": float(plane.mean()),
        "p99": float(np.percentile(plane, 99)),
        "saturated": float((plane == top).mean()),
        "focus": float(sharpness),
    }


def _percentiles(count: np.ndarray, percentiles) -> np.ndarray:
    """Intensities below which the given percentages of all counted pixels lie."""
    shares = np.cumsum(count) / max(count.sum(), 1)
    return np.searchsorted(shares, np.array(percentiles) / 100).astype(float)


def _refuse_too_many(fields: pd.DataFrame, limit: float) -> None:
    bad = fields[fields["status"] != "ok"]
    told = [f"well {f.well} site {f.site}: {f.status}, {f.detail}" for f in bad.itertuples()]
    for line in told:
        log.warning("field left out: %s", line)
    if len(bad) > limit * len(fields) or len(bad) == len(fields):
        raise InputError(
            f"at most {limit:.0%} of the {len(fields)} fields unusable (max_failed_fields)",
            f"{len(bad)} unusable: " + "; ".join(told[:10]) + (" ..." if len(told) > 10 else ""),
            f"plate {fields['plate'].iloc[0]}",
            "the images or their table; or raise calibrate.max_failed_fields",
        )
