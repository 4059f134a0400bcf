"""Masks as OME-TIFF, a file per field, which Fiji, QuPath, napari, OMERO and all that Bio-Formats serves open."""

import re
from uuid import NAMESPACE_URL, uuid5

import numpy as np
import tifffile

from wellread.runtime import table_files
from wellread.runtime.files import whole

CHANNELS = ["nucleus", "cell"]
UNSAFE = r'[\s/\\:*?"<>|]+'  # what file names of some system cannot have


def to_ome_tiff(masks, fields, out, pixel_size: float) -> None:
    """Write the masks of a plate into the folder `out`: WELL_SITE.ome.tif, labels (C = nucleus and cell, Y, X).

    `masks` (masks.tif) and `fields` (fields.parquet) are paths; `pixel_size` is in micrometres per pixel, 0 if unknown.
    Labels are uint16, or int32 above 65,535; fields that were left out are 0 everywhere. Metadata are those of
    https://docs.openmicroscopy.org/ome-model/6.3.1/: axes, sizes of pixels, names of the field and of its channels.
    """
    places = table_files.read(fields, "fields", ["plate", "well", "site"])
    with tifffile.TiffFile(masks) as source, whole(out) as folder:
        folder.mkdir()
        for number, name in enumerate(file_names(places)):
            pages = range(number * len(CHANNELS), (number + 1) * len(CHANNELS))
            _write(folder / name, source.asarray(key=pages), " ".join(places.iloc[number]), pixel_size)


def file_names(places) -> list[str]:
    """The names of the files of fields (F rows of plate, well, site); with the number of the field if names repeat."""
    names = [re.sub(UNSAFE, "-", f"{well}_{site}") for well, site in zip(places["well"], places["site"], strict=True)]
    if len({name.lower() for name in names}) < len(names):
        names = [f"{name}_{number}" for number, name in enumerate(names)]
    return [f"{name}.ome.tif" for name in names]


def _write(path, labels: np.ndarray, name: str, pixel_size: float) -> None:
    """An OME-TIFF of labels (2, H, W); its identifier, which OME-XML asks for, is the same in every run."""
    labels = labels.astype(np.uint16) if labels.max(initial=0) < 2**16 else labels
    scale = {}
    if pixel_size:
        scale = {f"PhysicalSize{side}": pixel_size for side in "XY"}
        scale |= {f"PhysicalSize{side}Unit": "µm" for side in "XY"}
    about = {"axes": "CYX", "Name": name, "Channel": {"Name": CHANNELS}, "UUID": str(uuid5(NAMESPACE_URL, name))}
    tags = {"photometric": "minisblack", "compression": "zlib"}
    tifffile.imwrite(path, labels, ome=True, metadata=about | scale, **tags)
