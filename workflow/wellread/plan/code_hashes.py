"""The hashes of code of `provenance`, kept from run to run: they take a second or two and change only with our code."""

import json
from contextlib import suppress
from functools import cache

from wellread.plan import kept, provenance
from wellread.runtime.files import whole

NAME = "hashes_of_code"
BESIDE = kept.PACKAGE / "__pycache__"  # of use to every project, where it can be written


def fingerprint(*modules: str) -> str:
    """`provenance.fingerprint`, from an earlier run if nothing of our code has changed."""
    return _known_or(provenance.fingerprint, modules)


def weights_fingerprint(*modules: str) -> str:
    """`provenance.weights_fingerprint`, likewise."""
    return _known_or(provenance.weights_fingerprint, modules)


def keep() -> None:
    """Keep what was asked for, in the project and beside the code; no error where nothing can be written."""
    for folder in (kept.FOLDER, BESIDE):
        with suppress(OSError), whole(folder / NAME) as part:
            part.write_text(json.dumps(_known()))


def _known_or(hashed, modules) -> str:
    name, known = f"{hashed.__name__} {' '.join(sorted(set(modules)))}", _known()["hashes"]
    if name not in known:
        known[name] = hashed(*modules)
    return known[name]


@cache
def _known() -> dict:
    """The `hashes` by name, and a hash of all the `code` that they are of."""
    code = kept.code()
    for folder in (kept.FOLDER, BESIDE):
        with suppress(OSError, ValueError, TypeError, KeyError):
            known = json.loads((folder / NAME).read_text())
            if known["code"] == code and isinstance(known["hashes"], dict):
                return known
    return {"code": code, "hashes": {}}
