"""Which files of a folder can be used for a guess, and why none can."""

import re
from pathlib import Path

from wellread.inputs import decode, vendors
from wellread.inputs.formats import BadField
from wellread.runtime.counted import counted
from wellread.runtime.errors import InputError

PACKED = re.compile(r".*\.(gz|zip|bz2|xz)", re.IGNORECASE)
OF_MAKERS = re.compile(r".*\.(czi|nd2|lif|lsm|oib|oif|vsi|ims|scn)", re.IGNORECASE)
TRIED = 20  # files of a folder that are tried until one can be read


def no_pictures(listed: list[str], folder: str) -> InputError:
    """Why there is nothing to guess from: packed files, those of microscopes' own formats, or another folder."""
    found = f"{counted(len(listed), 'file')}, such as {listed[0]}" if listed else "an empty folder"
    edit = "the folder that holds the images (its parent, or one inside?); FOLDER=..."
    if any(vendors.PICTURE.fullmatch(name.rpartition(".")[0]) for name in listed if PACKED.fullmatch(name)):
        edit = f"unpack the files first, such as by `gunzip -r {folder}` or `unzip`"
    elif any(map(OF_MAKERS.fullmatch, listed)):
        edit = "save the files as OME-TIFF or OME-Zarr first, such as by `bfconvert` of Bio-Formats, or Fiji"
    return InputError("images: TIFF, PNG, JPEG, BMP, NPY, NPZ or Zarr", found, folder, edit)


def readable_first(folder: str, pictures: list[str], say) -> list[str]:
    """The pictures, with the first one that can be read before those that cannot; BadField if none of a few can."""
    for place, name in enumerate(pictures[:TRIED]):
        try:
            decode.describe(Path(folder, name))
        except BadField as error:
            if place + 1 == min(TRIED, len(pictures)):
                raise
            say(f"cannot be read: {error.detail}")
        else:
            return [name, *pictures[:place], *pictures[place + 1 :]]
    return pictures
