"""SHA-256 of files, kept from run to run while the disk says that they are the same: weights may have gigabytes."""

import json
import os
import time
from contextlib import suppress
from functools import cache

from wellread.networks.checksum import sha256_of
from wellread.plan import kept
from wellread.plan.stamps import SETTLED, stamp
from wellread.runtime.files import whole

NAME = "hashes_of_files"  # in kept.FOLDER


def sha256(path) -> str:
    """SHA-256 of a file in hexadecimal. OSError if it cannot be read."""
    name, before, known = os.path.abspath(path), stamp(path), _known()
    if known.get(name, {}).get("stamp") == before:
        return known[name]["sha256"]
    found = sha256_of(path)
    if max(before[2:]) < time.time_ns() - SETTLED:
        known[name] = {"stamp": before, "sha256": found}
        with suppress(OSError), whole(kept.FOLDER / NAME) as part:
            part.write_text(json.dumps(known))
    return found


@cache
def _known() -> dict:
    """The hashes of earlier runs by path, each with what the disk said of its file; {} where none can be read."""
    with suppress(OSError, ValueError):
        known = json.loads((kept.FOLDER / NAME).read_text())
        if isinstance(known, dict) and all(isinstance(one, dict) and "sha256" in one for one in known.values()):
            return known
    return {}
