"""The SHA-256 of files, by which weights are known to be those that are meant."""

import hashlib

from wellread.runtime.errors import InputError


def sha256_of(path) -> str:
    """SHA-256 of a file, in hexadecimal."""
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def other_hash(sha256: str, found: str, where: str) -> InputError | None:
    """The error of a file whose hash is `found`, not `sha256`; "": none was given, which only .safetensors may do."""
    if found == sha256.lower():
        return None
    edit = "put the right file there; if this is the one and you trust it, give its hash as `sha256`"
    return InputError(f"SHA-256 {sha256 or 'of a file that may hold code'}", found, where, edit)
