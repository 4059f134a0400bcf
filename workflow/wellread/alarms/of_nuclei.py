"""Alarms about what is taken for nuclei: another channel may look far more like them, and be them."""

import numpy as np

from wellread.alarms.alarm import Alarm, names
from wellread.alarms.of_plates import by_plate
from wellread.alarms.plate_result import PlateResult
from wellread.calibrate.plate import open_plate
from wellread.inputs.images import BadField
from wellread.segment.likeness import UNEVEN, better_channel

LIMIT, EDIT = "no other channel expected", "check `nucleus` of `segment`, and the names of the channels"


def found(inputs: dict, how: dict, limits: dict) -> list[Alarm]:
    """An alarm for every channel that looks more like nuclei than that of nuclei, on the plates where it does."""
    plates = {}
    for name, paths in by_plate(inputs).items() if limits["nuclei_channel"] else ():
        if better := better_nuclei(PlateResult(paths, how["dataset"])):
            plates.setdefault(better, []).append(name)
    words = "{} looks more like nuclei than what is taken for them"
    return [Alarm("nuclei_channel", names("plate", of), words.format(one), LIMIT, EDIT) for one, of in plates.items()]


def better_nuclei(plate: PlateResult) -> str:
    """The channel that looks far more like nuclei, in the first field with objects, than that of nuclei, or "".

    A field is read only where nuclei vary much in area (see `segment.likeness`).
    """
    options = next(iter((plate.dataset["segment"] or {"": {}}).values()))
    nucleus, areas = options.get("nucleus"), plate.nucleus_areas
    if nucleus not in plate.channels or areas.empty:
        return ""
    if np.subtract(*areas.quantile([0.75, 0.25])) <= UNEVEN * areas.median():
        return ""
    opened = open_plate(str(plate.paths["fields"]), str(plate.paths["calibration"]))
    try:
        return better_channel(opened.read_by_channel(int(plate.objects["field"].iloc[0])), nucleus)
    except BadField:  # images may have gone since
        return ""
