"""Alarms about plates: sizes and numbers of objects, crops, channels, masks.

A rule gives a number for every plate, NaN where it cannot tell, and breaks where that lies outside of its threshold.
"""

from pathlib import Path

import numpy as np

from wellread.alarms.alarm import Alarm, names
from wellread.alarms.of_masks import empty_fields, ragged_nuclei
from wellread.alarms.plate_result import ENOUGH, PlateResult
from wellread.inputs import images
from wellread.runtime import table_files


def nucleus_area(plate: PlateResult) -> float:
    return plate.nucleus_areas.median()


def nucleus_diameter(plate: PlateResult) -> float:
    return plate.nucleus_diameter * (plate.dataset["pixel_size"] or np.nan)


def pixel_size(plate: PlateResult) -> float:
    return plate.dataset["pixel_size"] or np.nan


def cells_per_field(plate: PlateResult) -> float:
    return len(plate.objects) / max(len(plate.fields), 1) if len(plate.objects) else np.nan


def rejected(plate: PlateResult) -> float:
    """The share of what segmentation found that it rejected: fibres, debris, haze."""
    if "rejected" not in plate.paths:
        return np.nan
    n = table_files.check(plate.paths["rejected"], "rejected").num_rows
    return n / (n + len(plate.objects)) if n + len(plate.objects) >= ENOUGH else np.nan


def nuclei_as_cells(plate: PlateResult) -> float:
    """The median share of a cell that is its nucleus, where cells have a channel of their own."""
    apart = plate.dataset["segment"] and any(options.get("cell") for options in plate.dataset["segment"].values())
    if not apart or len(plate.objects) < ENOUGH:
        return np.nan
    return (plate.objects["nucleus_area"] / plate.objects["area"]).median()


def crop_per_nucleus(plate: PlateResult) -> float:
    if "cells" not in plate.paths or plate.nucleus_areas.empty:
        return np.nan
    return table_files.read(plate.paths["cells"], "cells", ["side"])["side"].median() / plate.nucleus_diameter


def lost_at_edge(plate: PlateResult) -> float:
    """The share of objects that get no crop, as it would leave the field."""
    if "lost" not in plate.paths or "cells" not in plate.paths or len(plate.objects) < ENOUGH:
        return np.nan
    reasons = table_files.read(plate.paths["lost"], "lost", ["reason"])["reason"]
    n = len(reasons) + table_files.check(plate.paths["cells"], "cells").num_rows
    return (reasons == "edge").sum() / n if n else np.nan


def foreground(plate: PlateResult) -> float:
    """The median share of a field that is within cells; nuclei that were grown fill it where they lie close."""
    if not plate.bodies or len(plate.objects) < ENOUGH:
        return np.nan
    height, width = image_shape(plate)
    return (plate.objects.groupby("field")["area"].sum() / (height * width)).median()


def mask_contrast(plate: PlateResult) -> float:
    """How much brighter cells are than the mean of their field, as a ratio, in the channel where it is most.

    Nuclei that were grown hold their surroundings, too, which may be as dark as the field.
    """
    if not plate.bodies or len(plate.objects) < ENOUGH:
        return np.nan
    limits = np.load(plate.paths["calibration"])["limits"]
    ratios = []
    for channel, (low, high) in zip(plate.channels, limits, strict=True):
        level = ((plate.fields[f"mean_{channel}"] - low) / (high - low)).clip(0, 1)
        inside = plate.objects.groupby("field")[f"intensity_{channel}"].mean()
        ratios.append((inside / level).replace(np.inf, np.nan).median())
    return np.nanmax(ratios)


def equal_channels(plate: PlateResult) -> float:
    """The largest share of fields, over pairs of channels, in which two channels have the same statistics."""
    statistics = ("mean", "p99", "background", "focus")
    tables = [plate.fields[[f"{name}_{channel}" for name in statistics]].to_numpy() for channel in plate.channels]
    pairs = [(a, b) for i, a in enumerate(tables) for b in tables[:i] if len(a)]
    return max([(a == b).all(axis=1).mean() for a, b in pairs], default=np.nan)


RULES = {  # rule: whether less or more breaks it, what was found
    nucleus_area: ("less", "nuclei of {:.3g} px²"),
    nucleus_diameter: ("less", "nuclei of {:.3g} µm"),
    pixel_size: ("outside", "pixels of {:.3g} µm"),
    cells_per_field: ("more", "{:.0f} cells in a field"),
    rejected: ("more", "{:.0%} of what was found is no nucleus"),
    nuclei_as_cells: ("more", "{:.0%} of a cell is its nucleus"),
    crop_per_nucleus: ("less", "crops of {:.2g} nuclear diameters"),
    lost_at_edge: ("more", "{:.0%} of what was found gets no crop, as that would leave the field"),
    foreground: ("more", "{:.0%} of a field is within cells"),
    ragged_nuclei: ("more", "{:.0%} of nuclei have ragged outlines"),
    empty_fields: ("more", "{:.0%} of good fields are without cells"),
    mask_contrast: ("less", "cells are {:.2g} times as bright as their field"),
    equal_channels: ("more", "two channels are equal in {:.0%} of fields"),
}
EDITS = {  # code of a rule: what to look at
    "nucleus_area": "look at the fields; `segment` may need another channel or size",
    "nucleus_diameter": "check that `pixel_size` is in µm, and that of these images",
    "pixel_size": "write `pixel_size` in µm per pixel",
    "cells_per_field": "look at the fields: noise may be taken for cells",
    "rejected": "look at the fields: dirt, or images out of focus; or give another channel or segmenter",
    "nuclei_as_cells": "check `cell` of `segment`: it may be the channel of nuclei, or a dim one",
    "crop_per_nucleus": "raise `crops.size`, or leave it to `auto`; or, if `auto` did, give nuclei a `reach`",
    "lost_at_edge": "a smaller `crops.size`, or `crops.edge: pad` (or reflect)",
    "foreground": "look at the fields: tissue, clumps or background may be taken for cells",
    "ragged_nuclei": "look at the outlines: another stain, tissue or clumps cut into pieces; or another segmenter",
    "empty_fields": "look at the fields: no nuclear stain, brightfield, tissue, or nothing in focus",
    "mask_contrast": "look at the fields: masks of others, or a wrong channel",
    "equal_channels": "check the images table: the same files may stand under two names",
}


def found(inputs: dict, how: dict, limits: dict) -> list[Alarm]:
    """The alarms of all plates, one for every rule, with the value of the plate that breaks it most."""
    plates = {name: PlateResult(paths, how["dataset"]) for name, paths in by_plate(inputs).items()}
    alarms = []
    for rule, (side, words) in RULES.items():
        code, limit = rule.__name__, limits[rule.__name__]
        values = {name: rule(plate) for name, plate in plates.items()} if limit is not None else {}
        if broken := {name: value for name, value in values.items() if breaks(value, side, limit)}:
            worst = (min if side == "less" else max)(broken.values())
            of, told = names("plate", list(broken)), words.format(worst)
            alarms.append(Alarm(code, of, told, bound(side, limit), EDITS[code]))
    return alarms


def by_plate(inputs: dict) -> dict[str, dict[str, Path]]:
    """{plate: {kind: path}} of the kinds that plates have."""
    plates = {}
    for kind in ("fields", "calibration", "masks", "objects", "rejected", "cells", "lost"):
        for path in map(Path, inputs.get(kind, [])):
            plates.setdefault(path.parent.name, {})[kind] = path
    return dict(sorted(plates.items()))


def breaks(value: float, side: str, limit) -> bool:
    """Whether a value lies on the wrong side of a limit; NaN never does."""
    if side == "outside":
        return value < limit[0] or value > limit[1]
    return value < limit if side == "less" else value > limit


def bound(side: str, limit) -> str:
    """What is expected, in words."""
    if side == "outside":
        return f"{limit[0]:g} to {limit[1]:g} expected"
    return f"at {'least' if side == 'less' else 'most'} {limit:g} expected"


def image_shape(plate: PlateResult) -> tuple[int, int]:
    """Height and width of a usable field, px; (inf, inf) where none can be read any more."""
    shapes = map(images.read_shape, plate.fields[f"path_{plate.channels[0]}"])
    return next(filter(None, shapes), (np.inf, np.inf))
