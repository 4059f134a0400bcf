"""Plates of OME-Zarr: wells and fields as the metadata of the plate name them, channels by their labels."""

import logging
from pathlib import Path

import pandas as pd

from wellread.inputs import channel_planes, listing
from wellread.inputs.pattern import plate_name
from wellread.inputs.well_names import well_name
from wellread.inputs.zarr_metadata import attributes
from wellread.runtime.errors import InputError
from wellread.runtime.registry import choice

log = logging.getLogger("wellread")


@choice("images")
def ome_zarr(
    channels: list[str], staged: str, where: str, say=log.info, *, path: str, names: dict | None = None,
    acquisition="", z="", time="",
) -> pd.DataFrame:  # fmt: skip
    """The fields of the plate `path`, or of all plates in the folder `path`, in OME-Zarr of version 0.4 or 0.5.

    Sites are called like the images of a well. InputError if there is no plate, or a plate has several acquisitions
    and none is asked for; see `channel_planes` for the others.
    """
    where = f"{where}.ome_zarr"
    listing.require(path, "a plate of OME-Zarr, or a folder of them", f"{where}.path")
    rows = [row for plate in _plates(Path(path), where) for row in _fields(plate, acquisition, where)]
    inside = channel_planes.Inside(names or {}, z, time, {}, "", where, say)
    return channel_planes.with_channels(pd.DataFrame(rows), channels, inside)


def _plates(path: Path, where: str) -> list[Path]:
    """The plates at `path`: itself, or the folders in it."""
    if "plate" in attributes(path):
        return [path]
    inner = sorted(one for one in path.iterdir() if one.is_dir()) if path.is_dir() else []
    if plates := [one for one in inner if "plate" in attributes(one)]:
        return plates
    kind = next((kind for kind in ("well", "multiscales", "bioformats2raw.layout") if kind in attributes(path)), "")
    found = {"well": "a single well", "multiscales": "a single image", "": "no metadata of a plate"}.get(kind, kind)
    edit = "name the folder of the plate (its .zattrs or zarr.json says plate), or list images in a table"
    raise InputError("a plate of OME-Zarr, or a folder of them", f"{found} in {path}", f"{where}.path", edit)


def _fields(plate: Path, acquisition, where: str):
    """A row (plate, well, site, path) for every image of a plate."""
    wells = [well["path"] for well in attributes(plate)["plate"]["wells"]]
    name = plate_name(plate.name.removesuffix(".zarr").removesuffix(".ome"))
    rows = [(well, image) for well in wells for image in _images(plate / well, where)]
    ids = sorted({image.get("acquisition", 0) for _, image in rows})
    if acquisition == "" and len(ids) > 1:
        edit = f"write `acquisition: {ids[0]}`"
        raise InputError("one acquisition", f"acquisitions {', '.join(map(str, ids))} in {plate}", where, edit)
    if acquisition not in ("", *ids):
        found = f"acquisitions {', '.join(map(str, ids))} in {plate}"
        raise InputError(f"an acquisition {acquisition}", found, f"{where}.acquisition", "acquisition")
    for well, image in rows:
        if acquisition in ("", image.get("acquisition", 0)):
            spelt = well_name(well.replace("/", ""))
            yield {"plate": name, "well": spelt, "site": image["path"], "path": str(plate / well / image["path"])}


def _images(well: Path, where: str) -> list[dict]:
    said = attributes(well)
    if "well" not in said:
        found = f"no metadata of a well in {well}"
        raise InputError("the wells that the plate names", found, where, "copy the plate again")
    return said["well"]["images"]
