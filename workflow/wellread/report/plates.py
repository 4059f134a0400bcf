"""The chapters calibrate, segment and crops: the quality of the fields, the objects found, and pictures of cells."""

from zlib import crc32

import numpy as np
import pandas as pd
from PIL import Image

from wellread.calibrate.plate import Plate, open_plate
from wellread.crops.reader import Crops
from wellread.inputs.images import BadField
from wellread.pictures import montage
from wellread.pictures.labels import NEGATIVE, UNLABELLED, label_controls, row_labels
from wellread.profiles import tables
from wellread.report import svg, tasks
from wellread.report.run import Run
from wellread.runtime import table_files

MAX_FAILED = 200  # failed fields that are listed one by one
MAX_GROUPS, PER_GROUP = 16, 9  # rows and columns of the montage
FIELD_WIDTH, CELL_SIDE = 400, 74  # px; the second also stands in page.css


def calibrate(run: Run) -> dict:
    """Quality and intensity limits of every plate and channel, maps of intensity, and the failed fields."""
    tables = {plate: table_files.read(path, "fields") for plate, path in run.by_folder("fields").items()}
    calibrations = run.by_folder("calibration")
    rows = [_quality(plate, tables[plate], calibrations[plate]) for plate in run.plates]
    failed = pd.concat([table[table["status"] != "ok"] for table in tables.values()]) if tables else pd.DataFrame()
    return {
        "plates": rows,
        "maps": [{"plate": plate, "maps": _intensity_maps(run, tables[plate])} for plate in run.pictured_plates],
        "failed": failed.head(MAX_FAILED).to_dict("records"),
        "n_failed": len(failed),
    }


def _quality(plate: str, fields: pd.DataFrame, calibration) -> dict:
    with np.load(calibration) as saved:
        channels, limits = saved["channels"].tolist(), saved["limits"].tolist()
        dimmest = saved["illumination"].min(axis=(1, 2)).tolist()
    good = fields[fields["status"] == "ok"]
    facts = [
        {"channel": c, "low": low, "high": high, "light": light, "saturated": good[f"saturated_{c}"].mean()}
        | {"focus": good[f"focus_{c}"].median(), "worst": good[f"focus_{c}"].min()}
        for c, (low, high), light in zip(channels, limits, dimmest, strict=True)
    ]
    flags = fields["flags"][fields["flags"] != ""].str.split("|").explode().value_counts().sort_index().to_dict()
    return {"plate": plate, "fields": len(fields), "good": len(good), "flags": flags, "channels": facts}


def _intensity_maps(run: Run, fields: pd.DataFrame) -> list[dict]:
    good = fields[fields["status"] == "ok"]
    means = {channel: good.groupby("well")[f"mean_{channel}"].mean().dropna() for channel in run.settings["channels"]}
    return [
        {"channel": channel, "low": mean.min(), "high": mean.max()}
        | {"map": svg.plate_map(mean.to_dict(), mean.min(), mean.max())}
        for channel, mean in means.items()
        if len(mean)
    ]


def segment(run: Run) -> dict:
    """Number and size of the objects of every plate; for some plates a map of the numbers and fields with outlines."""
    masks = run.by_folder("masks")
    objects = {plate: _object_counts(run, plate) for plate in run.plates if plate in masks}
    pictured = [plate for plate in run.pictured_plates if plate in masks]
    return {
        "scores": tasks.segmentation_scores(run),
        "plates": [_size_statistics(plate, *objects[plate]) for plate in objects],
        "shown": [_plate_pictures(run, plate, masks[plate], objects[plate][0]) for plate in pictured],
    }


def _object_counts(run: Run, plate: str) -> tuple[pd.Series, pd.DataFrame]:
    """The number of objects of every good field (also 0), and the table of cells."""
    fields = table_files.read(run.by_folder("fields")[plate], "fields")
    cells = table_files.read(run.by_folder("cells")[plate], "cells", ["field", "area", "nucleus_area"])
    lost = table_files.read(run.by_folder("lost")[plate], "lost", ["field"])
    counts = pd.concat([cells["field"], lost["field"]]).value_counts()
    return counts.reindex(fields.loc[fields["status"] == "ok", "field"], fill_value=0), cells


def _size_statistics(plate: str, counts: pd.Series, cells: pd.DataFrame) -> dict:
    return {
        "plate": plate,
        "fields": len(counts),
        "empty": int((counts == 0).sum()),
        "per_field": counts.quantile([0.05, 0.5, 0.95]).tolist(),
        "area": cells["area"].median(),
        "nucleus_area": cells["nucleus_area"].median(),
    }


def _plate_pictures(run: Run, plate: str, masks, counts: pd.Series) -> dict:
    opened = open_plate(run.by_folder("fields")[plate], run.by_folder("calibration")[plate])
    place = opened.fields.loc[counts.index]
    wells = counts.groupby(place["well"].to_numpy(object)).sum()
    pictures = [
        {"what": what, "well": place.loc[field, "well"], "site": place.loc[field, "site"], "n": int(counts[field])}
        | {"uri": _overlay(opened, field, masks)}
        for what, field in _example_fields(counts, run.config["seed"], plate).items()
    ]
    return {
        "plate": plate,
        "map": svg.plate_map(wells.to_dict(), 0, max([*wells, 1]), digits=0),
        "pictures": pictures,
    }


def _overlay(plate: Plate, field: int, masks) -> str:
    """The picture of a field as a data URI, "" if its images cannot be read any more."""
    try:
        labels = montage.read_masks(masks, field)
        return montage.webp_uri(Image.fromarray(montage.field_with_outlines(plate, field, labels, FIELD_WIDTH)))
    except BadField:
        return ""


def _example_fields(counts: pd.Series, seed: int, plate: str) -> dict[str, int]:
    """{what: field} of up to three different fields: with fewest and most objects, and one drawn at random."""
    if counts.empty:
        return {}
    order = np.random.default_rng([seed, crc32(plate.encode())]).permutation(counts.index)
    wanted = [("fewest objects", counts.idxmin()), ("most objects", counts.idxmax())]
    wanted += [("drawn at random", field) for field in order if field not in dict(wanted).values()][:1]
    without_repeats = {field: what for what, field in wanted}
    return {what: field for field, what in without_repeats.items()}


def crops(run: Run) -> dict:
    """One cell in every channel, and a row of cells for every mechanism, or treatment if no mechanism is known.

    Negative controls come first, then what the strongest hits are.
    """
    channels = run.settings["channels"]
    plates = [plate for plate in run.by_folder("crops") if plate in run.by_folder("cells")]
    images = Crops([run.by_folder("crops")[plate] for plate in plates]) if plates else []
    facts = {"n": len(images), "colours": montage.colours(channels), "label": "", "groups": [], "more": 0, "passed": 0}
    if not facts["n"]:
        counts = [table_files.check(path, "cells").num_rows for path in run.paths("cells")]
        return facts | {"passed": 0 if run.settings.get("keep_crops", True) else sum(counts)}
    cells = [table_files.read(run.by_folder("cells")[plate], "cells", ["plate", "well"]) for plate in plates]
    label, labels = _cell_labels(pd.concat(cells, ignore_index=True), run.wells)
    rng = np.random.default_rng(run.config["seed"])
    rank = _ranks_of_hits(run, label)
    names = sorted(
        set(labels), key=lambda name: (name == UNLABELLED, name != NEGATIVE, rank.get(name, len(rank)), name)
    )
    chosen = {name: _sample(np.flatnonzero(labels == name), PER_GROUP, rng) for name in names[:MAX_GROUPS]}
    one = images[_sample(np.arange(len(images)), 1, rng)][0]
    rows = {name: montage.row_of_cells(images[chosen[name]], channels, CELL_SIDE) for name in chosen}
    return facts | {
        "size": images.shape[-1],
        "label": label,
        "one": montage.channels_of_cell(one, channels, CELL_SIDE),
        "groups": [{"name": name, "uri": uri} for name, uri in rows.items()],
        "more": max(len(names) - MAX_GROUPS, 0),
    }


def _cell_labels(cells: pd.DataFrame, wells: pd.DataFrame) -> tuple[str, np.ndarray]:
    """What cells are grouped by, moa or else treatment, and the group of every cell."""
    meta = wells.rename(columns=tables.column).reset_index(drop=True)
    labels = label_controls(meta, row_labels(meta, "", "moa", "treatment"))
    label_of_well = dict(zip(zip(wells["plate"], wells["well"], strict=True), labels, strict=True))
    keys = zip(cells["plate"], cells["well"], strict=True)
    return labels.name, np.array([label_of_well.get(key) or UNLABELLED for key in keys], object)


def _ranks_of_hits(run: Run, label: str) -> dict[str, int]:
    """{value of the column `label`: the place of its strongest treatment in the list of hits}; {} without a list."""
    found = [table_files.read(path, "hits") for path in run.paths("hits")]
    values = found[0][label].dropna().unique() if found and label in found[0] else []
    return {str(value): i for i, value in enumerate(values)}


def _sample(rows: np.ndarray, n: int, rng) -> np.ndarray:
    """Up to n of `rows`, drawn without replacement."""
    return rng.choice(rows, min(n, len(rows)), replace=False)
