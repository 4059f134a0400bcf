"""What OME says of groups of Zarr, in formats 2 and 3: small JSON files, read without a library."""

import json
from pathlib import Path

from wellread.runtime.errors import InputError


def attributes(folder: Path) -> dict:
    """What OME says of a group of Zarr, of format 2 or 3; {} if it says nothing. InputError if it cannot be read."""
    try:
        if (folder / "zarr.json").is_file():
            return json.loads((folder / "zarr.json").read_text()).get("attributes", {}).get("ome", {})
        if (folder / ".zattrs").is_file():
            return json.loads((folder / ".zattrs").read_text())
    except ValueError as error:
        raise InputError("metadata of Zarr in JSON", str(error), str(folder), "copy the folder again") from error
    return {}
