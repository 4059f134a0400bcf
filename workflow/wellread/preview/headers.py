"""What image files say of themselves to a guess: channels, the size of pixels, and which channel shows nuclei."""

import re
from pathlib import Path

import numpy as np
import pandas as pd

from wellread.inputs import decode, images
from wellread.inputs.channels import kind
from wellread.inputs.description import MICROMETRES, Description
from wellread.inputs.formats import BadField
from wellread.inputs.references import COLOURS
from wellread.segment.likeness import nuclei_channel

STAINS = ("RNA", "ER", "AGP", "Actin", "Tubulin", "Membrane", "Mito", "GFP", "RFP")  # that show cells, the best first


def names_inside(what: Description) -> tuple[dict[str, str], list[str]]:
    """The channels in a file: ({what the file calls it: our name}, our names); one that is alone shows nuclei."""
    sizes = what.sizes
    count = max(sizes.get("C", 1), sizes.get("S", 1) if what.meaning != "colour" else 1)
    if count == 1:
        return {}, ["DNA"]
    raw = what.channels if len(what.channels) == count else [f"c{i}" for i in range(count)]
    called = {one: channel_name(one) for one in raw}
    return {one: name for one, name in called.items() if one != name}, list(called.values())


def options_inside(path: Path) -> tuple[dict, list[str]]:
    """The options `names` or `rgb` of a source for a file like this, and its channels.

    A picture whose colours are the same is grey; the colours of others are channels.
    """
    what = decode.describe(path)
    names, channels = names_inside(what)
    if what.meaning != "colour":
        return ({"names": names} if names else {}), channels
    if _is_grey(path):
        return {"rgb": {"DNA": "red"}}, ["DNA"]
    return {"rgb": {colour: colour for colour in COLOURS}}, list(COLOURS)


def _is_grey(path: Path) -> bool:
    planes = [images.read(f"{path} [rgb={colour}]") for colour in COLOURS]
    return all(np.array_equal(planes[0], plane) for plane in planes[1:])


def channel_name(raw: str) -> str:
    """A name as a channel can be called."""
    return re.sub(r"[^A-Za-z0-9 _.+-]+", "_", raw).strip(" _.-") or "channel"


def _metamorph(path: Path) -> dict:
    """What MetaMorph and ImageXpress write into a TIFF of a plane, {} where they did not."""
    import tifffile

    try:
        with tifffile.TiffFile(path) as tiff:
            return (tiff.metaseries_metadata or {}).get("PlaneInfo", {}) if tiff.is_metaseries else {}
    except Exception:  # a damaged file has no metadata
        return {}


def stain(path: Path) -> str:
    """The name of the light by the file itself; "" if it says nothing that is a stain or a fluorophore."""
    said = str(_metamorph(path).get("_IllumSetting_", ""))
    return channel_name(said) if kind(said) else ""


def pixel_size(path: Path) -> float:
    """Micrometres per pixel, by the file itself; 0 if it does not say."""
    try:
        known = decode.describe(path).pixel_size
    except BadField:
        return 0.0
    said = _metamorph(path)
    unit = MICROMETRES.get(said.get("spatial-calibration-units"), 0)
    told = said.get("spatial-calibration-x", 0) * unit if said.get("spatial-calibration-state") else 0
    return known or float(told)


def segmenter_channels(channels: list[str], table: pd.DataFrame) -> tuple[str, str, str]:
    """The channel of nuclei, that of cells or "", and how the first was found, such as by its name."""
    kinds = {name: kind(name) for name in channels}
    nucleus = next((name for name in channels if kinds[name] == "DNA"), "")
    how = "its name" if len(channels) > 1 else "the only one"
    if not nucleus and len(channels) > 1:
        nucleus = _by_looks(channels, table)
        how = "its looks" if nucleus else "the first one, as none looks like nuclei"
    nucleus = nucleus or channels[0]
    shown = [name for stain in STAINS for name in channels if kinds[name] == stain and name != nucleus]
    return nucleus, next(iter(shown), ""), how


def _by_looks(channels: list[str], table: pd.DataFrame) -> str:
    """The channel whose objects in the first field are most like nuclei; "" if none has any."""
    row, planes = table.iloc[0], {}
    for channel in channels:
        try:
            raw = images.read(row[channel]).astype(np.float32)
        except BadField:
            continue
        low, high = np.percentile(raw, (0.05, 99.95))
        planes[channel] = np.clip((raw - low) / max(high - low, 1), 0, 1)
    return nuclei_channel(planes)
